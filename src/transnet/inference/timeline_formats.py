"""Timelines as text, JSON, CSV, WebVTT subtitles, an HTML page, and annotations."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Callable
from datetime import datetime
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
from transnet.reports.clip_names import clip_names
from transnet.reports.page import render

SUFFIXES: dict[TimelineFormat, str] = {"labelstudio": "labelstudio.json", "cvat": "cvat.xml"}
"""Endings of files whose format has another name than its ending."""

FORMATS: tuple[TimelineFormat, ...] = get_args(TimelineFormat)

_COLORS = (
    "#2f6fde",
    "#e0a526",
    "#2e9e6b",
    "#d9533c",
    "#8a5cd0",
    "#1f9fb5",
    "#c45a9a",
    "#7a8a2a",
    "#a5652b",
    "#4a63a8",
)


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
    known = [
        (segment, picture)
        for segment, picture in zip(timeline.segments, timeline.thumbnails, strict=True)
        if segment.is_known
    ]
    labels = sorted({segment.label for segment, _ in known})
    colors = {label: _COLORS[i % len(_COLORS)] for i, label in enumerate(labels)}
    start_s = timeline.start_s
    # Where segments overlap, each class has a lane of its own.
    lanes = labels if timeline.overlaps else [""]
    length_s = max(timeline.end_s - start_s, 1e-3)

    def share(time_s: float) -> str:
        return f"{100 * (time_s - start_s) / length_s:.3f}"

    rows = [
        {
            "label": segment.label,
            "score": segment.score,
            "color": colors[segment.label],
            "start": clock(segment.start_s)[:-2],
            "end": clock(segment.end_s)[:-2],
            "left": share(segment.start_s),
            "width": share(start_s + segment.end_s - segment.start_s),
            "picture": picture,
            "lane": lanes.index(segment.label) if timeline.overlaps else 0,
        }
        for segment, picture in known
    ]
    totals = {
        label: sum(s.end_s - s.start_s for s, _ in known if s.label == label) for label in labels
    }
    return render(
        "timeline.html.j2",
        name=clip_names([timeline.path])[0],
        length=clock(length_s)[:-4],
        rows=rows,
        colors=colors,
        totals=totals,
        ticks=[{"left": share(tick_s), "at": clock(tick_s)[:-4]} for tick_s in _ticks(timeline)],
        lanes=len(lanes),
        damage=timeline.damage,
        written=datetime.now().strftime("%Y-%m-%d %H:%M"),
    )


def _ticks(timeline: Timeline) -> list[float]:
    """Round times, ten at most, none near the end, where the label has no room."""
    start_s, end_s = timeline.start_s, timeline.end_s
    steps = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 6 * 3600)
    step_s = next((step for step in steps if (end_s - start_s) / step <= 10), 24 * 3600)
    first, last = -int(-start_s // step_s), int((end_s - 0.04 * (end_s - start_s)) // step_s)
    return [float(number * step_s) for number in range(first, last + 1)]


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
