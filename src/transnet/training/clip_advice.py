"""How many clips, in words, from what a training knows anyway."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from transnet.config import NO_CLASS
from transnet.data.manifest import ClipRecord

ENOUGH = 5
"""Groups, and clips, of a class from which the first answer is no longer to record more of it."""


def clip_advice(clips: Sequence[ClipRecord]) -> str:
    """What the number of training clips says, and what would measure it.

    Example:
        >>> from pathlib import Path
        >>> clip_advice([ClipRecord(Path(f"{n}.mp4"), "run", n) for n in ("anna", "ben")])
        'how many clips: run has only 2 training clips; record it with 5 people or more, which ...'
    """
    counted = [(label, clip.group) for clip in clips for label in clip.labels if label != NO_CLASS]
    num_clips = Counter(label for label, _ in counted)
    num_groups = Counter(label for label, _ in set(counted))
    label, fewest = min(num_clips.items(), key=lambda item: item[1])
    rarest, groups = min(num_groups.items(), key=lambda item: item[1])
    measure = "transnet train DATA --shots-curve measures whether more clips help"
    if fewest < ENOUGH:
        return (
            f"how many clips: {label} has only {fewest} training clip{'s' * (fewest > 1)}; record "
            f"it with {ENOUGH} people or more, which teaches more than further takes of the same; "
            f"{measure}"
        )
    if groups < ENOUGH:
        return (
            f"how many clips: those of {rarest} are of only {groups} group{'s' * (groups > 1)} "
            "(people or recordings); others teach more than further takes of the same; " + measure
        )
    most = max(num_clips.values())
    span = str(fewest) if fewest == most else f"{fewest} to {most}"
    return (
        f"how many clips: {span} training clips per class, each class from {groups} groups or "
        f"more; {measure}"
    )
