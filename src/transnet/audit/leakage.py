"""Groups (subjects, source videos) on both sides of a split, from the lists alone."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from transnet.data.manifest import Manifest
from transnet.data.splits import Split


@dataclass(frozen=True)
class Leakage:
    """How many test clips share class and group with a training clip.

    Attributes:
        split: name of the split.
        num_train: training clips, including those held out of them for validation.
        num_validation: clips of the dataset's own validation part.
        num_test: test clips.
        siblings_in_train: share of the test clips, 0..1, that share class and group with a clip
            of training or validation; mean over seeds.
        deviation: its standard deviation over seeds; 0 for one seed.
        seeds: number of seeds of a random split, else 1.
        groups_on_both_sides: groups with clips in training and in test, of any class; of the
            first seed, like the numbers of clips.
        num_groups: groups of the test clips.
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
    """Measure the leak of a split, drawn with one or more seeds."""
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

    A model of one split may have been trained on the test clips of another: test lists 2 and 3 of
    UCF101 are subsets of training list 1.
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
