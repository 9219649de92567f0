"""Groups, subjects and source videos that stand on both sides of a split; no video is opened."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from transnet.data.manifest import Manifest
from transnet.data.splits import Split


@dataclass(frozen=True)
class Leakage:
    """How much of a test part has a sibling in training.

    Attributes:
        split: name of the split.
        num_train: clips in the training part, those held out of it for validation included.
        num_validation: clips that the dataset itself keeps for validation.
        num_test: clips in the test part.
        siblings_in_train: share of test clips, 0..1, with a clip of the same class and group in
            training or validation; the mean over seeds.
        deviation: its standard deviation over seeds; 0 for one seed.
        seeds: draws of a random split, else 1.
        groups_on_both_sides: groups with clips in training and in test, of any class; of the
            first seed, as are the numbers of clips.
        num_groups: groups of the test part.
    """

    split: str
    num_train: int
    num_validation: int
    num_test: int
    siblings_in_train: float
    deviation: float
    seeds: int
    groups_on_both_sides: tuple[str, ...]
    num_groups: int


def leakage(splits: Sequence[Split]) -> Leakage:
    """Measure one split, drawn with one or more seeds."""
    first = splits[0]
    own_validation = len(first.validation) if first.gives_validation else 0
    trained = {clip.group for clip in (*first.train, *first.validation)}
    tested = {clip.group for clip in first.test}
    shares = [split.siblings_in_train for split in splits]
    return Leakage(
        split=first.name,
        num_train=len(first.train) + len(first.validation) - own_validation,
        num_validation=own_validation,
        num_test=len(first.test),
        siblings_in_train=statistics.mean(shares),
        deviation=statistics.stdev(shares) if len(shares) > 1 else 0.0,
        seeds=len(splits),
        groups_on_both_sides=tuple(sorted(trained & tested)),
        num_groups=len(tested),
    )


def tested_in_training(manifest: Manifest, names: Iterable[str]) -> dict[str, dict[str, float]]:
    """For each split, the share of its test clips, 0..1, in the training part of each other one.

    What a model of one split has seen of the test of another: UCF101's second and third test
    lists lie wholly in the first training list.
    """
    parts = {
        name: {
            kind: {clip for clip, subset in manifest.splits[name].items() if subset == kind}
            for kind in ("train", "test")
        }
        for name in names
    }
    return {
        tested: {
            trained: len(parts[tested]["test"] & parts[trained]["train"])
            / max(1, len(parts[tested]["test"]))
            for trained in parts
            if trained != tested
        }
        for tested in parts
    }
