from pathlib import Path

import pytest

from transnet.data.manifest import ClipRecord
from transnet.training.clip_advice import clip_advice


def clips(label, count, groups):
    return [ClipRecord(Path(f"{label}{n}.mp4"), label, f"g{n % groups}") for n in range(count)]


@pytest.mark.parametrize(
    ("run", "walk", "words"),
    [
        ((1, 1), (9, 9), "run has only 1 training clip; record it with 5 people or more"),
        ((9, 1), (9, 9), "those of run are of only 1 group (people or recordings); others teach"),
        ((9, 9), (8, 5), "8 to 9 training clips per class, each class from 5 groups or more"),
        ((9, 9), (9, 9), "9 training clips per class"),
    ],
)
def test_what_is_missing_is_said_first(run, walk, words):
    found = clip_advice([*clips("run", *run), *clips("walk", *walk), *clips("_none", 1, 1)])
    assert words in found
    assert found.endswith("transnet train DATA --shots-curve measures whether more clips help")
