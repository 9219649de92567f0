"""Who trains and who is tested, and whether anybody sits on both sides.

The test part is never looked at in training: the validation part, on which training stops early,
is taken from the training groups.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from transnet.data.manifest import ClipRecord, Manifest
from transnet.errors import TransNetError

TEST_SHARE = 0.2
RANDOM_SPLITS = ("group", "paper")


@dataclass(frozen=True)
class Split:
    """A dataset, divided.

    Attributes:
        name: the split as a user types it, with its number (``official:1``).
        train: the clips that the network learns from.
        validation: the clips that decide when to stop; their groups are not in ``train``
            unless the split ignores groups.
        test: the clips that the accuracy is measured on.
        rule: what the split is, as part of a sentence.
        gives_validation: the dataset itself says which clips are for validation, so they are
            for nothing else.
    """

    name: str
    train: tuple[ClipRecord, ...]
    validation: tuple[ClipRecord, ...]
    test: tuple[ClipRecord, ...]
    rule: str
    gives_validation: bool = False

    @property
    def siblings_in_train(self) -> float:
        """Share of test clips, 0..1, with a clip of their own group among the training clips."""
        return siblings_share(self.test, (*self.train, *self.validation))


def siblings_share(test: Sequence[ClipRecord], train: Iterable[ClipRecord]) -> float:
    """Share of the ``test`` clips, 0..1, that have a clip of the same class and group in ``train``.

    The leak that a random split hides: such a clip was cut from the same video, or shows the
    same person in the same action.
    """
    seen = {(clip.label, clip.group) for clip in train}
    return sum((clip.label, clip.group) in seen for clip in test) / max(1, len(test))


def make_split(
    manifest: Manifest, name: str | None = None, *, validation: float = 0.15, seed: int = 0
) -> Split:
    """Divide a dataset.

    Args:
        manifest: the dataset.
        name: one of the dataset's own (``official:2``, ``column``), ``group`` (random 80 / 20,
            no group on both sides), ``leave-out:GROUP`` (that group is tested), or ``paper``
            (random 80 / 20 by clip, stratified by class). By default the first of the data
            set's own, else ``group``.
        validation: share of the training clips to keep for early stopping, 0 to below 1.
        seed: for everything that is random.

    Raises:
        TransNetError: the dataset has no such split, or one side of it is empty.
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
        rule = f"the {name} split of {manifest.name}"
    elif name == "paper":
        train, test = _divide_clips(manifest.clips, TEST_SHARE, rng)
        rule = "the paper's protocol, a random 80 / 20 split of the clips (groups are ignored)"
    elif name == "group":
        train, test = _divide_groups(manifest.clips, TEST_SHARE, rng, from_each_class=True)
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
    """The splits that a user means.

    Args:
        manifest: the dataset.
        names: one or more, separated by commas; ``official:all`` is every official one and
            ``leave-out:all`` each group in turn. By default one, as in :func:`make_split`.

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
        f"--split is {name!r}; {manifest.name} has: {', '.join(here)}, and several of these "
        "separated by commas."
    )


def _check_sides(
    manifest: Manifest, name: str, train: Sequence[ClipRecord], test: Sequence[ClipRecord]
) -> None:
    for side, clips in (("training", train), ("test", test)):
        if not clips:
            raise TransNetError(
                f"--split {name} of {manifest.name} leaves no {side} clips. "
                "Are enough clips and groups on disk?"
            )
    if len({clip.label for clip in train}) < 2:
        raise TransNetError(
            f"--split {name} of {manifest.name} trains on {train[0].label} only; "
            "accepted: two classes or more."
        )
    untrained = sorted({clip.label for clip in test} - {clip.label for clip in train})
    if untrained:
        raise TransNetError(
            f"--split {name} of {manifest.name} has no training clip for {', '.join(untrained)}. "
            "Each class needs clips of two groups or more."
        )


def _hold_out(
    train: tuple[ClipRecord, ...], share: float, rng: np.random.Generator, by_group: bool
) -> tuple[tuple[ClipRecord, ...], tuple[ClipRecord, ...]]:
    if share == 0:
        return train, ()
    divide = _divide_groups if by_group else _divide_clips
    rest, held_out = divide(train, share, rng)
    # Too few groups to spare one: better every class in training than a validation part.
    if {clip.label for clip in rest} != {clip.label for clip in train}:
        return train, ()
    return rest, held_out


def _divide_clips(
    clips: Sequence[ClipRecord], share: float, rng: np.random.Generator
) -> tuple[tuple[ClipRecord, ...], tuple[ClipRecord, ...]]:
    """Take ``share`` of each class at random, whatever the groups."""
    taken: set[ClipRecord] = set()
    for members in _by_label(clips).values():
        count = min(max(1, round(share * len(members))), len(members) - 1)
        chosen = rng.permutation(len(members))[:count]
        taken.update(members[position] for position in chosen)
    return _partition(clips, taken)


def _divide_groups(
    clips: Sequence[ClipRecord],
    share: float,
    rng: np.random.Generator,
    from_each_class: bool = False,
) -> tuple[tuple[ClipRecord, ...], tuple[ClipRecord, ...]]:
    """Take whole groups, about ``share`` of every class, leaving each class some clips.

    Groups are offered in random order; one is taken if it brings the classes nearer to their
    share than leaving it does, and if no class would lose its last group. With few and large
    groups that may be none, unless something is to be taken ``from_each_class``.
    """
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for clip in clips:
        groups[clip.group][clip.label] += 1
    left = Counter(clip.label for clip in clips)
    wanted = {label: share * count for label, count in left.items()}
    if from_each_class:
        for label in wanted:
            smallest = min(counts[label] for counts in groups.values() if counts[label])
            wanted[label] = max(wanted[label], 0.6 * smallest)
    names = sorted(groups)
    taken: set[str] = set()
    for position in rng.permutation(len(names)):
        members = groups[names[position]]
        gain = sum(
            abs(wanted[label]) - abs(wanted[label] - count) for label, count in members.items()
        )
        if gain > 0 and all(left[label] > count for label, count in members.items()):
            taken.add(names[position])
            left.subtract(members)
            for label, count in members.items():
                wanted[label] -= count
    return _partition(clips, {clip for clip in clips if clip.group in taken})


def _by_label(clips: Iterable[ClipRecord]) -> dict[str, list[ClipRecord]]:
    members: dict[str, list[ClipRecord]] = defaultdict(list)
    for clip in clips:
        members[clip.label].append(clip)
    return members


def _partition(
    clips: Iterable[ClipRecord], taken: set[ClipRecord]
) -> tuple[tuple[ClipRecord, ...], tuple[ClipRecord, ...]]:
    clips = tuple(clips)
    return (
        tuple(clip for clip in clips if clip not in taken),
        tuple(clip for clip in clips if clip in taken),
    )
