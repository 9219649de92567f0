"""The events of a stream, of one label after the other or of several at once."""

from __future__ import annotations

from dataclasses import replace

from transnet.config import StreamConfig
from transnet.data.labels import join_labels
from transnet.inference.events import EventDetector
from transnet.inference.prediction import UNKNOWN, Prediction, Segment

_ANY = ""
_MIDDLE = 0.5
_LEAST = 1e-6


class LabelEvents:
    """Cuts a stream into segments, of whatever kind its predictions are.

    Predictions of one label each give segments that follow each other without gaps, by an
    :class:`~transnet.inference.events.EventDetector`. Predictions of several labels at once give
    each class its own segments, which may overlap; where no class is shown, there is none. A class
    then begins and ends around its own threshold, for which 0.5 stands in ``enter`` and ``leave``.

    Example:
        >>> events = LabelEvents(StreamConfig(min_s=0, smooth_s=0))
        >>> thresholds = {"walk": 0.5, "carry": 0.3}
        >>> for second, carry in enumerate([0.1, 0.6, 0.1]):
        ...     scores = {"walk": 0.9, "carry": carry}
        ...     window = Prediction("camera", scores, second, second + 1.0, thresholds=thresholds)
        ...     for segment in events.update(window):
        ...         print(segment)
        00:00:01.500 - 00:00:02.500  carry 60.0%
        >>> events.labels
        ('walk',)
    """

    def __init__(self, config: StreamConfig) -> None:
        self._config = config
        self._detectors: dict[str, EventDetector] = {}

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes of the moment, sorted; none where it is unknown."""
        found = sorted(detector.label for detector in self._detectors.values())
        return tuple(label for label in found if label != UNKNOWN)

    @property
    def label(self) -> str:
        """The class of the moment, or several joined by ``|``; ``unknown`` if there is none."""
        return join_labels(self.labels) or UNKNOWN

    @property
    def scores(self) -> dict[str, float]:
        """Current smoothed probability of every class, 0..1."""
        return {
            label: score
            for detector in self._detectors.values()
            for label, score in detector.scores.items()
        }

    def update(self, prediction: Prediction) -> list[Segment]:
        """Add the scores of the next window; returns the segments that it ends."""
        least = prediction.thresholds
        if not self._detectors:
            own = {label: EventDetector(self._around(least[label])) for label in sorted(least)}
            self._detectors = own or {_ANY: EventDetector(self._config)}
        ended = []
        for label, detector in self._detectors.items():
            part = _of_class(prediction, label) if least else prediction
            ended.append(detector.update(part))
        return self._told(ended)

    def finish(self) -> list[Segment]:
        """End the stream, so that another one can start; returns its last segments."""
        ended = self._told([detector.finish() for detector in self._detectors.values()])
        self._detectors = {}
        return ended

    def _told(self, ended: list[Segment | None]) -> list[Segment]:
        one_label = _ANY in self._detectors
        return [each for each in ended if each is not None and (one_label or each.is_known)]

    def _around(self, threshold: float) -> StreamConfig:
        """The settings of a class with a threshold."""
        limits = [self._config.enter, self._config.leave]
        enter, leave = (
            threshold * limit / _MIDDLE
            if limit <= _MIDDLE
            else 1 - (1 - threshold) * (1 - limit) / (1 - _MIDDLE)
            for limit in limits
        )
        return replace(self._config, enter=max(enter, _LEAST), leave=leave)


def _of_class(prediction: Prediction, label: str) -> Prediction:
    """The prediction as if there were one class only."""
    score = {label: prediction.scores[label]}
    return Prediction(prediction.path, score, prediction.start_s, prediction.end_s)
