from collections import Counter
from pathlib import Path

import pytest

from transnet.data.manifest import ClipRecord, Manifest
from transnet.data.shots import with_shots
from transnet.data.splits import make_split

CLIPS = tuple(
    ClipRecord(Path(f"{label}/{group}/{take}.mp4"), label, group)
    for label in ("run", "walk")
    for group in "abcde"
    for take in range(3)
)
SPLIT = make_split(Manifest("clips", CLIPS), "group")


@pytest.mark.parametrize("shots", [1, 2, 4, 6, 100])
def test_each_class_keeps_k_clips_of_different_groups(shots):
    few = with_shots(SPLIT, shots)
    for label in ("run", "walk"):
        groups = Counter(clip.group for clip in few.train if clip.label == label)
        assert sum(groups.values()) == min(shots, 12)
        assert max(groups.values()) - min(groups.values()) <= 1
        assert len(groups) == min(shots, 4)
    assert few.test == SPLIT.test
    assert few.validation == ()
    assert f"{shots} training clips per class" in few.rule


def test_a_smaller_k_is_nested_in_a_larger_one_and_seeds_differ():
    assert set(with_shots(SPLIT, 2).train) < set(with_shots(SPLIT, 4).train)
    choices = {with_shots(SPLIT, 1, seed=seed).train for seed in range(8)}
    assert len(choices) > 1
