"""The manifest that annotations make, with notes on what a user should know about them."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from transnet.data.annotations.annotation import Annotation
from transnet.data.labels import clean_label, join_labels, look_alikes, split_labels
from transnet.data.manifest import ClipRecord, Manifest, Subset
from transnet.errors import TransNetError
from transnet.utils.progress import progress_bar

MAX_NAMED = 3

Place = tuple[Path, int | None, int | None]


def make_manifest(
    name: str,
    annotations: Iterable[Annotation],
    *,
    split: str = "column",
    notes: Sequence[str] = (),
    joins: bool = False,
) -> Manifest:
    """Make a manifest; seconds must have been replaced by frames.

    Where a label is several at once, ``walking|carrying``, further labels of the same segment are
    joined to it.

    Args:
        name: the dataset's name in reports.
        annotations: read once, in order.
        split: name of the dataset's own split, if its annotations have subsets.
        notes: further notes.
        joins: join the labels of the same segment in any case, as in files of tools whose
            annotations have one label each.

    Raises:
        TransNetError: an annotation is a duplicate of another, a label is empty, or there are none.
    """
    collected = _Collected()
    with progress_bar(f"reading {name}", None, "clips", delay_s=2) as bar:
        for annotation in annotations:
            collected.add(annotation)
            bar.update(1)
    if joins or any(len(clip.labels) > 1 for clip in collected.clips):
        collected.join_conflicts()
    subsets, remark = _with_test(collected.subsets)
    found = [
        *notes,
        *([remark] if remark else []),
        *_conflict_notes(collected.conflicts),
        *look_alike_notes(collected.clips),
    ]
    return Manifest(name, tuple(collected.clips), {split: subsets} if subsets else {}, tuple(found))


@dataclass
class _Collected:
    """Clips as they are read, in as little memory as millions of them allow."""

    clips: list[ClipRecord] = field(default_factory=list)
    subsets: dict[ClipRecord, Subset] = field(default_factory=dict)
    # The number of the first clip of each place, by the hash of the place.
    places: dict[int, int] = field(default_factory=dict)
    conflicts: dict[Place, list[ClipRecord]] = field(default_factory=dict)

    def add(self, annotation: Annotation) -> None:
        clip = ClipRecord(
            annotation.video,
            sys.intern(_clean_labels(annotation)),
            sys.intern(annotation.group),
            annotation.start,
            annotation.end,
        )
        place = (clip.path, clip.start, clip.end)
        number = self.places.setdefault(hash(place), len(self.clips))
        if number < len(self.clips):
            first = self.clips[number]
            if (first.path, first.start, first.end) == place:
                self._check(clip, place, first, annotation.where)
        self.clips.append(clip)
        if annotation.subset is not None:
            self.subsets[clip] = annotation.subset

    def _check(self, clip: ClipRecord, place: Place, first: ClipRecord, where: str) -> None:
        """Refuse a duplicate, and note a clip that has another label."""
        here = self.conflicts.get(place, [first])
        if clip in here:
            raise TransNetError(
                f"{where}: {clip.path} is a duplicate of an earlier line, with the same label, "
                "group and frames; remove one of them."
            )
        self.conflicts[place] = [*here, clip]

    def join_conflicts(self) -> None:
        """Make one clip, with all labels, of those that have equal places, groups, and subsets."""
        joined: dict[ClipRecord, ClipRecord] = {}
        for place, clips in list(self.conflicts.items()):
            alike: dict[tuple[str, Subset | None], list[ClipRecord]] = defaultdict(list)
            for clip in clips:
                alike[clip.group, self.subsets.get(clip)].append(clip)
            for found in alike.values():
                joined.update(dict.fromkeys(found, _joined(found)))
            self.conflicts[place] = list(dict.fromkeys(joined[clip] for clip in clips))
        self.clips = list(dict.fromkeys(joined.get(clip, clip) for clip in self.clips))
        self.subsets = {joined.get(clip, clip): part for clip, part in self.subsets.items()}


def _joined(clips: Sequence[ClipRecord]) -> ClipRecord:
    try:
        labels = split_labels(join_labels({label for clip in clips for label in clip.labels}))
    except TransNetError as error:
        raise TransNetError(f"{clips[0].path}, labels of the same frames: {error}") from None
    return replace(clips[0], label=join_labels(labels))


def _clean_labels(annotation: Annotation) -> str:
    try:
        return join_labels(split_labels(clean_label(annotation.label)))
    except TransNetError as error:
        raise TransNetError(f"{annotation.where}: {error}") from None


def _with_test(subsets: dict[ClipRecord, Subset]) -> tuple[dict[ClipRecord, Subset], str]:
    """A split without a test part is tested on its validation part."""
    parts = set(subsets.values())
    if "test" in parts or not {"train", "validation"} <= parts:
        return subsets, ""
    renamed: dict[ClipRecord, Subset] = {
        clip: "test" if part == "validation" else part for clip, part in subsets.items()
    }
    return renamed, (
        "the dataset has no test part, so its validation part is the test part. The clips that "
        "decide when to stop are taken from the training part."
    )


def _conflict_notes(conflicts: dict[Place, list[ClipRecord]]) -> list[str]:
    shown = []
    for (path, start, end), clips in conflicts.items():
        labels = " and ".join(repr(label) for label in dict.fromkeys(clip.label for clip in clips))
        if " and " not in labels:  # the same label in two groups
            continue
        frames = "" if start is end is None else f" (frames {start or 0} to {end or 'the end'})"
        shown.append(f"{Path(*path.parts[-3:])}{frames} is labeled {labels}")
    if not shown:
        return []
    more = f"; and {len(shown) - MAX_NAMED} more" if len(shown) > MAX_NAMED else ""
    return [
        f"warning: {len(shown)} clips have two labels: "
        f"{'; '.join(shown[:MAX_NAMED])}{more}. Remove the wrong ones: a clip that stands for two "
        "classes teaches neither. If a clip shows both, write them in one label, 'a|b'."
    ]


def look_alike_notes(clips: Iterable[ClipRecord]) -> list[str]:
    """A note that names labels which look alike, if there are any."""
    counts = Counter(label for clip in clips for label in clip.labels)
    families = [
        " and ".join(f"{label!r} ({counts[label]} clips)" for label in family)
        for family in look_alikes(counts)
    ]
    if not families:
        return []
    return [
        f"warning: labels that look alike are different classes: {'; '.join(families)}. If they "
        "are one action, write them the same."
    ]
