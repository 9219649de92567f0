"""A confusion matrix as a picture and as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from transnet.utils.files import written_whole

MAX_NUMBERED = 40  # classes; the counts of more would not be readable
_CELL = 0.42  # inches


def confusion_rows(
    classes: Sequence[str], confusion: Sequence[Sequence[int]]
) -> list[dict[str, Any]]:
    """The matrix as the template ``confusion.html.j2`` shows it."""
    rows = []
    for position, (label, counts) in enumerate(zip(classes, confusion, strict=True)):
        total = max(1, sum(counts))
        cells = [
            {"count": count, "share": count / total, "right": column == position}
            for column, count in enumerate(counts)
        ]
        rows.append({"label": label, "cells": cells})
    return rows


def save_confusion(
    folder: Path, classes: Sequence[str], confusion: Sequence[Sequence[int]]
) -> list[Path]:
    """Write ``confusion.csv`` and ``confusion.png``.

    Args:
        folder: where to.
        classes: class names, C.
        confusion: counts ``(C, C)``; rows: true class, columns: predicted class.

    Returns:
        The two files.

    Raises:
        TransNetError: a file cannot be written.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["true \\ predicted", *classes])
    rows.writerows([label, *counts] for label, counts in zip(classes, confusion, strict=True))
    paths = [folder / "confusion.csv", folder / "confusion.png"]
    with written_whole(paths[0]) as beside:
        beside.write_bytes(text.getvalue().encode("utf-8", "surrogateescape"))
    with written_whole(paths[1]) as beside:
        confusion_picture(classes, confusion).savefig(beside, format="png", dpi=200)
    return paths


def confusion_picture(classes: Sequence[str], confusion: Sequence[Sequence[int]]) -> Figure:
    """The matrix, colored by the share of each true class, with counts."""
    counts = np.asarray(confusion, np.int64)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    names = [label.encode("utf-8", "replace").decode() for label in classes]  # may be any bytes
    side = max(3.0, min(24.0, _CELL * len(classes)))
    figure = Figure(figsize=(side + 1.6, side + 1.2), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90, parse_math=False)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.tick_params(length=0, labelsize=9 if len(names) <= MAX_NUMBERED else 5)
    axes.spines[:].set_visible(False)
    if len(names) <= MAX_NUMBERED:
        for row, column in np.argwhere(counts):
            color = "white" if shares[row, column] > 0.6 else "#1c2733"
            axes.text(
                column,
                row,
                str(counts[row, column]),
                ha="center",
                va="center",
                color=color,
                fontsize=9,
            )
    return figure
