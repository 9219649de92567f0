"""CSV datasets: ``path``, ``label`` and optional ``group``, ``start``, ``end``, ``split``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from transnet.data.annotations.annotation import SUBSETS, Annotation
from transnet.data.annotations.assembly import make_manifest
from transnet.data.annotations.seconds import in_frames, with_gaps
from transnet.data.annotations.tables import (
    MAX_SHOWN,
    NUMBER,
    JsonLines,
    Table,
    named_file,
    parse_seconds,
    shown,
)
from transnet.data.datasets.lists import is_list, read_list
from transnet.data.manifest import ClipRecord, Manifest, Subset
from transnet.errors import TransNetError
from transnet.utils.progress import say

Value = TypeVar("Value")

COLUMNS = ("path", "label", "group", "start", "end", "start_s", "end_s", "split")
_ALIASES = {"file_name": "path", "filename": "path"}
_FRAME = re.compile(r"([0-9]{1,15})(?:\.0*)?")


def read_csv_dataset(path: Path, *, gaps: bool = False) -> Manifest:
    """Read a table of clips, in any dialect; paths in it are relative to the file.

    ``start`` and ``end`` are frame numbers from 0; ``end`` is the frame after the last one.
    ``start_s`` and ``end_s`` are seconds. A list of ``path label`` without a header is read as
    well.

    Args:
        path: the file.
        gaps: add the stretches between the segments as clips of the label ``_none``.

    Raises:
        TransNetError: a column or a value is missing or invalid; the line is named.
    """
    table = open_table(path)
    if isinstance(table, Table) and is_list(table):
        annotations, notes = read_list(path)
        return make_manifest(path.stem, annotations, notes=notes)
    _check_columns(table)
    notes = []
    if "group" not in table.columns:
        notes.append(
            f"{path.name} has no group column, so each file is a group of its own. If several "
            "files show the same person or come from the same recording, add the column; "
            "otherwise the test score is too high."
        )
    return make_manifest(path.stem, read_rows(table, gaps=gaps), notes=notes)


def without_listed(manifest: Manifest, path: Path) -> Manifest:
    """Exclude the clips that a CSV file lists by ``path``, ``start`` and ``end``.

    Raises:
        TransNetError: the file cannot be read.
    """
    table = open_table(path)
    _check_columns(table)
    listed = {(os.path.realpath(one.video), one.start, one.end) for one in read_rows(table)}
    excluded = {clip for clip in manifest.clips if _place(clip) in listed}
    say(f"excluded {len(excluded)} of {len(manifest.clips)} clips, listed in {path}")
    return manifest.without(excluded)


def _place(clip: ClipRecord) -> tuple[str, int | None, int | None]:
    return os.path.realpath(clip.path), clip.start, clip.end


def open_table(path: Path) -> Table | JsonLines:
    """Open a CSV or JSON-lines table; columns that other tools name otherwise are renamed.

    Raises:
        TransNetError: the file cannot be read.
    """
    if path.suffix.lower() == ".jsonl":
        table: Table | JsonLines = JsonLines.open(path)
    else:
        table = Table.open(path, [*COLUMNS, *_ALIASES])
    names = tuple(
        _ALIASES.get(name, name) if _ALIASES.get(name) not in table.columns else name
        for name in table.columns
    )
    return replace(table, columns=names)


def _check_columns(table: Table | JsonLines) -> None:
    for column in ("path", "label"):
        if column not in table.columns:
            here = [name[:MAX_SHOWN] for name in table.columns]
            raise TransNetError(
                f"{table.path} has no column {column!r} but {here}; accepted: path, label, and "
                "optionally group, start and end (frames), start_s and end_s (seconds), split; or "
                "a list of 'path label' without a header."
            )


def read_rows(table: Table | JsonLines, *, gaps: bool = False) -> Iterator[Annotation]:
    """The annotations of a table, in frames.

    Args:
        table: with the columns path and label.
        gaps: add the stretches between the segments as clips of the label ``_none``.

    Raises:
        TransNetError: a value is missing or invalid; the line is named.
    """
    rows = _rows(table)
    if gaps:
        yield from with_gaps(list(rows))
    elif {"start_s", "end_s"} & {*table.columns}:
        yield from in_frames(list(rows))
    else:
        yield from rows


def _rows(table: Table | JsonLines) -> Iterator[Annotation]:
    folder = table.path.parent
    has_split = "split" in table.columns
    for line, row in table.rows():
        where = f"{table.path}, line {line}"
        if not row["path"] or not row["label"]:
            raise TransNetError(f"{where}: path is {row['path']!r} and label is {row['label']!r}.")
        start, end = (_value(row, name, where, _frame) for name in ("start", "end"))
        start_s, end_s = (_value(row, name, where, parse_seconds) for name in ("start_s", "end_s"))
        annotation = Annotation(
            named_file(folder, row["path"]),
            row["label"],
            row.get("group", "") or row["path"],
            None if start_s is not None or end_s is not None else start,
            None if start_s is not None or end_s is not None else end,
            start_s,
            end_s,
            _subset(row["split"], where) if has_split else None,
            where,
        )
        annotation.check()
        yield annotation


def _value(
    row: Mapping[str, str], name: str, where: str, parse: Callable[[str, str, str], Value]
) -> Value | None:
    value = row.get(name, "")
    return parse(value, name, where) if value else None


def _frame(value: str, name: str, where: str) -> int:
    if match := _FRAME.fullmatch(value):
        return int(match[1])
    advice = ""
    if NUMBER.fullmatch(value):
        advice = f"; if these are seconds, name the columns start_s and end_s, not {name}"
    raise TransNetError(
        f"{where}: {name} is {shown(value)}; accepted: a frame number, 0 or more{advice}."
    )


def _subset(value: str, where: str) -> Subset:
    try:
        return SUBSETS[value.lower()]
    except KeyError:
        raise TransNetError(
            f"{where}: split is {shown(value)}; accepted: train, val, test, unused."
        ) from None
