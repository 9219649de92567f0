"""``report.html``: one self-contained page that shows how good a run is, and where it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from transnet.checkpoints.run import RunInfo
from transnet.data.clips import read_clip
from transnet.data.manifest import ClipRecord
from transnet.errors import VideoError
from transnet.evaluation.explanation import explain_clip, has_maps, heated
from transnet.inference.recognizer import Recognizer
from transnet.reports.learning_curves import learning_curves
from transnet.reports.page import render
from transnet.utils.files import written_whole

MAX_MISTAKES = 12
FRAMES_SHOWN = 6


@dataclass(frozen=True)
class Mistake:
    """A clip that was taken for something else.

    Attributes:
        clip: the clip, with its right label.
        answer: what it was taken for.
        score: probability of that answer, 0..1.
        right_score: probability of the right one, 0..1.
    """

    clip: ClipRecord
    answer: str
    score: float
    right_score: float


def write_report(
    run: Path, recognizer: Recognizer, metrics: dict[str, Any], mistakes: Sequence[Mistake]
) -> Path:
    """Write ``report.html`` into a run folder.

    Args:
        run: the run folder; its logs give the curves.
        recognizer: the recognizer of the run.
        metrics: what ``metrics.json`` holds.
        mistakes: wrong answers to show, the surest first.

    Returns:
        The page.
    """
    info = recognizer.info
    page = render(
        "evaluation.html.j2",
        name=run.resolve().name,
        info=info,
        settings=_settings(info),
        metrics=metrics,
        confusion=_confusion_rows(info.classes, metrics["confusion"]),
        curves=learning_curves(run, {"loss": "loss", "top1": "top-1 accuracy"}),
        reliability=_reliability(metrics["calibration"]["bins"]),
        mistakes=[_shown(mistake, recognizer) for mistake in mistakes[:MAX_MISTAKES]],
        num_mistakes=len(mistakes),
        show_top5=len(info.classes) > 5,
        written=datetime.now().strftime("%Y-%m-%d %H:%M"),
    )
    with written_whole(run / "report.html") as path:
        path.write_text(page, encoding="utf-8")
    return run / "report.html"


def _settings(info: RunInfo) -> dict[str, Any]:
    return {
        "backbone": info.backbone.name,
        "weights": f"{info.backbone.weights} ({info.backbone.pretraining})",
        "license of the weights": info.backbone.license,
        "data": info.data,
        "split": info.split,
        **{key.replace("_", " "): value for key, value in asdict(info.clip).items()},
        **{key.replace("_", " "): value for key, value in asdict(info.model).items()},
        **{key.replace("_", " "): value for key, value in asdict(info.training).items()},
    }


def _confusion_rows(
    classes: Sequence[str], confusion: Sequence[Sequence[int]]
) -> list[dict[str, Any]]:
    rows = []
    for position, (label, counts) in enumerate(zip(classes, confusion, strict=True)):
        total = max(1, sum(counts))
        cells = [
            {"count": count, "share": count / total, "right": column == position}
            for column, count in enumerate(counts)
        ]
        rows.append({"label": label, "cells": cells})
    return rows


def _shown(mistake: Mistake, recognizer: Recognizer) -> dict[str, Any]:
    record = mistake.clip
    frames = heat = np.empty((0, 1, 1, 3), np.uint8)
    try:
        clip = read_clip(record.path, recognizer.info.clip, start=record.start, end=record.end)
    except VideoError:  # it was there a moment ago
        pass
    else:
        few = np.linspace(0, len(clip.frames) - 1, min(FRAMES_SHOWN, len(clip.frames)))
        chosen = few.round().astype(int)
        frames = clip.frames[chosen]
        if has_maps(recognizer.model):
            found = explain_clip(recognizer, clip, mistake.answer).heat[chosen]
            heat = np.stack([heated(*pair) for pair in zip(frames, found, strict=True)])
    return {
        "name": record.path.name,
        "label": record.label,
        "answer": mistake.answer,
        "score": mistake.score,
        "right_score": mistake.right_score,
        "frames": frames,
        "heat": heat,
    }


def _reliability(bins: Sequence[dict[str, Any]]) -> Figure:
    """How often answers were right against how sure they were, and how many there were."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    diagram, counts = figure.subplots(1, 2)
    sure = [100 * b["confidence"] for b in bins]
    diagram.plot([0, 100], [0, 100], color="#9aa5b1", linewidth=1, linestyle="--")
    diagram.plot(sure, [100 * b["accuracy"] for b in bins], color="#2f6fde", marker="o")
    diagram.set(xlim=(0, 100), ylim=(0, 104), ylabel="right, %")
    counts.bar(sure, [b["num_clips"] for b in bins], width=6, color="#9db9ee")
    counts.set(xlim=(0, 104), ylabel="clips")
    for axes in (diagram, counts):
        axes.set_xlabel("probability of the answer, %")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    return figure
