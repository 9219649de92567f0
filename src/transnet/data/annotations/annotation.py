"""One label of a video or of a segment, as an annotation file states it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from transnet.data.manifest import Subset
from transnet.errors import TransNetError

SUBSETS: dict[str, Subset] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("unused", ""), "unused"),
}
"""Subsets by the names that datasets give them, in lower case."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """A labeled video, or a labeled segment in frames or in seconds.

    Attributes:
        video: the video file.
        label: the action.
        group: the origin that clips share.
        start: first frame, from 0; ``None`` for the beginning of the file.
        end: frame after the last one; ``None`` for the end of the file.
        start_s: start in seconds of the video, in place of ``start``.
        end_s: end in seconds of the video, in place of ``end``.
        subset: part of the dataset's own split.
        where: its place in the annotation file, for errors.
    """

    video: Path
    label: str
    group: str
    start: int | None = None
    end: int | None = None
    start_s: float | None = None
    end_s: float | None = None
    subset: Subset | None = None
    where: str = ""

    @property
    def in_seconds(self) -> bool:
        """Whether its limits are seconds."""
        return self.start_s is not None or self.end_s is not None

    def check(self) -> None:
        """Refuse an empty segment.

        Raises:
            TransNetError: it ends before it starts.
        """
        for start, end, name in (
            (self.start, self.end, "end"),
            (self.start_s, self.end_s, "end_s"),
        ):
            if end is not None and end <= (start or 0):
                raise TransNetError(
                    f"{self.where}: {name} is {end}; accepted: above start, {start or 0}."
                )
