"""Random division of clips in two, by clip or by group, at about one share in each class."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from transnet.data.manifest import ClipRecord


def divide_clips(
    clips: Sequence[ClipRecord], share: float, rng: np.random.Generator
) -> tuple[tuple[ClipRecord, ...], tuple[ClipRecord, ...]]:
    """Take ``share`` of each class at random, ignoring groups.

    Each class of two or more clips has at least one clip on either side. Clips with several labels
    are chosen as groups are, by :func:`divide_groups`.

    Returns:
        The clips that are left, and those that are taken, both in their order.
    """
    if any(len(clip.labels) > 1 for clip in clips):
        return _partition(clips, _take([[clip] for clip in clips], share, rng, True))
    taken: set[ClipRecord] = set()
    for members in _by_label(clips).values():
        count = min(max(1, round(share * len(members))), len(members) - 1)
        chosen = rng.permutation(len(members))[:count]
        taken.update(members[position] for position in chosen)
    return _partition(clips, taken)


def divide_groups(
    clips: Sequence[ClipRecord],
    share: float,
    rng: np.random.Generator,
    from_each_class: bool = False,
) -> tuple[tuple[ClipRecord, ...], tuple[ClipRecord, ...]]:
    """Take whole groups, about ``share`` of each class, and leave each class at least one group.

    Visits groups in random order and takes a group if that brings the classes nearer to their
    share, and if no class would lose its last group. With few, large groups this may take none,
    unless ``from_each_class`` demands some clips of each class.

    Returns:
        The clips that are left, and those that are taken, both in their order.
    """
    groups: dict[str, list[ClipRecord]] = defaultdict(list)
    for clip in clips:
        groups[clip.group].append(clip)
    units = [groups[name] for name in sorted(groups)]
    return _partition(clips, _take(units, share, rng, from_each_class))


def _take(
    units: Sequence[Sequence[ClipRecord]],
    share: float,
    rng: np.random.Generator,
    from_each_class: bool,
) -> set[ClipRecord]:
    """Choose units of clips as :func:`divide_groups` says; a clip counts for each of its labels."""
    counted = [Counter(label for clip in unit for label in clip.labels) for unit in units]
    left = Counter(label for unit in units for clip in unit for label in clip.labels)
    wanted = {label: share * count for label, count in left.items()}
    if from_each_class:
        for label in wanted:
            smallest = min(counts[label] for counts in counted if counts[label])
            wanted[label] = max(wanted[label], 0.6 * smallest)
    taken: set[ClipRecord] = set()
    for position in rng.permutation(len(units)):
        members = counted[position]
        gain = sum(
            abs(wanted[label]) - abs(wanted[label] - count) for label, count in members.items()
        )
        if gain > 0 and all(left[label] > count for label, count in members.items()):
            taken.update(units[position])
            left.subtract(members)
            for label, count in members.items():
                wanted[label] -= count
    return taken


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
