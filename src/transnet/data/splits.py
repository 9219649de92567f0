"""Splits into training, validation and test clips, and how much they leak.

Training never uses the test clips: the validation clips, which decide when to stop, are taken from
the training groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from transnet.data.division import divide_clips, divide_groups
from transnet.data.manifest import ClipRecord, Manifest
from transnet.errors import TransNetError

TEST_SHARE = 0.2
RANDOM_SPLITS = ("group", "paper")


@dataclass(frozen=True)
class Split:
    """A dataset, divided into three parts.

    Attributes:
        name: the split as the user types it, with its number (``official:1``).
        train: training clips.
        validation: clips that decide when to stop; none of their groups is in ``train``, unless
            the split ignores groups.
        test: clips that the accuracy is measured on.
        rule: description of the split, as part of a sentence.
        gives_validation: whether the dataset defines the validation clips, so that they are never
            trained on.

    Example:
        >>> clips = transnet.open_dataset("clips").clips
        >>> split = Split("mine", clips[:20], clips[20:24], clips[24:], "the first 20 of 30 clips")
        >>> len(split.test)
        6
    """

    name: str
    train: tuple[ClipRecord, ...]
    validation: tuple[ClipRecord, ...]
    test: tuple[ClipRecord, ...]
    rule: str
    gives_validation: bool = False

    @property
    def siblings_in_train(self) -> float:
        """Share of test clips, 0..1, that share class and group with a training clip."""
        return leaked_share(self.test, (*self.train, *self.validation))


def leaked_share(test: Sequence[ClipRecord], train: Iterable[ClipRecord]) -> float:
    """Share of test clips, 0..1, that share a class and the group with a training clip.

    This is the leak of a random split: two such clips are cut from the same video, or show the
    same person in the same action.

    Args:
        test: test clips.
        train: every clip that training uses, validation clips included.
    """
    seen = {(label, clip.group) for clip in train for label in clip.labels}
    shared = sum(any((label, clip.group) in seen for label in clip.labels) for clip in test)
    return shared / max(1, len(test))


def make_split(
    manifest: Manifest, name: str | None = None, *, validation: float = 0.15, seed: int = 0
) -> Split:
    """Divide a dataset.

    Args:
        manifest: the dataset.
        name: one of the dataset's own splits (``official:2``, ``column``), ``group`` (random
            80 / 20, no group on both sides), ``leave-out:GROUP`` (tests that group), or ``paper``
            (random 80 / 20 by clip, stratified by class). The default is the first of the
            dataset's own splits, otherwise ``group``.
        validation: share of the training clips to keep for early stopping, 0 <= share < 1.
        seed: of every random choice.

    Raises:
        TransNetError: the dataset has no such split, or one part of it is empty.

    Example:
        >>> split = make_split(transnet.open_dataset("clips"), "group")
        >>> len(split.train), len(split.validation), len(split.test)
        (18, 6, 6)
    """
    name = _own_name(manifest, name)
    kind, _, argument = name.partition(":")
    rng = np.random.default_rng(seed)
    given: tuple[ClipRecord, ...] = ()
    if name in manifest.splits:
        subsets = manifest.splits[name]
        train, given, test = (
            tuple(clip for clip in manifest.clips if subsets[clip] == part)
            for part in ("train", "validation", "test")
        )
        rule = f"the {name} split of {manifest.title}"
    elif name == "paper":
        train, test = divide_clips(manifest.clips, TEST_SHARE, rng)
        rule = "the paper's protocol, a random 80 / 20 split by clip (groups are ignored)"
    elif name == "group":
        train, test = divide_groups(manifest.clips, TEST_SHARE, rng, from_each_class=True)
        rule = "a random 80 / 20 split by group"
    elif kind == "leave-out" and argument in {clip.group for clip in manifest.clips}:
        train = tuple(clip for clip in manifest.clips if clip.group != argument)
        test = tuple(clip for clip in manifest.clips if clip.group == argument)
        rule = f"leaving out the group {argument}"
    else:
        raise TransNetError(_no_such_split(manifest, name))
    _check_sides(manifest, name, train, test)
    if given:
        _check_sides(manifest, name, train, given)
        return Split(name, train, given, test, rule, gives_validation=True)
    train, held_out = _hold_out(train, validation, rng, by_group=name != "paper")
    return Split(name, train, held_out, test, rule)


def split_names(manifest: Manifest, names: str | None = None) -> list[str]:
    """Expand a list of splits.

    Args:
        manifest: the dataset.
        names: one or more splits, separated by commas; ``official:all`` stands for every official
            split, ``leave-out:all`` for each group in turn. The default is the default of
            :func:`make_split`.

    Raises:
        TransNetError: the dataset has no such split.
    """
    chosen: list[str] = []
    groups = sorted({clip.group for clip in manifest.clips})
    here = {"paper", "group", *manifest.splits, *(f"leave-out:{group}" for group in groups)}
    asked = [name for name in (names or "").split(",") if name.strip()] if names else [""]
    if names and names in here:  # a name with a comma in it
        asked = [names]
    for name in asked:
        if name.strip() == "official:all":
            family = [own for own in manifest.splits if own.partition(":")[0] == "official"]
        elif name.strip() == "leave-out:all":
            family = [f"leave-out:{group}" for group in groups] if len(groups) > 1 else []
        else:
            family = [_own_name(manifest, name.strip() or None)]
        if not family or not here.issuperset(family):
            raise TransNetError(_no_such_split(manifest, name.strip()))
        chosen.extend(own for own in family if own not in chosen)
    return chosen


def _own_name(manifest: Manifest, name: str | None) -> str:
    if not name:
        return next(iter(manifest.splits), "group")
    if name == "official" and "official:1" in manifest.splits:
        return "official:1"
    return name


def _no_such_split(manifest: Manifest, name: str) -> str:
    here = [*manifest.splits, "group", "leave-out:GROUP", "paper"]
    if sum(own.startswith("official") for own in manifest.splits) > 1:
        here.insert(0, "official:all")
    return (
        f"split is {name!r}; {manifest.name} has: {', '.join(here)}, or several of these, "
        "separated by commas."
    )


def _check_sides(
    manifest: Manifest, name: str, train: Sequence[ClipRecord], test: Sequence[ClipRecord]
) -> None:
    for side, clips in (("training", train), ("test", test)):
        if not clips:
            raise TransNetError(
                f"--split {name} of {manifest.name} leaves no {side} clips; choose another split, "
                "or check that enough clips and groups are on disk."
            )
    trained = _classes(train)
    if len(trained) < 2:
        raise TransNetError(
            f"--split {name} of {manifest.name} has training clips of {train[0].label} only; "
            "accepted: two or more classes."
        )
    untrained = sorted(_classes(test) - trained)
    if untrained:
        raise TransNetError(
            f"--split {name} of {manifest.name} has no training clip for {', '.join(untrained)}. "
            "Each class needs clips of two or more groups."
        )


def _hold_out(
    train: tuple[ClipRecord, ...], share: float, rng: np.random.Generator, by_group: bool
) -> tuple[tuple[ClipRecord, ...], tuple[ClipRecord, ...]]:
    if share == 0:
        return train, ()
    divide = divide_groups if by_group else divide_clips
    rest, held_out = divide(train, share, rng)
    # Too few groups: prefer every class in training to a validation part.
    if _classes(rest) != _classes(train):
        return train, ()
    return rest, held_out


def _classes(clips: Iterable[ClipRecord]) -> set[str]:
    return {label for clip in clips for label in clip.labels}
