"""Quality of timelines: mean average precision at temporal IoU, as ActivityNet measures it.

F. Caba Heilbron et al., "ActivityNet: A Large-Scale Video Benchmark for Human Activity
Understanding", CVPR 2015. The average precision is interpolated at every recall, as in PASCAL VOC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
"""Temporal intersections over unions at which a found segment counts as right."""


@dataclass(frozen=True)
class LabeledStretch:
    """A segment of a video, found or annotated.

    Attributes:
        video: the video.
        label: the class.
        start_s: start time, in seconds.
        end_s: end time, in seconds.
        score: confidence, 0..1; of no meaning for annotated segments.
    """

    video: str
    label: str
    start_s: float
    end_s: float
    score: float = 1.0


def temporal_iou(first: LabeledStretch, second: LabeledStretch) -> float:
    """Intersection over union of two stretches of time, 0..1.

    Example:
        >>> temporal_iou(LabeledStretch("a", "run", 0, 2), LabeledStretch("a", "run", 1, 3))
        0.3333333333333333
    """
    shared = min(first.end_s, second.end_s) - max(first.start_s, second.start_s)
    joined = max(first.end_s, second.end_s) - min(first.start_s, second.start_s)
    return max(0.0, shared) / joined if joined > 0 else 0.0


def average_precision(
    found: Sequence[LabeledStretch], annotated: Sequence[LabeledStretch], threshold: float
) -> float:
    """Average precision of one class, 0..1.

    From the highest score down, a found segment takes the annotated segment of its video that it
    overlaps most and that is still free; it is right if their IoU is ``threshold`` or more.

    Args:
        found: segments of the class that were found.
        annotated: all segments of the class, one or more.
        threshold: smallest temporal IoU, 0..1.
    """
    of_video: dict[str, list[int]] = defaultdict(list)
    for number, truth in enumerate(annotated):
        of_video[truth.video].append(number)
    taken: set[int] = set()
    right = []
    for segment in sorted(found, key=lambda one: -one.score):
        overlaps = [(temporal_iou(segment, annotated[number]), number)
                    for number in of_video[segment.video] if number not in taken]  # fmt: skip
        overlap, number = max(overlaps, default=(0.0, -1))
        right.append(overlap >= threshold and number >= 0)
        if right[-1]:
            taken.add(number)
    hits = np.cumsum(right) if right else np.zeros(0)
    precision = hits / np.arange(1, len(right) + 1)
    recall = np.concatenate([[0.0], hits / len(annotated)])
    # The best precision at this recall or a higher one.
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * best))


def timeline_map(
    found: Sequence[LabeledStretch],
    annotated: Sequence[LabeledStretch],
    thresholds: Sequence[float] = THRESHOLDS,
) -> Mapping[float, float]:
    """Mean average precision over the annotated classes, 0..1, at each threshold.

    Found segments of other classes do not count, as in the published protocol.
    """
    classes = sorted({truth.label for truth in annotated})
    return {
        threshold: float(
            np.mean(
                [
                    average_precision(
                        [one for one in found if one.label == label],
                        [one for one in annotated if one.label == label],
                        threshold,
                    )
                    for label in classes
                ]
            )
        )
        if classes
        else 0.0
        for threshold in thresholds
    }
