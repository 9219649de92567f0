"""Measurements as bar charts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from transnet.benchmark.measurement import Measurement
from transnet.benchmark.text_tables import figure_text

LOGARITHMIC_FROM = 30
"""A ratio of times from which on the axis is logarithmic."""

COLORS = {
    "": "#2f6fde",
    "eager": "#9aa5b1",
    "compiled": "#e0a526",
    "onnx": "#2f6fde",
    "openvino": "#2e9e6b",
}


def bars(rows: Sequence[Measurement]) -> Figure:
    """Milliseconds as horizontal bars, one color per runtime."""
    shown = {(row.what, row.runtime): row for row in rows if row.ms is not None}
    places = {what: place for place, what in enumerate(dict.fromkeys(what for what, _ in shown))}
    runtimes = [runtime for runtime in COLORS if any(r == runtime for _, r in shown)]
    thick = 0.8 / max(1, len(runtimes))
    height = 0.9 + 0.17 * len(runtimes) * len(places) + 0.2 * len(places)
    figure = Figure(figsize=(9, height), layout="constrained")
    axes = figure.subplots()
    for number, runtime in enumerate(runtimes):
        own = [(places[what], row) for (what, r), row in shown.items() if r == runtime]
        heights = [place + thick * (number - (len(runtimes) - 1) / 2) for place, _ in own]
        values = [row.ms or 0.0 for _, row in own]
        axes.barh(heights, values, 0.9 * thick, color=COLORS[runtime], label=runtime or None)
        for height, value in zip(heights, values, strict=True):
            place, offset = (value, height), (3, 0)
            axes.annotate(
                figure_text(value, 3),
                place,
                offset,
                textcoords="offset points",
                va="center",
                fontsize=7,
            )
    axes.set_yticks(list(places.values()), list(places), fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.08)
    times = [row.ms or 0.0 for row in shown.values()]
    if times and max(times) > LOGARITHMIC_FROM * min(times):
        axes.set_xscale("log")
        axes.set_xlim(left=10 ** math.floor(math.log10(min(times))))
        axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("milliseconds", fontsize=9)
    axes.grid(axis="x", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if runtimes and runtimes != [""]:
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return figure
