"""The result of ``transnet evaluate``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from transnet.evaluation.evidence import Evidence
from transnet.evaluation.explanation import HeatOnPerson
from transnet.evaluation.label_metrics import LabelMetrics
from transnet.evaluation.metrics import Calibration, ClassificationMetrics
from transnet.evaluation.protocol import EvaluationProtocol, ViewCounts
from transnet.evaluation.unknown import UnknownMetrics
from transnet.reports.intervals import Interval, interval_text


@dataclass(frozen=True)
class StageTimes:
    """Seconds spent in two stages.

    Attributes:
        decode: decoding, summed over the threads.
        backbone: computing features.
    """

    decode: float
    backbone: float


@dataclass(frozen=True, kw_only=True)
class Evaluation(ClassificationMetrics):
    """Metrics of a run on test clips, and how they were measured.

    Attributes:
        top1_interval: 95 % interval of ``top1``, by a bootstrap over groups; ``None`` for a
            single group.
        calibration: how well probabilities match accuracy.
        data: the dataset.
        views: the views of each clip.
        heat_on_person: share of the Grad-CAM heat on people; ``None`` without a segmenter or heat.
        protocol: how the test clips were chosen.
        broken: errors of the clips that cannot be read; they count as wrong.
        seconds: duration of the evaluation.
        stage_seconds: seconds of its stages.
        unknown: how many clips are called unknown; ``None`` if the run cannot tell.
        evidence: the accuracy (of several labels at once, mAP) from a part of what the run sees;
            ``None`` if it cannot be divided.
        num_groups: groups of the test clips; with fewer than ten the interval says little.
        several: mAP and more of a run that answers several labels at once; ``None`` for others.
            ``top1`` is the share of the clips that have all labels right then, and there is no
            confusion matrix.

    Example:
        >>> evaluation = transnet.evaluate("runs/mine")
        >>> evaluation.num_clips, evaluation.per_class["boxing"].num_clips
        (6, 2)
    """

    top1_interval: Interval | None
    calibration: Calibration
    data: str
    views: ViewCounts
    heat_on_person: HeatOnPerson | None
    protocol: EvaluationProtocol
    broken: tuple[str, ...]
    seconds: float
    stage_seconds: StageTimes
    unknown: UnknownMetrics | None = None
    num_groups: int = 0
    evidence: Evidence | None = None
    several: LabelMetrics | None = None

    @property
    def headline(self) -> float:
        """The score to look at first, 0..1: mAP of a run with several labels, else top-1."""
        return self.several.mean_average_precision if self.several else self.top1

    @property
    def score_text(self) -> str:
        """The scores in words, with their interval."""
        f1 = f"macro-F1 {self.macro_f1:.1%}"
        if self.several is None:
            return f"top-1 {self.top1:.1%} ({self.interval_text}), {f1}"
        return (
            f"mAP {self.headline:.1%} ({self.interval_text}), {f1}, micro-F1 "
            f"{self.several.micro_f1:.1%}, all labels right {self.top1:.1%}"
        )

    @property
    def interval_text(self) -> str:
        """The interval of the headline in words, and how far to trust it."""
        interval = self.several.interval if self.several else self.top1_interval
        return interval_text(interval, self.num_groups)

    def to_dict(self) -> dict[str, Any]:
        """The content of ``metrics.json``."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))  # JSON has no tuples
        if self.several is None:
            del values["several"]
        return values
