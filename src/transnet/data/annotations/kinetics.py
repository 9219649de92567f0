"""Kinetics' CSV: label, youtube_id, time_start, time_end, split.

https://github.com/cvdfoundation/kinetics-dataset
"""

from __future__ import annotations

from pathlib import Path

from transnet.data.annotations.annotation import SUBSETS, Annotation
from transnet.data.annotations.reading import Reading
from transnet.data.annotations.tables import Table, parse_seconds
from transnet.data.annotations.videos import VideoFinder
from transnet.errors import TransNetError


def read_kinetics(table: Table, finder: VideoFinder) -> Reading:
    """Read the rows; a video is a cut clip (``ID_000010_000020.mp4``) or a whole one (``ID.mp4``).

    Raises:
        TransNetError: the table has no labels.
    """
    if "label" not in table.columns:
        raise TransNetError(
            f"{table.path} has youtube_id but no label, as the lists of the test part; accepted: "
            "the lists of the training and validation parts."
        )
    found = []
    for line, row in table.rows():
        where = f"{table.path}, line {line}"
        name = row["youtube_id"]
        start_s, end_s = (
            parse_seconds(row[column], column, where) for column in ("time_start", "time_end")
        )
        subset = SUBSETS.get(row["split"].lower(), "unused") if "split" in row else None
        cut = f"{name}_{int(start_s):06}_{int(end_s):06}"
        if finder.find(cut):
            found.append(Annotation(Path(cut), row["label"], name, subset=subset, where=where))
        else:
            found.append(
                Annotation(
                    Path(name),
                    row["label"],
                    name,
                    start_s=start_s,
                    end_s=end_s,
                    subset=subset,
                    where=where,
                )
            )
    return found, []
