"""CSV datasets: ``path``, ``label`` and optional ``group``, ``start``, ``end``, ``split``."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from pathlib import Path

from transnet.data.manifest import ClipRecord, Manifest, Subset
from transnet.errors import TransNetError
from transnet.utils.progress import say

_SUBSETS: dict[str, Subset] = {
    "train": "train",
    "val": "validation",
    "validation": "validation",
    "test": "test",
    "unused": "unused",
    "": "unused",
}


def read_csv_dataset(path: Path) -> Manifest:
    """Read a table of clips; paths in it are relative to the file.

    ``start`` and ``end`` are frame numbers from 0; ``end`` is the frame after the last one.

    Raises:
        TransNetError: a column or a value is missing or invalid; the line is named.
    """
    columns, clips, split = _read(path)
    notes = []
    if "group" not in columns:
        notes.append(
            f"{path.name} has no group column, so each file is a group of its own. If several "
            "files show the same person or come from the same recording, add the column; "
            "otherwise the test score is too high."
        )
    splits = {"column": split} if "split" in columns else {}
    return Manifest(path.stem, tuple(clips), splits, tuple(notes))


def _read(path: Path) -> tuple[Sequence[str], list[ClipRecord], dict[ClipRecord, Subset]]:
    """The columns, the clips and the column ``split``, if there is one."""
    clips: list[ClipRecord] = []
    seen: dict[ClipRecord, int] = {}
    split: dict[ClipRecord, Subset] = {}
    try:
        with open(path, newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            rows = csv.DictReader(file, restval="")
            columns = rows.fieldnames or []
            for column in ("path", "label"):
                if column not in columns:
                    raise TransNetError(
                        f"{path} has no column {column!r} but {columns}; "
                        "accepted: path, label, and optionally group, start, end, split."
                    )
            for row in rows:
                where = f"{path}, line {rows.line_num}"
                clip = _clip(row, path.parent, where)
                if clip in seen:
                    raise TransNetError(
                        f"{where}: {row['path']} is a duplicate of line {seen[clip]}, with the "
                        "same label, group and frames; remove one of them."
                    )
                seen[clip] = rows.line_num
                clips.append(clip)
                if "split" in columns:
                    split[clip] = _subset(row["split"], where)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TransNetError(f"{path} cannot be read as a CSV file: {error}.") from error
    return columns, clips, split


def without_listed(manifest: Manifest, path: Path) -> Manifest:
    """Exclude the clips that a CSV file lists by ``path``, ``start`` and ``end``.

    Raises:
        TransNetError: the file cannot be read.
    """
    listed = {_place(clip) for clip in _read(path)[1]}
    excluded = {clip for clip in manifest.clips if _place(clip) in listed}
    say(f"excluded {len(excluded)} of {len(manifest.clips)} clips, listed in {path}")
    return manifest.without(excluded)


def _place(clip: ClipRecord) -> tuple[str, int | None, int | None]:
    return os.path.realpath(clip.path), clip.start, clip.end


def _clip(row: dict[str, str], folder: Path, where: str) -> ClipRecord:
    if not row["path"] or not row["label"]:
        raise TransNetError(f"{where}: path is {row['path']!r} and label is {row['label']!r}.")
    start, end = (_frame(row.get(name, ""), name, where) for name in ("start", "end"))
    if end is not None and end <= (start or 0):
        raise TransNetError(f"{where}: end is {end}; accepted: above start, {start or 0}.")
    group = row.get("group", "") or row["path"]
    return ClipRecord(folder / row["path"], row["label"], group, start, end)


def _frame(value: str, name: str, where: str) -> int | None:
    if not value.strip():
        return None
    if not re.fullmatch(r"\s*[0-9]{1,12}\s*", value):
        shown = repr(value if len(value) <= 40 else f"{value[:40]}...")
        raise TransNetError(f"{where}: {name} is {shown}; accepted: a frame number, 0 or more.")
    return int(value)


def _subset(value: str, where: str) -> Subset:
    try:
        return _SUBSETS[value.strip().lower()]
    except KeyError:
        raise TransNetError(
            f"{where}: split is {value!r}; accepted: train, val, test, unused."
        ) from None
