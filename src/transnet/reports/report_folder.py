"""The folder of a report on a dataset: that of another dataset is never replaced."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from transnet.errors import TransNetError
from transnet.utils.paths import output_folder

_MARK = re.compile(r'<meta name="transnet-dataset" content="([^"]*)">')
_HEAD_BYTES = 20_000


def report_folder(out: str | None, parent: str, dataset: str, name: str) -> Path:
    """The folder for ``report.html`` of a dataset, made if it is missing.

    Args:
        out: the folder that the user names, if any.
        parent: else a folder in this one, named like the dataset.
        dataset: where the dataset is, to tell it from others of the same name.
        name: name of the dataset.

    Raises:
        TransNetError: the folder holds the report of another dataset, or cannot be made.
    """
    if out is not None:
        other = _reported(Path(out).expanduser())
        if other not in ("", dataset):
            raise TransNetError(
                f"--out is {out!r}, which holds the report of {other}; accepted: another folder."
            )
        return output_folder(out)
    readable = re.sub(r"[^\w.-]+", "-", name).strip("-.")[:80] or "dataset"
    folders = (
        Path(parent, readable if number == 1 else f"{readable}_{number}")
        for number in itertools.count(1)
    )
    return output_folder(next(path for path in folders if _reported(path) in ("", dataset)))


def report_mark(dataset: str) -> str:
    """What ``page.html.j2`` keeps of a dataset, as ``dataset``; file names may be any bytes."""
    return quote(os.fsencode(dataset))


def _reported(folder: Path) -> str:
    """The dataset of the report in a folder; empty without one, or if an older version wrote it."""
    try:
        with open(folder / "report.html", encoding="utf-8") as file:
            found = _MARK.search(file.read(_HEAD_BYTES))
    except (OSError, ValueError):
        return ""
    return os.fsdecode(unquote_to_bytes(found[1])) if found else ""
