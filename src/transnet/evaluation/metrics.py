"""The figures of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
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


def calibration(probabilities: Tensor, labels: Tensor) -> dict[str, Any]:
    """Whether answers that are given with 80 % are right in 80 % of the cases.

    Args:
        probabilities: ``(N, C)``; rows of zeros are left out.
        labels: right class of each clip, ``(N,)``.

    Returns:
        ``ece`` (expected calibration error, 0..1: the mean distance of the two, by clips) and
        ``bins``: for ten equal parts of 0..1 their mean ``confidence``, ``accuracy`` and
        ``num_clips``, empty parts left out.
    """
    answered = probabilities.sum(dim=1) > 0
    confidence, predicted = probabilities[answered].max(dim=1)
    right = (predicted == labels[answered]).double()
    place = (confidence * CALIBRATION_BINS).long().clamp(max=CALIBRATION_BINS - 1)
    bins = [
        {
            "confidence": float(confidence[place == index].mean()),
            "accuracy": float(right[place == index].mean()),
            "num_clips": int((place == index).sum()),
        }
        for index in place.unique().tolist()
    ]
    distance = sum(abs(b["confidence"] - b["accuracy"]) * b["num_clips"] for b in bins)
    return {"ece": distance / max(1, int(answered.sum())), "bins": bins}


def classification_metrics(
    probabilities: Tensor, labels: Tensor, classes: Sequence[str]
) -> dict[str, Any]:
    """Accuracies and counts of some clips.

    Args:
        probabilities: ``(N, C)``; a row of zeros is a clip without an answer, which is wrong.
        labels: right class of each clip, ``(N,)``.
        classes: names of the classes, C.

    Returns:
        ``top1``, ``top5``, ``macro_f1`` (0..1), ``per_class`` (name to ``precision``, ``recall``,
        ``f1``, ``num_clips``), ``confusion`` (rows: right, columns: answered; clips without an
        answer are in no column), ``num_clips``. Macro-F1 is over the classes that are tested.
    """
    count = len(classes)
    answered = probabilities.sum(dim=1) > 0
    # One class more, for no answer: it is never right, so it lowers recall and nothing else.
    predicted = torch.where(answered, probabilities.argmax(dim=1), count)
    size: dict[str, Any] = {"num_classes": count + 1}
    confusion = multiclass_confusion_matrix(predicted, labels, **size)[:count, :count]
    precision, recall, f1 = (
        function(predicted, labels, average="none", **size)[:count]
        for function in (multiclass_precision, multiclass_recall, multiclass_f1_score)
    )
    tested = torch.bincount(labels, minlength=count)
    best = probabilities.topk(min(5, count), dim=1).indices
    in_best = ((best == labels[:, None]).any(dim=1) & answered).double()
    return {
        "top1": float(multiclass_accuracy(predicted, labels, average="micro", **size)),
        "top5": float(in_best.mean()),
        "macro_f1": float(f1[tested > 0].mean()),
        "per_class": {
            name: {
                "precision": float(precision[index]),
                "recall": float(recall[index]),
                "f1": float(f1[index]),
                "num_clips": int(tested[index]),
            }
            for index, name in enumerate(classes)
        },
        "confusion": confusion.tolist(),
        "num_clips": len(labels),
    }
