"""Several labels in one text: what they mean, and what is refused."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transnet.data.labels import clean_label, join_labels, split_labels
from transnet.data.manifest import ClipRecord
from transnet.errors import TransNetError

NAMES = st.text(min_size=1, max_size=8).map(clean_label).filter(lambda name: name.strip())
LABELS = NAMES.filter(lambda name: "|" not in name and name != "_none" and clean_label(name))


@given(st.lists(LABELS, min_size=1, max_size=5), st.sampled_from(["|", " | ", "\t|", "|\u200b"]))
def test_what_is_joined_is_split_again_whatever_the_order_and_the_blanks(labels, separator):
    found = split_labels(separator.join(unicodedata.normalize("NFD", one) for one in labels))
    if len(labels) == 1:
        assert found == (unicodedata.normalize("NFD", labels[0]),)  # one label stays as it is
        return
    assert found == tuple(sorted({clean_label(one) for one in labels}))
    assert split_labels(join_labels(found)) == found
    assert split_labels(separator.join(reversed(labels))) == found


@given(st.text(alphabet="ab |\u200b\n", max_size=8))
def test_every_text_is_labels_or_refused(text):
    if "|" not in text:
        assert split_labels(text) == (text,)
    elif all(clean_label(part) for part in text.split("|")):
        assert all(split_labels(text))
    else:
        with pytest.raises(TransNetError, match=r"a single \| between them"):
            split_labels(text)


@pytest.mark.parametrize("text", ["walk||carry", "walk|", "|walk", "|", "walk| |carry"])
def test_an_empty_label_is_refused(text):
    with pytest.raises(TransNetError, match="in which a label is empty; accepted: one label, or"):
        split_labels(text)


def test_none_of_the_labels_stands_alone():
    assert split_labels("_none") == ("_none",)
    with pytest.raises(TransNetError, match=r"label is 'walk\|_none'; accepted: _none alone"):
        split_labels("walk|_none")


def test_a_clip_tells_its_labels():
    assert ClipRecord(Path("a.mp4"), "walk | carry", "a").labels == ("carry", "walk")
    assert ClipRecord(Path("a.mp4"), "walk", "a").labels == ("walk",)
