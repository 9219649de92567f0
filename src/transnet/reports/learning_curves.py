"""Learning curves of a training, from its logs."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure


def learning_curves(run: Path, figures: Mapping[str, str]) -> Figure | None:
    """Curves of the training and the validation part; ``None`` without logs.

    Args:
        run: the run folder.
        figures: name in the logs (``loss`` for ``train_loss`` and ``validation_loss``) to title.
    """
    epochs = _epochs(run)
    if not epochs:
        return None
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    for axes, (kind, title) in zip(figure.subplots(1, len(figures)), figures.items(), strict=True):
        for part, color in (("train", "#9aa5b1"), ("validation", "#2f6fde")):
            points = [
                (epoch + 1, float(row[name]))
                for epoch, row in sorted(epochs.items())
                if row.get(name := f"{part}_{kind}")
            ]
            if points:
                axes.plot(*zip(*points, strict=True), color=color, label=part, linewidth=2)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("epoch", fontsize=9)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=9)
    return figure


def _epochs(run: Path) -> dict[int, dict[str, str]]:
    """Figures by epoch; a resumed training has one log per start."""
    epochs: dict[int, dict[str, str]] = {}
    logs = sorted(
        run.glob("logs/csv/version_*/metrics.csv"),
        key=lambda path: int(path.parent.name.rpartition("_")[2]),
    )
    for log in logs:
        with open(log, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                known = epochs.setdefault(int(row["epoch"]), {})
                known.update({name: value for name, value in row.items() if value})
    return epochs
