"""Datasets in folders: ``DATA/class/clip.mp4`` or ``DATA/class/group/clip.mp4``."""

from __future__ import annotations

from pathlib import Path

from transnet.data.manifest import ClipRecord, Manifest
from transnet.data.video.reader import VIDEO_SUFFIXES
from transnet.errors import TransNetError
from transnet.utils.paths import files_below


def read_folder(root: Path) -> Manifest:
    """List the clips of a folder: a folder in ``root`` is a class, a folder in a class a group.

    Raises:
        TransNetError: fewer than two class folders hold videos.
    """
    clips = []
    ungrouped = 0
    for class_folder in sorted(entry for entry in root.iterdir() if _is_visible_folder(entry)):
        for path in videos_below(class_folder):
            inner = path.relative_to(class_folder).parts[:-1]
            ungrouped += not inner
            group = inner[0] if inner else f"{class_folder.name}/{path.stem}"
            clips.append(ClipRecord(path, class_folder.name, group))
    labels = {clip.label for clip in clips}
    if len(labels) < 2:
        raise TransNetError(
            f"{root} has {len(labels)} folders with videos; accepted: two or more, one for each "
            f"class, with files like {', '.join(sorted(VIDEO_SUFFIXES))} in them."
        )
    notes = []
    if ungrouped:
        notes.append(
            f"{ungrouped} clips have no group, so each is a group of its own. If several clips "
            "show the same person or come from the same recording, put them in a folder of that "
            "name (DATA/class/person/clip.mp4), or use a CSV with a group column; otherwise the "
            "test score is too high."
        )
    return Manifest(root.name or str(root), tuple(clips), notes=tuple(notes))


def videos_below(folder: Path) -> list[Path]:
    """The video files in a folder, at any depth, sorted; hidden ones are skipped."""
    return files_below(folder, VIDEO_SUFFIXES)


def _is_visible_folder(entry: Path) -> bool:
    return entry.is_dir() and not entry.name.startswith(".")
