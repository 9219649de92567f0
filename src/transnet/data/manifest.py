"""A dataset as a list of clips with labels and groups, and its own splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from transnet.data.labels import split_labels
from transnet.data.people.paths import PersonPath
from transnet.errors import TransNetError

Subset = Literal["train", "validation", "test", "unused"]


@dataclass(frozen=True, order=True, slots=True)
class ClipRecord:
    """One labeled clip.

    Attributes:
        path: the video file.
        label: the action; several at once are joined by ``|``.
        group: the origin that clips share (person, source video, recording session).
        start: first frame, from 0; ``None`` for the beginning of the file.
        end: frame after the last one; ``None`` for the end of the file.
        person: whom the clip is cropped to; ``None``: it is not cropped.

    Example:
        >>> ClipRecord(Path("anna.mp4"), "squat", group="anna", start=0, end=90).label
        'squat'
    """

    path: Path
    label: str
    group: str
    start: int | None = None
    end: int | None = None
    person: PersonPath | None = field(default=None, compare=False, repr=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """The actions, sorted; most clips have one."""
        return split_labels(self.label)


Assignment = Mapping[ClipRecord, Subset]


@dataclass(frozen=True)
class Manifest:
    """A dataset on disk.

    Attributes:
        name: its name in reports.
        clips: all clips, in a fixed order.
        splits: the dataset's own splits by name (``official:1``, ``column``), the default first.
        notes: what a user should know (missing classes, guessed groups).
        partial: what of a published dataset is on disk, if not all of it: ``4 of 101 classes, 469
            of 13320 videos``.

    Example:
        >>> clips = [ClipRecord(Path(f"{n}.mp4"), "squat", group=n) for n in ("anna", "ben")]
        >>> Manifest("exercises", tuple(clips)).classes
        ('squat',)
    """

    name: str
    clips: tuple[ClipRecord, ...]
    splits: Mapping[str, Assignment] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    partial: str = ""

    def __post_init__(self) -> None:
        if not self.clips:
            raise TransNetError(f"{self.name} holds no clips.")

    @property
    def title(self) -> str:
        """The name in reports and tables of results, with what is missing of the dataset."""
        return f"{self.name} ({self.partial})" if self.partial else self.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, sorted."""
        return tuple(sorted({label for clip in self.clips for label in clip.labels}))

    @property
    def several_labels(self) -> bool:
        """Whether clips have several labels at once, so that each class is answered by itself."""
        return any(len(clip.labels) > 1 for clip in self.clips)

    def without(self, excluded: Container[ClipRecord]) -> Manifest:
        """The same dataset without some of its clips."""
        clips = tuple(clip for clip in self.clips if clip not in excluded)
        return replace(self, clips=clips)

    def summary(self) -> str:
        """The size of the dataset, in one line."""
        per_class = Counter(label for clip in self.clips for label in clip.labels).values()
        groups = {clip.group for clip in self.clips}
        several = sum(len(clip.labels) > 1 for clip in self.clips)
        told = f"; {several} clips have several labels at once" if several else ""
        return (
            f"{self.name}: {len(self.clips)} clips of {len(per_class)} classes "
            f"({min(per_class)} to {max(per_class)} per class) in {len(groups)} groups{told}"
        )
