"""Few-shot splits: K training clips of each class."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from transnet.data.manifest import ClipRecord
from transnet.data.splits import Split


def with_shots(split: Split, shots: int, *, seed: int = 0) -> Split:
    """Keep K training clips of each class, from as many groups as possible.

    There are no validation clips then, so nothing is learned from more than K clips of a class.
    The test clips are unchanged. A clip with several labels is chosen for one of them and counts
    for all, so a class may have more than K.

    Args:
        split: the split; its validation clips may be chosen too, unless the dataset defines them.
        shots: K, 1 or more; a class with fewer clips keeps them all.
        seed: of the choice; the clips of a smaller K are among those of a larger one.
    """
    rng = np.random.default_rng(seed)
    pool = split.train if split.gives_validation else (*split.train, *split.validation)
    kept: set[ClipRecord] = set()
    for label in sorted({label for clip in pool for label in clip.labels}):
        by_group: dict[str, list[ClipRecord]] = defaultdict(list)
        clips = [clip for clip in pool if label in clip.labels]
        for position in rng.permutation(len(clips)):
            by_group[clips[position].group].append(clips[position])
        # One of each group, then a second of each, and so on.
        rounds = [
            (number, clip) for members in by_group.values() for number, clip in enumerate(members)
        ]
        rounds.sort(key=lambda pair: pair[0])
        kept.update(clip for _, clip in rounds[:shots])
    train = tuple(clip for clip in pool if clip in kept)
    rule = f"{split.rule}, {shots} training clips per class"
    return replace(split, train=train, validation=(), rule=rule)
