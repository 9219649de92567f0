"""Results of a recognizer: the prediction of a clip, a segment of a stream."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from transnet.config import NO_CLASS
from transnet.data.labels import join_labels
from transnet.errors import TransNetError

UNKNOWN = "unknown"
"""The label of a clip or a segment that shows none of the classes."""


@dataclass(frozen=True)
class Prediction:
    """The scores of one clip.

    Attributes:
        path: the video.
        scores: probability of every class, 0..1, best first; with ``none_score`` they add up to 1,
            unless a clip may show several classes at once.
        start_s: presentation time of the first frame of the clip, in seconds.
        end_s: presentation time of its last frame, in seconds.
        damage: what is wrong with the file, if only its intact frames were used.
        none_score: probability of no class at all, 0..1; 0 for runs without ``_none`` clips.
        known: whether the clip shows one of the classes, as far as the run can tell.
        thresholds: probability from which each class is answered, 0..1; empty for runs that answer
            the best class.

    Example:
        >>> Prediction("a.mp4", {"walk": 0.8, "run": 0.2}, start_s=0.0, end_s=1.0).label
        'walk'
        >>> thresholds = {"walk": 0.5, "carry": 0.3}
        >>> both = Prediction("a.mp4", {"walk": 0.8, "carry": 0.4}, 0.0, 1.0, thresholds=thresholds)
        >>> both.labels, both.label
        (('walk', 'carry'), 'carry|walk')
    """

    path: str
    scores: Mapping[str, float]
    start_s: float
    end_s: float
    damage: str = ""
    none_score: float = 0.0
    known: bool = True
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        path: str,
        classes: Sequence[str],
        probabilities: Sequence[float],
        start_s: float,
        end_s: float,
        damage: str = "",
        *,
        known: bool = True,
        thresholds: Sequence[float] = (),
    ) -> Self:
        """Make a prediction from probabilities in the order of the classes.

        The last class may be ``_none``; a clip is unknown if that is the most probable one, or if
        it is not ``known`` for another reason. With thresholds, one for each class, it is unknown
        if no class reaches its own.

        Raises:
            TransNetError: a probability is no number, or there are more or fewer than classes.
        """
        if len(probabilities) != len(classes) or not all(map(math.isfinite, probabilities)):
            raise TransNetError(
                f"the model gives the probabilities {str(list(probabilities))[:60]} for "
                f"{len(classes)} classes, so its weights or its record are damaged; restore them "
                "from a copy, or train or export again."
            )
        order = sorted(range(len(probabilities)), key=lambda index: -probabilities[index])
        scores = {classes[index]: probabilities[index] for index in order}
        none_score = scores.pop(NO_CLASS, 0.0)
        known = known and none_score <= max(scores.values())
        least = dict(zip(classes, thresholds, strict=True)) if thresholds else {}
        found = cls(path, scores, start_s, end_s, damage, none_score, known, least)
        return found if found.labels else replace(found, known=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes that the clip shows, best first: one, or all that reach their thresholds."""
        if not self.known:
            return ()
        if not self.thresholds:
            return (next(iter(self.scores)),)
        return tuple(c for c, score in self.scores.items() if score >= self.thresholds[c])

    @property
    def label(self) -> str:
        """The best class, or several joined by ``|``; ``unknown`` if it shows none of them."""
        return join_labels(self.labels) if self.labels else UNKNOWN

    @property
    def score(self) -> float:
        """The probability of the best class, 0..1."""
        return next(iter(self.scores.values()))

    def top_k(self, k: int = 5) -> list[tuple[str, float]]:
        """The best ``k`` classes and their probabilities, best first.

        Example:
            >>> Prediction.of("a.mp4", ["run", "walk"], [0.2, 0.8], 0.0, 1.0).top_k(1)
            [('walk', 0.8)]
        """
        return list(self.scores.items())[:k]

    def to_dict(self) -> dict[str, Any]:
        """The prediction as JSON values."""
        values: dict[str, Any] = {
            "path": self.path,
            "label": self.label,
            "score": self.score,
            "scores": dict(self.scores),
            "known": self.known,
            "start_s": self.start_s,
            "end_s": self.end_s,
        }
        if self.thresholds:
            values["labels"] = list(self.labels)
        return {**values, "damage": self.damage} if self.damage else values

    def __str__(self) -> str:
        shown = self.labels if self.thresholds and self.known else list(self.scores)[:3]
        best = ", ".join(f"{label} {self.scores[label]:.1%}" for label in shown)
        return f"{self.path}: {best}" if self.known else f"{self.path}: {UNKNOWN} ({best})"


@dataclass(frozen=True)
class Segment:
    """A stretch of a stream or a long video that shows one action.

    Attributes:
        label: a class, or ``unknown``.
        start_s: start time, in seconds.
        end_s: end time, in seconds.
        score: mean probability of the label over the segment, 0..1; for ``unknown``, of the best
            class.

    Example:
        >>> print(Segment("squat", start_s=1.0, end_s=4.5, score=0.9))
        00:00:01.000 - 00:00:04.500  squat 90.0%
    """

    label: str
    start_s: float
    end_s: float
    score: float

    @property
    def is_known(self) -> bool:
        """Whether it shows one of the classes."""
        return self.label != UNKNOWN

    def to_dict(self) -> dict[str, Any]:
        """The segment as JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        times = f"{clock(self.start_s)} - {clock(self.end_s)}"
        return f"{times}  {self.label} {self.score:.1%}"


def clock(time_s: float) -> str:
    """A time as in WebVTT: ``00:01:02.340``."""
    milliseconds = max(0, round(1000 * time_s))
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"
