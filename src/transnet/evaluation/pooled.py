"""The predictions of several runs together: leave-one-out on one page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import torch
from torch.nn import functional

from transnet.config import NO_CLASS
from transnet.evaluation.bootstrap import accuracy_interval
from transnet.evaluation.metrics import ClassificationMetrics, classification_metrics
from transnet.evaluation.tested import TestedClip, read_predictions
from transnet.inference.prediction import UNKNOWN
from transnet.reports.confusion import confusion_rows, save_confusion
from transnet.reports.intervals import interval_text
from transnet.reports.page import render
from transnet.utils.files import written_whole


def write_pooled_report(folder: Path, name: str, runs: Sequence[Path], *, seeds: int = 1) -> str:
    """Write ``report.html``, ``confusion.csv`` and ``confusion.png`` of several evaluated runs.

    Args:
        folder: where to.
        name: the title of the page.
        runs: the run folders, tested on different groups.
        seeds: how many of them are tested on the same group.

    Returns:
        The accuracy and its interval in a sentence.

    Raises:
        TransNetError: a run was not evaluated, or a file cannot be written.
    """
    clips = [clip for run in runs for clip in read_predictions(run)]
    classes = sorted({clip.label for clip in clips} | {_answer(clip) for clip in clips} - {""})
    metrics = pooled_metrics(clips, classes)
    of_group: dict[str, list[bool]] = {}
    for clip in clips:
        of_group.setdefault(clip.group, []).append(clip.right)
    right, groups = [clip.right for clip in clips], [clip.group for clip in clips]
    interval = interval_text(accuracy_interval(right, groups), len(of_group))
    page = render(
        "pooled.html.j2",
        name=name,
        classes=classes,
        metrics=metrics,
        interval=interval,
        groups=[
            {"name": group, "top1": sum(hits) / len(hits), "num_clips": len(hits)}
            for group, hits in sorted(of_group.items())
        ],
        confusion=confusion_rows(classes, metrics.confusion),
        num_runs=len(runs),
        num_broken=sum(not clip.answer for clip in clips),
        seeds=seeds,
        written=datetime.now().strftime("%Y-%m-%d %H:%M"),
    )
    with written_whole(folder / "report.html") as path:
        path.write_text(page, encoding="utf-8")
    save_confusion(folder, classes, metrics.confusion)
    return f"top-1 {metrics.top1:.1%} ({interval}) on {len(clips)} clips of all runs together"


def pooled_metrics(clips: Sequence[TestedClip], classes: Sequence[str]) -> ClassificationMetrics:
    """The metrics of predictions of which only the answer is known, so ``top5`` says nothing.

    Args:
        clips: the clips and their predictions.
        classes: all labels and answers.
    """
    place = {label: index for index, label in enumerate(classes)}
    labels = torch.tensor([place[clip.label] for clip in clips])
    # A clip without an answer is a row of zeros.
    answers = torch.tensor([place.get(_answer(clip), len(classes)) for clip in clips])
    chosen = functional.one_hot(answers, len(classes) + 1)[:, : len(classes)].float()
    return classification_metrics(chosen, labels, classes)


def _answer(clip: TestedClip) -> str:
    return NO_CLASS if clip.answer == UNKNOWN else clip.answer
