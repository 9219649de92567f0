"""The page of a timeline: a lane of colored segments, or one for each person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import NamedTuple

from transnet.inference.prediction import Segment, clock
from transnet.reports.clip_names import clip_names
from transnet.reports.page import render

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


class Lane(NamedTuple):
    """Segments that do not overlap.

    Attributes:
        title: whose they are; empty if there is only one lane.
        segments: those with a class, and the picture of each as a data URL, or nothing.
    """

    title: str
    segments: tuple[tuple[Segment, str], ...]


def timeline_page(
    path: str, lanes: Sequence[Lane], limits: tuple[float, float], damage: str = ""
) -> str:
    """The page of a timeline.

    Args:
        path: the video.
        lanes: what is shown.
        limits: beginning and end of the axis, in seconds.
        damage: what is wrong with the file.
    """
    start_s, end_s = limits
    length_s = max(end_s - start_s, 1e-3)
    everything = [segment for lane in lanes for segment, _ in lane.segments]
    labels = sorted({segment.label for segment in everything})
    colors = {label: _COLORS[i % len(_COLORS)] for i, label in enumerate(labels)}
    numbers = count(1)

    def share(time_s: float) -> str:
        return f"{100 * (time_s - start_s) / length_s:.3f}"

    shown = [
        (
            lane.title,
            [
                {
                    "number": next(numbers),
                    "label": segment.label,
                    "score": segment.score,
                    "color": colors[segment.label],
                    "start": clock(segment.start_s)[:-2],
                    "end": clock(segment.end_s)[:-2],
                    "left": share(segment.start_s),
                    "width": share(start_s + segment.end_s - segment.start_s),
                    "picture": picture,
                }
                for segment, picture in lane.segments
            ],
        )
        for lane in lanes
    ]
    totals = {
        label: sum(s.end_s - s.start_s for s in everything if s.label == label) for label in labels
    }
    return render(
        "timeline.html.j2",
        name=clip_names([path])[0],
        length=clock(length_s)[:-4],
        lanes=shown,
        num_segments=len(everything),
        colors=colors,
        totals=totals,
        ticks=[{"left": share(at_s), "at": clock(at_s)[:-4]} for at_s in _ticks(start_s, end_s)],
        damage=damage,
        written=datetime.now().strftime("%Y-%m-%d %H:%M"),
    )


def _ticks(start_s: float, end_s: float) -> list[float]:
    """Round times, ten at most, none near the end, where the label has no room."""
    steps = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 6 * 3600)
    step_s = next((step for step in steps if (end_s - start_s) / step <= 10), 24 * 3600)
    first, last = -int(-start_s // step_s), int((end_s - 0.04 * (end_s - start_s)) // step_s)
    return [float(number * step_s) for number in range(first, last + 1)]
