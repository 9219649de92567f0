"""Create ML's annotations of an action classifier: JSON or CSV of video, label, start, end.

https://developer.apple.com/documentation/createml/mlactionclassifier/datasource
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from transnet.data.annotations.annotation import Annotation
from transnet.data.annotations.reading import Reading
from transnet.data.annotations.tables import Table, parse_seconds

_VIDEO = ("url", "video", "videopath", "video_path", "file", "filename", "file_name")
_START = ("start", "starttime", "start_time", "start_s")
_END = ("end", "endtime", "end_time", "end_s")


def is_create_ml(names: Iterable[str]) -> bool:
    """Whether fields or columns are those of Create ML."""
    known = {name.casefold() for name in names}
    return "path" not in known and "label" in known and bool(known & {*_VIDEO[:4]})


def read_create_ml(rows: Iterable[Mapping[str, Any]]) -> Reading:
    """Read rows of video, label, and optional start and end in seconds."""
    found = []
    for number, row in enumerate(rows, start=1):
        values = {key.casefold(): value for key, value in row.items()}
        video = str(next(values[name] for name in _VIDEO if values.get(name)))
        start_s, end_s = (
            next((_seconds(values[name], number) for name in names if name in values), None)
            for names in (_START, _END)
        )
        label, where = str(values["label"]), f"annotation {number} of {video}"
        found.append(
            Annotation(Path(video), label, video, start_s=start_s, end_s=end_s, where=where)
        )
    return found, []


def read_create_ml_csv(table: Table) -> Reading:
    """Read the same from a CSV."""
    return read_create_ml(row for _, row in table.rows())


def _seconds(value: Any, number: int) -> float | None:
    if value in ("", None):
        return None
    return parse_seconds(str(value), "start or end", f"annotation {number}")
