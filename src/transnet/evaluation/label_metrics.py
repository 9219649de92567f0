"""Metrics of predictions with several labels at once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from transnet.evaluation.bootstrap import resampled_interval
from transnet.evaluation.metrics import ClassificationMetrics, ClassMetrics
from transnet.model.scoring import average_precision
from transnet.reports.intervals import Interval


@dataclass(frozen=True)
class LabelMetrics:
    """What only predictions with several labels at once have, 0..1.

    Attributes:
        mean_average_precision: mAP: mean of ``average_precision`` over the tested classes. It
            judges the order of the clips by probability, whatever the thresholds.
        interval: its 95 % interval, by a bootstrap over groups; ``None`` for a single group.
        micro_f1: F1 of all answers, whatever their class.
        average_precision: by class; 0 for classes without a test clip.
        thresholds: probability from which each class is answered.
    """

    mean_average_precision: float
    interval: Interval | None
    micro_f1: float
    average_precision: dict[str, float]
    thresholds: dict[str, float]


def label_metrics(
    probabilities: Tensor,
    targets: Tensor,
    classes: Sequence[str],
    thresholds: Sequence[float],
    groups: Sequence[Hashable],
) -> LabelMetrics:
    """Average precision, and its interval.

    Args:
        probabilities: ``(N, C)``; a row of zeros is a clip without a prediction.
        targets: 0 or 1, ``(N, C)``.
        classes: class names, C.
        thresholds: of each class.
        groups: origin of each clip.
    """
    shown = targets.sum(dim=0) > 0
    precision = average_precision(probabilities, targets)
    answered = _answered(probabilities, thresholds)
    hits = (answered * targets).sum()
    micro = _share(2 * hits, answered.sum() + targets.sum())
    of_class = list(
        zip(probabilities[:, shown].double().T.numpy(), targets[:, shown].T.numpy(), strict=True)
    )

    def resampled(counts: NDArray[np.int64]) -> NDArray[np.float64]:
        drawn = np.array([weighted_precision(*each, counts) for each in of_class])
        found = ~np.isnan(drawn)
        return np.where(found, drawn, 0).sum(axis=0) / np.maximum(found.sum(axis=0), 1)

    return LabelMetrics(
        mean_average_precision=float(precision[shown].mean()),
        interval=resampled_interval(resampled, groups),
        micro_f1=float(micro),
        average_precision=dict(zip(classes, precision.tolist(), strict=True)),
        thresholds=dict(zip(classes, thresholds, strict=True)),
    )


def several_labels_metrics(
    probabilities: Tensor,
    targets: Tensor,
    correct: Sequence[bool],
    classes: Sequence[str],
    thresholds: Sequence[float],
) -> ClassificationMetrics:
    """Accuracies of what is answered at the thresholds.

    ``top1`` is the share of the clips that have all labels right (exact match), ``top5`` the share
    whose labels are all among the best five.

    Args:
        probabilities: ``(N, C)``; a row of zeros is a clip without a prediction.
        targets: 0 or 1, ``(N, C)``.
        correct: whether all labels of each clip are right.
        classes: class names, C.
        thresholds: of each class.
    """
    count = len(classes)
    answered, shown = _answered(probabilities, thresholds), targets.long()
    hits, told, tested = (each.sum(dim=0) for each in (answered * shown, answered, shown))
    precision, recall = _share(hits, told), _share(hits, tested)
    f1 = _share(2 * hits, told + tested)
    best = probabilities.topk(min(5, count), dim=1).indices
    found = shown.gather(1, best).sum(dim=1) == shown.sum(dim=1)
    in_best = found & (probabilities.sum(dim=1) > 0)
    columns = zip(precision.tolist(), recall.tolist(), f1.tolist(), tested.tolist(), strict=True)
    return ClassificationMetrics(
        top1=sum(correct) / len(correct),
        top5=float(in_best.double().mean()),
        macro_f1=float(f1[tested > 0].mean()),
        per_class={
            name: ClassMetrics(*values) for name, values in zip(classes, columns, strict=True)
        },
        confusion=[],
        num_clips=len(targets),
    )


def _share(part: Tensor, whole: Tensor) -> Tensor:
    """The ratio of two counts, 0 where there is nothing to count."""
    return part.double() / whole.clamp(min=1)


def _answered(probabilities: Tensor, thresholds: Sequence[float]) -> Tensor:
    return (probabilities.double() >= torch.tensor(thresholds, dtype=torch.float64)).long()


def weighted_precision(
    scores: NDArray[np.float64], targets: NDArray[np.float64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Average precision of one class in R samples of N clips, ``(R,)``.

    Args:
        scores: ``(N,)``.
        targets: 0 or 1, ``(N,)``.
        counts: how often each clip is in each sample, ``(R, N)``.

    Returns:
        NaN for samples without a clip of the class.

    Example:
        >>> scores, targets = np.array([0.9, 0.8, 0.1]), np.array([1, 0, 1])
        >>> weighted_precision(scores, targets, np.array([[1, 1, 1], [1, 0, 1], [0, 1, 0]]))
        array([0.83333333, 1.        ,        nan])
    """
    order = np.argsort(-scores, kind="stable")
    scores, drawn = scores[order], counts[:, order]
    right = drawn * targets[order]
    # Clips with equal scores are answered together.
    last = np.searchsorted(-scores, -scores, side="right") - 1
    answered = np.cumsum(drawn, axis=1)[:, last]
    hits = np.cumsum(right, axis=1)[:, last]
    with np.errstate(invalid="ignore"):
        precision = np.where(answered > 0, hits / np.maximum(answered, 1), 0.0)
        return (precision * right).sum(axis=1) / right.sum(axis=1)
