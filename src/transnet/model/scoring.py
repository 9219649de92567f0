"""What the logits of a network mean: one label for each clip, or several at once.

::

                       probabilities              loss                     answer
    one label          softmax, add up to 1       cross-entropy            the most probable class
    several labels     sigmoid, each 0..1         binary cross-entropy     each class that reaches
                                                                           its threshold
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy
from torchmetrics.functional.classification import binary_average_precision
from torchmetrics.utilities import dim_zero_cat

from transnet.data.manifest import ClipRecord
from transnet.model.cue_weights import (
    WEIGHTS,
    Prior,
    best_weights,
    prior_of,
    shares_of_cues,
    without_sureness,
)
from transnet.model.temperature import best_temperature

DEFAULT_THRESHOLD = 0.5
_ALMOST_SURE = 1e-6


class Scoring(ABC):
    """How logits become probabilities, how they are trained, and what is answered.

    Attributes:
        thresholds: probability from which each class is answered, C; empty where the most
            probable class is the answer.
        own_places: how surely each action has places of its own, 0..1, see
            :mod:`transnet.model.places`.
        cue_weights: how much each cue counts, see :mod:`transnet.model.cue_weights`.
        measure: name of the score in the logs of a training.
        title: the score in words.
    """

    thresholds: tuple[float, ...] = ()
    own_places: float = 0.0
    cue_weights: Mapping[str, float] = WEIGHTS
    measure: str
    title: str

    @abstractmethod
    def probabilities(self, logits: Tensor) -> Tensor:
        """Logits ``(..., C)`` to probabilities, 0..1."""

    @abstractmethod
    def logits_of(self, probabilities: Tensor) -> Tensor:
        """The inverse of :meth:`probabilities`; finite, also of 0 and 1."""

    @property
    def prior(self) -> Prior:
        """What is known of the cues before validation clips say anything."""
        return prior_of(self.own_places)

    def expect_places(self, own_places: float) -> None:
        """Let the cues count as they should where each action has places of its own, 0..1."""
        self.own_places = own_places
        self.cue_weights = self.prior.weights

    def join(
        self, logits: Mapping[str, Tensor], weights: Mapping[str, float] | None = None
    ) -> Tensor:
        """The logits ``(B, C)`` of each cue to those of the clip; a single cue's are unchanged.

        Args:
            logits: of each cue.
            weights: of each cue; by default :attr:`cue_weights`.
        """
        return self.join_stacked(torch.stack([*logits.values()], dim=1), logits, weights)

    def join_stacked(
        self, logits: Tensor, cues: Iterable[str], weights: Mapping[str, float] | None = None
    ) -> Tensor:
        """The same for logits ``(B, Q, C)`` of Q cues, in their order."""
        if logits.shape[1] == 1:
            return logits[:, 0]
        shares = shares_of_cues(cues, weights or self.cue_weights)
        counts = logits.new_tensor([[*shares.values()]])
        return self.logits_of(torch.matmul(counts, self.probabilities(logits)).squeeze(1))

    @abstractmethod
    def targets(self, clips: Sequence[ClipRecord], outputs: Sequence[str]) -> Tensor:
        """What is learned of N clips; ``outputs`` are the labels of the logits."""

    @abstractmethod
    def loss(
        self, logits: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float
    ) -> Tensor:
        """The loss of logits ``(B, C)``; ``weights`` are those of :meth:`class_weights`."""

    @abstractmethod
    def class_weights(self, targets: Tensor) -> Tensor:
        """Weights of the classes in the loss, ``(C,)``, inverse to their clips."""

    @abstractmethod
    def score(self, scores: Tensor, targets: Tensor) -> Tensor:
        """How good probabilities or logits ``(N, C)`` are, 0..1."""

    @abstractmethod
    def metric(self, num_classes: int) -> Any:
        """The same of an epoch, as a metric that is updated batch by batch."""

    def calibrate(self, logits: Mapping[str, Tensor], targets: Tensor) -> float:
        """Learn the weights of the cues and the thresholds, if any, from validation clips.

        Args:
            logits: of each cue, ``(N, C)``.
            targets: what the clips show.

        Returns:
            The best temperature of the joined logits.
        """
        if len(logits) > 1 and len(targets):
            found = {cue: self.probabilities(values) for cue, values in logits.items()}
            given = {cue: self._given_to_truth(each, targets) for cue, each in found.items()}
            self.cue_weights = best_weights(given, self.prior)
        return self._calibrate(self.join(logits), targets)

    @abstractmethod
    def _given_to_truth(self, probabilities: Tensor, targets: Tensor) -> Tensor:
        """What a cue counts as giving to what the clips show, ``(N,)`` or, by class, ``(N, C)``."""

    @abstractmethod
    def _calibrate(self, logits: Tensor, targets: Tensor) -> float:
        """Learn the thresholds, if any; returns the best temperature."""


class OneLabel(Scoring):
    """Each clip has one label: targets are class indices ``(N,)``."""

    measure, title = "top1", "top-1"

    def probabilities(self, logits: Tensor) -> Tensor:
        return logits.softmax(dim=-1)

    def logits_of(self, probabilities: Tensor) -> Tensor:
        return probabilities.clamp(min=1e-12).log()

    def targets(self, clips: Sequence[ClipRecord], outputs: Sequence[str]) -> Tensor:
        return torch.tensor([outputs.index(clip.label) for clip in clips])

    def loss(
        self, logits: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float
    ) -> Tensor:
        return functional.cross_entropy(logits, targets, weight=weights, label_smoothing=smoothing)

    def class_weights(self, targets: Tensor) -> Tensor:
        """Their mean over the clips is 1; every class has some.

        Example:
            >>> OneLabel().class_weights(torch.tensor([0, 0, 0, 1]))
            tensor([0.6667, 2.0000])
        """
        counts = torch.bincount(targets).float()
        return len(targets) / (len(counts) * counts)

    def score(self, scores: Tensor, targets: Tensor) -> Tensor:
        return (scores.argmax(dim=1) == targets).float().mean()

    def metric(self, num_classes: int) -> Any:
        return MulticlassAccuracy(num_classes, average="micro")

    def _given_to_truth(self, probabilities: Tensor, targets: Tensor) -> Tensor:
        given = probabilities.gather(1, targets[:, None])[:, 0]
        return without_sureness(given, probabilities.argmax(dim=1) == targets, self.own_places)

    def _calibrate(self, logits: Tensor, targets: Tensor) -> float:
        return best_temperature(logits, targets)


class SeveralLabels(Scoring):
    """Each clip has any number of labels: targets are 0 or 1, ``(N, C)``.

    Args:
        num_classes: number of classes, C.
    """

    measure, title = "map", "mAP"

    def __init__(self, num_classes: int) -> None:
        self.thresholds = (DEFAULT_THRESHOLD,) * num_classes

    def probabilities(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()

    def logits_of(self, probabilities: Tensor) -> Tensor:
        inside = probabilities.clamp(_ALMOST_SURE, 1 - _ALMOST_SURE)
        return inside.log() - (1 - inside).log()

    def targets(self, clips: Sequence[ClipRecord], outputs: Sequence[str]) -> Tensor:
        rows = [[float(name in clip.labels) for name in outputs] for clip in clips]
        return torch.tensor(rows).reshape(len(clips), len(outputs))

    def loss(
        self, logits: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float
    ) -> Tensor:
        softened = targets * (1 - smoothing) + smoothing / 2
        return functional.binary_cross_entropy_with_logits(logits, softened, pos_weight=weights)

    def class_weights(self, targets: Tensor) -> Tensor:
        """Clips without the class for each clip with it, the weight of those.

        Example:
            >>> SeveralLabels(2).class_weights(torch.tensor([[1.0, 1], [0, 1], [0, 0]]))
            tensor([2.0000, 0.5000])
        """
        counts = targets.sum(dim=0)
        return (len(targets) - counts).clamp(min=1) / counts.clamp(min=1)

    def score(self, scores: Tensor, targets: Tensor) -> Tensor:
        return _mean_precision(scores, targets)

    def metric(self, num_classes: int) -> Any:
        return _EpochPrecision()

    def _given_to_truth(self, probabilities: Tensor, targets: Tensor) -> Tensor:
        return torch.where(targets > 0, probabilities, 1 - probabilities)

    def _calibrate(self, logits: Tensor, targets: Tensor) -> float:
        found = best_temperature(logits, targets, functional.binary_cross_entropy_with_logits)
        self.thresholds = best_thresholds(self.probabilities(logits / found), targets)
        return found


class _EpochPrecision(Metric):
    """mAP of all clips of an epoch."""

    scores: list[Tensor]
    targets: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("scores", [], dist_reduce_fx="cat")
        self.add_state("targets", [], dist_reduce_fx="cat")

    def update(self, scores: Tensor, targets: Tensor) -> None:
        self.scores.append(scores.float())
        self.targets.append(targets)

    def compute(self) -> Tensor:
        return _mean_precision(dim_zero_cat(self.scores), dim_zero_cat(self.targets))


def scoring_of(several_labels: bool, num_classes: int) -> Scoring:
    """What the logits of ``num_classes`` classes mean."""
    return SeveralLabels(num_classes) if several_labels else OneLabel()


def average_precision(scores: Tensor, targets: Tensor) -> Tensor:
    """Average precision of each class, ``(C,)``, 0..1; 0 for classes without a clip.

    Args:
        scores: probabilities or logits, ``(N, C)``.
        targets: 0 or 1, ``(N, C)``.

    Example:
        >>> average_precision(torch.tensor([[0.9], [0.8], [0.1]]), torch.tensor([[1], [0], [1]]))
        tensor([0.8333])
    """
    found = torch.zeros(targets.shape[1])
    for number in torch.nonzero(targets.sum(dim=0)).flatten().tolist():  # others have no recall
        found[number] = binary_average_precision(scores[:, number], targets[:, number].long())
    return found


def _mean_precision(scores: Tensor, targets: Tensor) -> Tensor:
    """mAP, over the classes that are shown; 0 if none is."""
    shown = targets.sum(dim=0).cpu() > 0
    return average_precision(scores, targets)[shown].sum() / shown.sum().clamp(min=1)


def best_thresholds(probabilities: Tensor, targets: Tensor) -> tuple[float, ...]:
    """The threshold of the best F1 of each class; of several equally good, the nearest to 0.5.

    0.5 for classes that all of the clips or none of them show.

    Args:
        probabilities: of clips that were not trained on, ``(N, C)``.
        targets: 0 or 1, ``(N, C)``.

    Example:
        >>> best_thresholds(torch.tensor([[0.25], [0.5], [0.75]]), torch.tensor([[0], [1], [1]]))
        (0.375,)
    """
    return tuple(
        _best_threshold(*columns)
        for columns in zip(probabilities.double().T, targets.double().T, strict=True)
    )


def _best_threshold(probabilities: Tensor, targets: Tensor) -> float:
    shown = float(targets.sum())
    if shown in (0, len(targets)):
        return DEFAULT_THRESHOLD
    edges = torch.cat([torch.zeros(1), probabilities.unique()])
    candidates = (edges[:-1] + edges[1:]) / 2
    answered = (probabilities[:, None] >= candidates).double()
    f1 = 2 * (answered * targets[:, None]).sum(dim=0) / (answered.sum(dim=0) + shown)
    best = candidates[f1 >= f1.max() - 1e-9]
    return float(best[(best - DEFAULT_THRESHOLD).abs().argmin()])
