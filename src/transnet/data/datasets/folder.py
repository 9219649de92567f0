"""Datasets in folders: ``DATA/class/clip.mp4`` or ``DATA/class/group/clip.mp4``.

A folder with ``train``, ``val`` and ``test``, each with class folders, has these as its own split.
"""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from transnet.data.annotations.annotation import SUBSETS, Annotation
from transnet.data.annotations.assembly import make_manifest
from transnet.data.annotations.formats import SUFFIXES, AnnotationFile, read_annotation_file
from transnet.data.annotations.seconds import in_frames, with_gaps
from transnet.data.datasets.csv import open_table, read_rows
from transnet.data.manifest import Manifest, Subset
from transnet.data.video.reader import VIDEO_SUFFIXES
from transnet.errors import TransNetError
from transnet.utils.paths import files_below, visible_files

SPLIT = "folders"
"""Name of the split of a folder with a folder for each part."""

_METADATA = ("metadata.csv", "metadata.jsonl")
_MAX_NAMED = 5
_PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
_MIN_FRAMES = 4
"""Pictures in a folder from which it counts as the frames of a video."""


def read_folder(root: Path, *, gaps: bool = False) -> Manifest:
    """List the clips of a folder: a folder in ``root`` is a class, a folder in a class a group.

    ``metadata.csv`` or ``metadata.jsonl`` (Hugging Face: file_name, label) go first. Without class
    folders, the annotation files in the folder are read.

    Args:
        root: the folder.
        gaps: add the stretches between segments as clips of the label ``_none``.

    Raises:
        TransNetError: fewer than two class folders hold videos, and there are no annotations.
    """
    name = root.name or str(root)
    tables = _metadata(root)
    if tables:
        listed = [one for part, path in tables for one in _listed(path, part, root, gaps)]
        return make_manifest(name, listed, notes=[f"labels are from {tables[0][1].name}."])
    parts = _parts(root)
    annotations = [
        annotation
        for part, folder in (parts or [(None, root)])
        for annotation in _classes(folder, part)
    ]
    labels = {annotation.label for annotation in annotations}
    if len(labels) < 2:
        annotated = _annotated(root, gaps)
        if annotated is not None:
            return annotated
        frames = "".join(f" It holds {note}" for note in _frame_notes(root))
        raise TransNetError(
            f"{root} has {len(labels)} folders with videos; accepted: two or more, one for each "
            f"class, with files like {', '.join(sorted(VIDEO_SUFFIXES))} in them; or annotation "
            f"files next to the videos.{frames}"
        )
    if gaps:
        raise TransNetError(
            f"data is gaps:{root}, a folder of whole videos, which have no gaps; accepted: "
            "annotations or a CSV with segments."
        )
    unused = [*_unused(root, parts, annotations), *(f"not used: {n}" for n in _frame_notes(root))]
    notes = [*_part_notes(parts), *_group_notes(annotations), *unused]
    return make_manifest(name, annotations, split=SPLIT, notes=notes)


def videos_below(folder: Path) -> list[Path]:
    """The video files in a folder, at any depth, sorted; hidden ones are skipped."""
    return files_below(folder, VIDEO_SUFFIXES)


def _folders(root: Path) -> list[Path]:
    """The visible folders in a folder, sorted."""
    return sorted(
        entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )


def _parts(root: Path) -> list[tuple[Subset | None, Path]]:
    """The folders of the parts, if all folders with videos are parts that share a class."""
    inside = {folder: _folders(folder) for folder in _folders(root)}
    filled = [folder for folder in inside if folder.name.lower() in SUBSETS or _holds_video(folder)]
    parts = {folder: SUBSETS.get(folder.name.lower()) for folder in filled}
    if None in parts.values() or "train" not in parts.values() or len(set(parts.values())) < 2:
        return []
    classes = [{entry.name for entry in inside[folder]} for folder in parts]
    shared = set.intersection(*(names for names in classes if names)) if any(classes) else set()
    return [(part, folder) for folder, part in parts.items()] if shared else []


def _holds_video(folder: Path) -> bool:
    return any(path.suffix.lower() in VIDEO_SUFFIXES for path in visible_files(folder))


def _classes(root: Path, subset: Subset | None) -> Iterator[Annotation]:
    """The videos of the class folders in a folder."""
    prefix = f"{root.name}/" if subset else ""
    for folder in _folders(root):
        for path in videos_below(folder):
            inner = path.relative_to(folder).parts[:-1]
            group = inner[0] if inner else f"{prefix}{folder.name}/{path.stem}"
            yield Annotation(path, folder.name, group, subset=subset, where=str(path))


def _metadata(root: Path) -> list[tuple[Subset | None, Path]]:
    """Tables of Hugging Face in a folder, or in the folders of its parts, that have labels."""
    places: list[tuple[Subset | None, Path]] = [(None, root)]
    places += [(SUBSETS[f.name.lower()], f) for f in _folders(root) if f.name.lower() in SUBSETS]
    tables = [
        (part, folder / name) for part, folder in places for name in _METADATA
        if (folder / name).is_file()
    ]  # fmt: skip
    return [
        (part, path) for part, path in tables if {"path", "label"} <= {*open_table(path).columns}
    ]


def _listed(path: Path, part: Subset | None, root: Path, gaps: bool) -> Iterator[Annotation]:
    """The rows of a table; without a column ``split``, the folder of a file is its part."""
    rows = list(read_rows(open_table(path), gaps=gaps))
    tops = [_top(row.video, root) for row in rows]
    in_parts = all(top in SUBSETS for top in tops)
    for row, top in zip(rows, tops, strict=True):
        if row.subset is None and (part or in_parts):
            yield replace(row, subset=part or SUBSETS[top])
        else:
            yield row


def _top(video: Path, root: Path) -> str:
    try:
        return video.relative_to(root).parts[0].lower()
    except ValueError:
        return "-"


def _annotated(root: Path, gaps: bool) -> Manifest | None:
    """The manifest of the annotation files in a folder, if there are any."""
    read: dict[Path, AnnotationFile] = {}
    for path in files_below(root, SUFFIXES):
        try:
            found = read_annotation_file(path)
        except TransNetError as error:
            if "of no known form" in str(error) or "with the root" in str(error):
                continue
            raise
        if found is not None:
            read[path] = found
    if not read:
        return None
    return annotated_manifest(root.name or str(root), list(read.values()), gaps=gaps)


def annotated_manifest(
    name: str, files: Sequence[AnnotationFile], *, gaps: bool = False
) -> Manifest:
    """The manifest of annotation files."""
    annotations = [annotation for file in files for annotation in file.annotations]
    notes = [
        f"read as {' and '.join(dict.fromkeys(file.form for file in files))}.",
        *(note for file in files for note in file.notes),
    ]
    framed = with_gaps(annotations) if gaps else in_frames(annotations)
    return make_manifest(name, framed, split="column", notes=notes, joins=True)


def _part_notes(parts: Sequence[tuple[Subset | None, Path]]) -> list[str]:
    if not parts:
        return []
    named = ", ".join(f"{folder.name} ({part})" for part, folder in parts)
    return [f"the folders {named} are its own split, --split {SPLIT}."]


def _group_notes(annotations: Sequence[Annotation]) -> list[str]:
    ungrouped = sum("/" in annotation.group for annotation in annotations)
    if not ungrouped:
        return []
    return [
        f"{ungrouped} clips have no group, so each is a group of its own. If several clips "
        "show the same person or come from the same recording, put them in a folder of that "
        "name (DATA/class/person/clip.mp4), or use a CSV with a group column; otherwise the "
        "test score is too high."
    ]


def _unused(
    root: Path, parts: Sequence[tuple[Subset | None, Path]], annotations: Sequence[Annotation]
) -> list[str]:
    """What the folder holds besides the clips, in one note."""
    used = {annotation.video for annotation in annotations}
    others = [path for path in visible_files(root) if path not in used]
    videos = [path for path in others if path.suffix.lower() in VIDEO_SUFFIXES]
    endings = Counter(
        path.suffix.lower() or "no ending" for path in others if path not in {*videos}
    )
    said = [f"{number} files ({ending})" for ending, number in sorted(endings.items())]
    if videos:
        said.append(f"{len(videos)} videos outside of class folders ({_first(videos, root)})")
    filled: Mapping[Path, int] = Counter(
        above for annotation in annotations for above in annotation.video.parents
    )
    places = [folder for _, folder in parts] or [root]
    empty = [folder for place in places for folder in _folders(place) if folder not in filled]
    if empty:
        said.append(f"class folders without videos: {_first(empty, root)}")
    return [f"not used: {'; '.join(said)}."] if said else []


def _frame_notes(root: Path) -> list[str]:
    """What to do with folders that hold the frames of a video as pictures, if there are any."""
    files = list(visible_files(root))
    endings: Mapping[tuple[Path, str], int] = Counter(
        (path.parent, path.suffix) for path in files if path.suffix.lower() in _PICTURES
    )
    made = {path.with_suffix("") for path in files if path.suffix.lower() in VIDEO_SUFFIXES}
    folders = sorted(
        place for place, count in endings.items() if count >= _MIN_FRAMES and place[0] not in made
    )
    if not folders:
        return []
    first, ending = folders[0]
    levels = "*/" * len(first.relative_to(root).parts)
    return [
        f"{len(folders)} folders of frames ({_first([folder for folder, _ in folders], root)}). "
        "Make videos of them, without loss: "
        f"for d in {shlex.quote(str(root))}/{levels}; do ffmpeg -framerate 25 -pattern_type glob "
        f'-i "$d*{ending}" -c copy "${{d%/}}.mkv"; done'
    ]


def _first(paths: Sequence[Path], root: Path) -> str:
    shown = [os.path.relpath(path, root) for path in sorted(paths)]
    more = f" and {len(shown) - _MAX_NAMED} more" if len(shown) > _MAX_NAMED else ""
    return f"{', '.join(shown[:_MAX_NAMED])}{more}"
