"""``report.html``: the metrics of a run and its mistakes, on one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from transnet.checkpoints.run import RunInfo
from transnet.data.clips import read_record
from transnet.errors import VideoError
from transnet.evaluation.evaluation import Evaluation
from transnet.evaluation.explanation import explain_clip, has_maps, heated
from transnet.evaluation.metrics import CalibrationBin
from transnet.evaluation.predictions import Mistake
from transnet.inference.recognizer import Recognizer
from transnet.model.novelty import KNOWN_SHARE, SLACK
from transnet.reports.clip_names import clip_names
from transnet.reports.confusion import confusion_rows, save_confusion
from transnet.reports.learning_curves import learning_curves
from transnet.reports.page import render
from transnet.utils.files import written_whole
from transnet.utils.spacing import evenly_spaced

MAX_MISTAKES = 12
FRAMES_SHOWN = 6
_CURVES = {
    "top1": {"loss": "loss", "top1": "top-1 accuracy"},
    "map": {"loss": "loss", "map": "mAP"},
}


def write_evaluation_report(
    run: Path, recognizer: Recognizer, evaluation: Evaluation, mistakes: Sequence[Mistake]
) -> Path:
    """Write ``report.html`` into a run folder; with one label for each clip also the confusions,
    ``confusion.csv`` and ``confusion.png``.

    Args:
        run: the run folder; its logs give the learning curves.
        recognizer: the recognizer of the run.
        evaluation: the metrics.
        mistakes: wrong predictions, most confident first; the first 12 are shown.

    Returns:
        Path of the page.
    """
    info, one_label = recognizer.info, evaluation.several is None
    page = render(
        "evaluation.html.j2",
        name=run.resolve().name,
        info=info,
        settings=_settings(info),
        evaluation=evaluation,
        confusion=confusion_rows(info.outputs, evaluation.confusion) if one_label else [],
        measure=recognizer.model.scoring.title,
        curves=learning_curves(run, _CURVES[recognizer.model.scoring.measure]),
        reliability=_reliability(evaluation.calibration.bins),
        slack=SLACK,
        known_share=KNOWN_SHARE,
        mistakes=_shown_mistakes(mistakes[:MAX_MISTAKES], recognizer),
        num_mistakes=len(mistakes),
        show_top5=len(info.classes) > 5 and one_label,
        written=datetime.now().strftime("%Y-%m-%d %H:%M"),
    )
    with written_whole(run / "report.html") as path:
        path.write_text(page, encoding="utf-8")
    if one_label:
        save_confusion(run, info.outputs, evaluation.confusion)
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


def _shown_mistakes(mistakes: Sequence[Mistake], recognizer: Recognizer) -> list[dict[str, Any]]:
    names = clip_names([mistake.clip.path for mistake in mistakes])
    return [_shown(*named, recognizer) for named in zip(names, mistakes, strict=True)]


def _shown(name: str, mistake: Mistake, recognizer: Recognizer) -> dict[str, Any]:
    record = mistake.clip
    frames = heat = np.empty((0, 1, 1, 3), np.uint8)
    try:
        clip = read_record(record, recognizer.info.clip)
    except VideoError:  # changed since it was tested: show the mistake without frames
        pass
    else:
        chosen = evenly_spaced(range(len(clip.frames)), FRAMES_SHOWN)
        frames = clip.frames[chosen]
        if has_maps(recognizer.model):
            label = mistake.about if mistake.about in recognizer.classes else None
            found = explain_clip(recognizer, clip, label).heat[chosen]
            heat = np.stack([heated(*pair) for pair in zip(frames, found, strict=True)])
    return {
        "name": name if record.start is None else f"{name}, from frame {record.start}",
        "label": record.label,
        "answer": mistake.answer,
        "about": mistake.about,
        "score": mistake.score,
        "right_score": mistake.right_score,
        "frames": frames,
        "heat": heat,
    }


def _reliability(bins: Sequence[CalibrationBin]) -> Figure:
    """Accuracy by confidence (a reliability diagram), and clips by confidence."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    diagram, counts = figure.subplots(1, 2)
    confidence = [100 * b.confidence for b in bins]
    diagram.plot([0, 100], [0, 100], color="#9aa5b1", linewidth=1, linestyle="--")
    diagram.plot(confidence, [100 * b.accuracy for b in bins], color="#2f6fde", marker="o")
    diagram.set(xlim=(0, 100), ylim=(0, 104), ylabel="accuracy, %")
    counts.bar(confidence, [b.num_clips for b in bins], width=6, color="#9db9ee")
    counts.set(xlim=(0, 104), ylabel="clips")
    for axes in (diagram, counts):
        axes.set_xlabel("confidence, %")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    return figure
