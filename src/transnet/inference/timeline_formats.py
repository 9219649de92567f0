"""Timelines as text, JSON, CSV, WebVTT subtitles, an HTML page, and annotations."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Callable
from typing import get_args

from transnet.config import TimelineFormat
from transnet.data.labels import printable
from transnet.inference.prediction import clock
from transnet.inference.timeline import Timeline
from transnet.inference.timeline_annotations import (
    cvat_document,
    elan_document,
    label_studio_tasks,
)
from transnet.inference.timeline_page import Lane, timeline_page

SUFFIXES: dict[TimelineFormat, str] = {"labelstudio": "labelstudio.json", "cvat": "cvat.xml"}
"""Endings of files whose format has another name than its ending."""

FORMATS: tuple[TimelineFormat, ...] = get_args(TimelineFormat)


def format_timeline(timeline: Timeline, form: TimelineFormat) -> str:
    """The text of a timeline in one of the formats.

    ``json`` and ``csv`` hold all segments, the others only those with a class.
    """
    return _WRITERS[form](timeline)


def _text(timeline: Timeline) -> str:
    lines = [f"  {printable(str(segment))}" for segment in timeline.known()]
    return "\n".join([printable(timeline.path), *(lines or ["  no known class"])]) + "\n"


def _json(timeline: Timeline) -> str:
    values = {
        "path": timeline.path,
        "segments": [segment.to_dict() for segment in timeline.segments],
        **({"damage": timeline.damage} if timeline.damage else {}),
    }
    return json.dumps(values) + "\n"


def _csv(timeline: Timeline) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["path", "label", "start_s", "end_s", "score"])
    for segment in timeline.segments:
        times = [f"{segment.start_s:.3f}", f"{segment.end_s:.3f}"]
        rows.writerow([timeline.path, segment.label, *times, f"{segment.score:.4f}"])
    return text.getvalue()


def _vtt(timeline: Timeline) -> str:
    cues = [
        f"{clock(segment.start_s)} --> {clock(segment.end_s)}\n"
        f"{html.escape(printable(segment.label), quote=False)} {segment.score:.0%}\n"
        for segment in timeline.known()
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _html(timeline: Timeline) -> str:
    parts = zip(timeline.segments, timeline.thumbnails, strict=True)
    known = [(part, picture) for part, picture in parts if part.is_known]
    lanes = [Lane("", tuple(known))]
    if timeline.overlaps:
        labels = sorted({part.label for part, _ in known})
        lanes = [Lane(one, tuple(pair for pair in known if pair[0].label == one)) for one in labels]
    limits = timeline.start_s, timeline.end_s
    return timeline_page(timeline.path, lanes, limits, timeline.damage)


_WRITERS: dict[TimelineFormat, Callable[[Timeline], str]] = {
    "text": _text,
    "json": _json,
    "csv": _csv,
    "vtt": _vtt,
    "eaf": elan_document,
    "html": _html,
    "labelstudio": label_studio_tasks,
    "cvat": cvat_document,
}
