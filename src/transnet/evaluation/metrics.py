"""Classification metrics and calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_confusion_matrix,
    multiclass_f1_score,
    multiclass_precision,
    multiclass_recall,
)

CALIBRATION_BINS = 10


@dataclass(frozen=True)
class ClassMetrics:
    """Metrics of one class, 0..1.

    Attributes:
        precision: share of the predictions of this class that are correct.
        recall: share of the clips of this class that are predicted correctly.
        f1: harmonic mean of the two.
        num_clips: test clips of this class.
    """

    precision: float
    recall: float
    f1: float
    num_clips: int


@dataclass(frozen=True, kw_only=True)
class ClassificationMetrics:
    """Metrics of a set of predictions, 0..1.

    Attributes:
        top1: share of the clips whose best class is correct.
        top5: share of the clips whose class is among the best five.
        macro_f1: mean F1 over the tested classes.
        per_class: metrics by class name.
        confusion: counts; rows: true class, columns: predicted class. A clip without a prediction
            is in no column.
        num_clips: clips, including those without a prediction.
    """

    top1: float
    top5: float
    macro_f1: float
    per_class: dict[str, ClassMetrics]
    confusion: list[list[int]]
    num_clips: int


@dataclass(frozen=True)
class CalibrationBin:
    """The predictions whose probability lies in one tenth of 0..1.

    Attributes:
        confidence: mean probability of the predicted class.
        accuracy: share of the predictions that are correct.
        num_clips: predictions in the bin.
    """

    confidence: float
    accuracy: float
    num_clips: int


@dataclass(frozen=True)
class Calibration:
    """How well probabilities match accuracy.

    Attributes:
        ece: expected calibration error, 0..1: mean distance of confidence and accuracy, weighted
            by clips.
        bins: ten equal parts of 0..1, without the empty ones.
    """

    ece: float
    bins: tuple[CalibrationBin, ...]


def calibration(probabilities: Tensor, labels: Tensor) -> Calibration:
    """Compare confidence with accuracy (Guo et al., On Calibration, 2017, equation 3).

    Args:
        probabilities: ``(N, C)``; rows of zeros (no prediction) are left out.
        labels: true class of each clip, ``(N,)``.

    Example:
        >>> calibration(torch.tensor([[0.9, 0.1], [0.9, 0.1]]), torch.tensor([0, 1])).bins
        (CalibrationBin(confidence=0.899..., accuracy=0.5, num_clips=2),)
    """
    predicted = probabilities.sum(dim=1) > 0
    confidence, classes = probabilities[predicted].max(dim=1)
    correct = (classes == labels[predicted]).double()
    place = (confidence * CALIBRATION_BINS).long().clamp(max=CALIBRATION_BINS - 1)
    bins = tuple(
        CalibrationBin(
            confidence=float(confidence[place == index].mean()),
            accuracy=float(correct[place == index].mean()),
            num_clips=int((place == index).sum()),
        )
        for index in sorted(set(place.tolist()))
    )
    distance = sum(abs(b.confidence - b.accuracy) * b.num_clips for b in bins)
    return Calibration(distance / max(1, int(predicted.sum())), bins)


def classification_metrics(
    probabilities: Tensor, labels: Tensor, classes: Sequence[str]
) -> ClassificationMetrics:
    """Accuracies and counts of a set of predictions.

    Args:
        probabilities: ``(N, C)``; a row of zeros is a clip without a prediction, which counts as
            wrong.
        labels: true class of each clip, ``(N,)``.
        classes: class names, C.
    """
    count = len(classes)
    predicted = probabilities.sum(dim=1) > 0
    # An extra class stands for "no prediction". It is never correct, so it only lowers recall.
    answers = torch.where(predicted, probabilities.argmax(dim=1), count)
    size: dict[str, Any] = {"num_classes": count + 1}
    precision, recall, f1 = (
        function(answers, labels, average="none", **size)[:count]
        for function in (multiclass_precision, multiclass_recall, multiclass_f1_score)
    )
    tested = torch.bincount(labels, minlength=count)
    best = probabilities.topk(min(5, count), dim=1).indices
    in_best = ((best == labels[:, None]).any(dim=1) & predicted).double()
    confusion = multiclass_confusion_matrix(answers, labels, **size)[:count, :count]
    columns = zip(precision.tolist(), recall.tolist(), f1.tolist(), tested.tolist(), strict=True)
    return ClassificationMetrics(
        top1=float(multiclass_accuracy(answers, labels, average="micro", **size)),
        top5=float(in_best.mean()),
        macro_f1=float(f1[tested > 0].mean()),
        per_class={
            name: ClassMetrics(*values) for name, values in zip(classes, columns, strict=True)
        },
        confusion=confusion.tolist(),
        num_clips=len(labels),
    )
