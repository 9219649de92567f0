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

    Each class of two or more clips has at least one clip on either side.

    Returns:
        The clips that are left, and those that are taken, both in their order.
    """
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
