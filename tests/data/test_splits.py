from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transnet.data.datasets import open_dataset
from transnet.data.manifest import ClipRecord, Manifest
from transnet.data.splits import make_split, siblings_share
from transnet.errors import TransNetError


def manifest_of(groups_per_class: int, clips_per_group: int, classes: int = 3, shared_groups=False):
    clips = [
        ClipRecord(Path(f"{label}/{group}/{clip}.avi"), f"class{label}",
                   f"person{group}" if shared_groups else f"class{label}_g{group}")
        for label in range(classes)
        for group in range(groups_per_class)
        for clip in range(clips_per_group)
    ]  # fmt: skip
    return Manifest("made up", tuple(clips))


shapes = {
    "groups_per_class": st.integers(2, 12),
    "clips_per_group": st.integers(1, 6),
    "classes": st.integers(2, 5),
    "shared_groups": st.booleans(),
    "seed": st.integers(0, 1000),
}


@given(**shapes)
def test_group_split_keeps_groups_whole(
    groups_per_class, clips_per_group, classes, shared_groups, seed
):
    manifest = manifest_of(groups_per_class, clips_per_group, classes, shared_groups)
    split = make_split(manifest, "group", seed=seed)
    parts = [split.train, split.validation, split.test]
    assert sorted(clip for part in parts for clip in part) == sorted(manifest.clips)
    groups = [{clip.group for clip in part} for part in parts]
    assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
    assert {clip.label for clip in split.train} == set(manifest.classes)
    assert split.siblings_in_train == 0


@given(**shapes)
def test_paper_split_is_stratified_and_leaks(
    groups_per_class, clips_per_group, classes, shared_groups, seed
):
    manifest = manifest_of(groups_per_class, clips_per_group, classes, shared_groups)
    split = make_split(manifest, "paper", seed=seed)
    per_class = groups_per_class * clips_per_group
    counts = Counter(clip.label for clip in split.test)
    assert set(counts.values()) == {max(1, round(0.2 * per_class))}
    assert set(split.train) | set(split.validation) | set(split.test) == set(manifest.clips)


def test_group_split_takes_about_a_fifth():
    split = make_split(manifest_of(25, 5), "group")
    assert len(split.test) == pytest.approx(0.2 * 375, abs=5)
    assert len(split.validation) == pytest.approx(0.15 * len(split.train + split.validation), abs=5)


def test_equal_seeds_make_equal_splits_and_others_do_not():
    manifest = manifest_of(10, 3)
    for name in ("group", "paper"):
        assert make_split(manifest, name, seed=3) == make_split(manifest, name, seed=3)
        assert make_split(manifest, name, seed=3) != make_split(manifest, name, seed=4)


def test_the_default_is_official_then_column_then_group():
    manifest = manifest_of(5, 2)
    assert make_split(manifest).name == "group"
    column = {clip: "test" if clip.group.endswith("0") else "train" for clip in manifest.clips}
    with_column = Manifest("made up", manifest.clips, column=column)
    assert make_split(with_column).name == "column"
    assert make_split(Manifest("made up", manifest.clips, official=(column,))).name == "official:1"


@pytest.mark.parametrize("name", ["official", "official:4", "column", "grup", "paper:2"])
def test_unknown_splits_are_named_with_what_there_is(name):
    with pytest.raises(TransNetError, match=f"--split is '{name}'.*has: paper, group"):
        make_split(manifest_of(3, 2), name)


def test_a_class_of_one_group_cannot_be_tested_by_group():
    clips = (*manifest_of(1, 4).clips,)
    with pytest.raises(TransNetError, match="leaves no test clips"):
        make_split(Manifest("made up", clips), "group")


def test_siblings_share_counts_class_and_group():
    a, b, c = (ClipRecord(Path(f"{n}.avi"), "run", g) for n, g in enumerate("xxy"))
    other = ClipRecord(Path("4.avi"), "walk", "x")
    assert siblings_share([b, c], [a]) == 0.5
    assert siblings_share([b], [other]) == 0


@pytest.mark.parametrize(("number", "train", "test"), [(1, 337, 132), (2, 338, 131), (3, 341, 128)])
def test_official_ucf101_splits_share_no_group(shared, number, train, test):
    manifest = open_dataset(f"ucf101:{shared / 'data/ucf101'}")
    split = make_split(manifest, f"official:{number}")
    assert (len(split.train) + len(split.validation), len(split.test)) == (train, test)
    assert split.siblings_in_train == 0
    assert not {c.group for c in split.train} & {c.group for c in split.validation}


def test_the_papers_split_of_ucf101_leaks(shared):
    manifest = open_dataset(f"ucf101:{shared / 'data/ucf101'}")
    assert make_split(manifest, "paper").siblings_in_train > 0.95
