"""The part of a recognizer that needs no torch: videos in, predictions out."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

from transnet.config import ClipConfig
from transnet.data.clips import Clip, read_clip
from transnet.data.video.frames import Pixels
from transnet.errors import VideoError
from transnet.inference.inputs import ClipOptions, read_input
from transnet.inference.prediction import Prediction
from transnet.utils.threads import prefetch


class Scored(NamedTuple):
    """What a network makes of a clip.

    Attributes:
        probabilities: the probability of each output, 0..1.
        known: whether the clip is like the training clips, as far as the run can tell.
    """

    probabilities: Sequence[float]
    known: bool = True


Scores = Callable[[Pixels], Scored]
"""From a clip, uint8 RGB ``(T, size, size, 3)``, to its scores."""


class RecognizerInfo(Protocol):
    """What a recognizer has to know."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, in the order of the probabilities."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The classes and, last, ``_none`` if the network was trained on such clips."""

    @property
    def clip(self) -> ClipConfig:
        """How a video becomes a clip."""


class Schedule(NamedTuple):
    """How many videos are classified.

    Attributes:
        scores: the network.
        threads: threads that decode videos.
        scores_in_threads: whether these threads call the network too, each for its own video.
    """

    scores: Scores
    threads: int
    scores_in_threads: bool


class BaseRecognizer(ABC):
    """Classifies videos; the base of recognizers in PyTorch and in other runtimes.

    Attributes:
        info: classes and preprocessing.
    """

    info: RecognizerInfo

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, in the order of the network's outputs."""
        return self.info.classes

    @property
    @abstractmethod
    def thresholds(self) -> tuple[float, ...]:
        """Probability from which each class is answered; empty if the best class is."""

    def watching(self, region: str) -> Self:
        """The same recognizer, which watches one place of the picture.

        Args:
            region: ``x,y,w,h`` of the displayed picture, in pixels or as shares from 0 to 1; by
                default the one of the run.

        Raises:
            TransNetError: the region is no such place.

        Example:
            >>> right_half = transnet.load("runs/mine").watching("0.5,0,0.5,1")
            >>> right_half.info.clip.region
            '0.5,0,0.5,1'
        """
        if not region:
            return self
        other = copy.copy(self)
        other.info = replace(self.info, clip=replace(self.info.clip, region=region))  # type: ignore[type-var]
        return other

    def predict(
        self,
        video: Any,
        *,
        start: int | None = None,
        end: int | None = None,
        allow_partial: bool = False,
        fps: float = 25.0,
    ) -> Prediction:
        """Classify one video as a whole.

        Args:
            video: a path, the bytes of a video file, a file opened in binary mode, frames as uint8
                RGB ``(T, H, W, 3)`` in an array or a tensor, a list of pictures, or a ``Clip``.
            start: first frame to use, counted from 0; by default the first of the file.
            end: frame after the last one to use; by default the end of the file.
            allow_partial: use the intact frames of a damaged file; ``damage`` reports it.
            fps: frames per second of frames that come without times.

        Raises:
            VideoError: the file is missing, damaged or no video.
            TransNetError: ``video`` is something else, or the run is trained on crops of people and
                it is no ``Clip`` of one.
        """
        options = ClipOptions(start, end, allow_partial, fps)
        name, clip = read_input(video, self.info.clip, options)
        return self._predict_clip(name, clip, self._scores)

    def predict_all(
        self,
        paths: Sequence[str | Path],
        *,
        allow_partial: bool = False,
        workers: int = 2,
        read: Callable[..., Clip] = read_clip,
    ) -> Iterator[Prediction | VideoError]:
        """Classify many videos, each as a whole; decoding runs ahead of the network.

        Args:
            paths: the video files.
            allow_partial: use the intact frames of damaged files; ``damage`` reports it.
            workers: decoding threads; more where the network may be called from several threads.
            read: how a clip is read, such as an
                :class:`~transnet.data.isolated.IsolatedReader`; called as ``read_clip`` is.

        Yields:
            For each file, in order, its prediction, or the error that it caused.
        """
        schedule = self._schedule(len(paths), workers)

        def ahead(path: str | Path) -> Prediction | Clip:
            clip = read(path, self.info.clip, allow_partial=allow_partial)
            if not schedule.scores_in_threads:
                return clip
            return self._predict_clip(path, clip, schedule.scores)

        results = prefetch((partial(ahead, path) for path in paths), schedule.threads)
        for path, result in zip(paths, results, strict=True):
            try:
                done = result.result()
            except VideoError as error:
                yield error
                continue
            if isinstance(done, Clip):
                done = self._predict_clip(path, done, schedule.scores)
            yield done

    @abstractmethod
    def _scores(self, frames: Pixels) -> Scored:
        """A clip, uint8 RGB ``(T, size, size, 3)``, to its scores."""

    @abstractmethod
    def _schedule(self, num_videos: int, workers: int) -> Schedule:
        """How this many videos are classified; ``workers`` is the number that the user asks for."""

    def _predict_clip(self, path: str | Path, clip: Clip, scores: Scores) -> Prediction:
        start_s, end_s = float(clip.times_s[0]), float(clip.times_s[-1])
        return self.prediction(str(path), scores(clip.frames), start_s, end_s, clip.damage)

    def prediction(
        self, name: str, scored: Scored, start_s: float, end_s: float, damage: str = ""
    ) -> Prediction:
        """What is answered, given the scores of a clip."""
        return Prediction.of(
            name,
            self.info.outputs,
            scored.probabilities,
            start_s,
            end_s,
            damage,
            known=scored.known,
            thresholds=self.thresholds,
        )
