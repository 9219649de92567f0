"""From the scores of windows to events with a start and an end."""

from __future__ import annotations

import math
from collections.abc import Mapping

from transnet.config import StreamConfig
from transnet.errors import TransNetError
from transnet.inference.prediction import UNKNOWN, Prediction, Segment


class EventDetector:
    """Smooths the scores of a stream and cuts it into segments, some of them ``unknown``.

    The time of a window is its middle. Scores are smoothed exponentially over time. A class whose
    score reaches ``enter`` becomes the label, unless no class at all (``_none``) scores higher. It
    stays the label until its score falls below ``leave``, or another class reaches ``enter`` and
    scores higher. A window that is unlike the training clips speaks for no class; where most are,
    the label is ``unknown``. A change takes effect once it has lasted ``min_s`` seconds, from its
    beginning. Segments leave no gaps: the first starts at the first frame of the first window, the
    last ends at the last frame.

    Memory: one number per class, whatever the length of the stream.

    Attributes:
        label: the current label, a class or ``unknown``.
        scores: current smoothed probability of every class, 0..1.

    Example:
        >>> events = EventDetector(StreamConfig(min_s=0.5))
        >>> for second in range(3):
        ...     scores = {"walk": 0.9, "run": 0.1}
        ...     _ = events.update(Prediction("camera", scores, second, second + 1.0))
        >>> events.label
        'walk'
    """

    def __init__(self, config: StreamConfig) -> None:
        self._config = config
        self.label = UNKNOWN
        self.scores: dict[str, float] = {}
        self._none_score = 0.0
        self._open: _Stretch | None = None
        self._pending: _Stretch | None = None
        self._moment_s = 0.0
        self._end_s = 0.0

    @property
    def possible_ends_s(self) -> tuple[float, ...]:
        """Where the open segment may end without another window's middle, in seconds.

        At the beginning of a change that has not lasted yet, or at the end of the stream.
        """
        if self._open is None:
            return ()
        return (self._pending.start_s, self._end_s) if self._pending else (self._end_s,)

    def update(self, prediction: Prediction) -> Segment | None:
        """Add the scores of the next window; returns the segment that it ends, if any.

        Raises:
            TransNetError: the prediction has several labels at once.
        """
        if prediction.thresholds:
            raise TransNetError(
                "the prediction has several labels at once, and an EventDetector knows one; use "
                "LabelEvents, whose update returns a list."
            )
        moment_s = (prediction.start_s + prediction.end_s) / 2
        self._smooth(prediction, moment_s - self._moment_s)
        self._moment_s, self._end_s = moment_s, prediction.end_s
        label = self._choose()
        if self._open is None:
            # The first label has to last, too, before it takes effect.
            self._open = _Stretch(UNKNOWN, prediction.start_s)
            self._pending = _Stretch(label, prediction.start_s)
        elif self._pending is None or label != self._pending.label:
            self._pending = _Stretch(label, moment_s) if label != self._open.label else None
        if self._pending is None:
            self._open.add(self.scores)
            return None
        self._pending.add(self.scores)
        if moment_s - self._pending.start_s < self._config.min_s - 1e-6:
            return None
        before, self._open, self._pending = self._open, self._pending, None
        self.label = self._open.label
        return before.segment(self._open.start_s) if self._open.start_s > before.start_s else None

    def finish(self) -> Segment | None:
        """End the stream, so that another one can start; returns the last segment, if any."""
        last = self._open
        if last and self._pending and self._pending.start_s == last.start_s:
            last = self._pending  # the only label so far
        self.label, self.scores = UNKNOWN, {}
        self._open = self._pending = None
        return last.segment(self._end_s) if last else None

    def _smooth(self, prediction: Prediction, elapsed_s: float) -> None:
        scores, none_score = prediction.scores, prediction.none_score
        if not prediction.known and none_score <= prediction.score:  # unlike the training clips
            scores, none_score = dict.fromkeys(scores, 0.0), 1.0
        if not self.scores:
            self.scores = dict(sorted(scores.items()))
            self._none_score = none_score
            return
        smooth_s = self._config.smooth_s
        weight = 1 - math.exp(-elapsed_s / smooth_s) if smooth_s > 0 else 1.0
        for label, score in scores.items():
            self.scores[label] += weight * (score - self.scores[label])
        self._none_score += weight * (none_score - self._none_score)

    def _choose(self) -> str:
        best = max(self.scores, key=self.scores.__getitem__)
        sure = self.scores[best] >= max(self._config.enter, self._none_score)
        stays = self.scores.get(self.label, 0.0) >= max(self._config.leave, self._none_score)
        if self.label != UNKNOWN and stays and not sure:
            return self.label
        return best if sure else UNKNOWN


class _Stretch:
    """An unfinished segment: sums instead of means."""

    def __init__(self, label: str, start_s: float) -> None:
        self.label, self.start_s = label, start_s
        self._sum, self._count = 0.0, 0

    def add(self, scores: Mapping[str, float]) -> None:
        self._sum += scores.get(self.label, max(scores.values()))
        self._count += 1

    def segment(self, end_s: float) -> Segment:
        return Segment(self.label, self.start_s, end_s, self._sum / max(1, self._count))
