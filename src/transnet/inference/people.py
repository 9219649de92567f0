"""A stream for each person in a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
import torch

from transnet.config import StreamConfig
from transnet.data.people.boxes import Box, boxes_of_mask, person_crop
from transnet.data.people.tracking import Track, Tracker
from transnet.data.preprocessing import Preprocessor
from transnet.data.video.frames import FrameConverter, Pixels, rgb_frame
from transnet.data.video.pacing import FramePacer
from transnet.data.views import CENTER
from transnet.errors import TransNetError
from transnet.inference.prediction import Prediction
from transnet.inference.recognizer import Recognizer
from transnet.inference.segmenter import PersonSegmenter
from transnet.inference.stream import interval_s, prediction_of, window_step_s
from transnet.model.streaming import StreamingTransNet
from transnet.model.transnet import TransNet

FindPeople = Callable[[Pixels], list[Box]]
"""From a picture, uint8 RGB ``(H, W, 3)``, to a box around each person."""


@dataclass(frozen=True)
class PersonPrediction:
    """A person in a frame.

    Attributes:
        track: the number of the person, from 1.
        box: where the person is, in pixels of the displayed frame.
        prediction: of the window that ends with this frame; ``None`` until the first is full.
    """

    track: int
    box: Box
    prediction: Prediction | None

    def to_dict(self) -> dict[str, Any]:
        """The person as JSON values; the box is left, top, right, bottom."""
        values = self.prediction.to_dict() if self.prediction else {}
        return {"track": self.track, "box": [round(float(edge), 1) for edge in self.box], **values}


def find_by_mask(segmenter: PersonSegmenter) -> FindPeople:
    """People as the connected parts of a segmenter's mask."""
    return lambda pixels: boxes_of_mask(segmenter.probabilities(pixels[None])[0])


class PeopleSession:
    """Follows the people of a stream and classifies each.

    ::

        session = PeopleSession(recognizer, find_by_mask(segmenter))
        for frame, time_s in my_camera():              # uint8 RGB (H, W, 3), seconds
            for person in session.push(frame, time_s): # track, box, prediction

    The crops of all people of a frame pass through the backbone in one batch. Memory: a stream for
    each person who is followed, at most :data:`~transnet.data.people.tracking.MOST_TRACKS`; it ends
    with the track. Not thread-safe.

    Args:
        recognizer: classifies the crops.
        find: where people are.
        config: the step of the window, and which frames are processed.
        name: the name of the stream in predictions.

    Raises:
        TransNetError: the network needs whole clips.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        find: FindPeople,
        config: StreamConfig = StreamConfig(),
        *,
        name: str = "stream",
    ) -> None:
        info, model = recognizer.info, recognizer.model
        if not isinstance(model, TransNet):
            raise TransNetError(
                f"{info.backbone.name} needs whole clips, so it cannot classify a stream; "
                "accepted: runs with an image network as their backbone."
            )
        self._recognizer, self._model, self._find, self._name = recognizer, model, find, name
        self._step_s = window_step_s(info, config)
        self._pacer = FramePacer(interval_s(info, config))
        self._convert, self._preprocess = FrameConverter(), Preprocessor(info.clip.size)
        self.reset()

    def __len__(self) -> int:
        """Streams that are kept."""
        return len(self._streams)

    def reset(self) -> None:
        """Forget everyone: another video starts, or frames are missing."""
        self._tracker = Tracker()
        self._streams: dict[int, StreamingTransNet] = {}
        self._pacer.reset()

    def push(self, frame: Pixels | av.VideoFrame, time_s: float) -> list[PersonPrediction]:
        """Process the next frame.

        Args:
            frame: uint8 RGB ``(H, W, 3)``, upright, or a decoded frame of PyAV.
            time_s: presentation time, in seconds; never decreasing.

        Returns:
            Everyone who is followed, in order of track numbers; empty for frames that are skipped
            (``every_s``).

        Raises:
            TransNetError: the frame has another shape or type, or the time decreases.
        """
        if not self._pacer.is_due(time_s):
            return []
        picture = frame if isinstance(frame, av.VideoFrame) else rgb_frame(frame)
        pixels = self._convert(picture)
        tracks = self._tracker.update(pixels, self._find(pixels), time_s)
        confirmed = [track for track in tracks if track.is_confirmed]
        kept = {track.number for track in confirmed}
        self._streams = {key: value for key, value in self._streams.items() if key in kept}
        return self._classify(pixels, confirmed, time_s) if confirmed else []

    @torch.inference_mode()
    def _classify(
        self, pixels: Pixels, tracks: list[Track], time_s: float
    ) -> list[PersonPrediction]:
        crops = [rgb_frame(person_crop(pixels, track.box)) for track in tracks]
        inputs = np.concatenate([self._preprocess([crop], CENTER) for crop in crops])
        batch = self._model.frame_terms(self._recognizer.normalized(inputs))
        people = []
        for index, track in enumerate(tracks):
            if track.number not in self._streams:
                self._streams[track.number] = StreamingTransNet(
                    self._model, self._step_s, self._recognizer.novelty
                )
            window = self._streams[track.number].push_terms(batch.of_frame(index), time_s)
            info, scoring = self._recognizer.info, self._model.scoring
            prediction = prediction_of(window, info, scoring, self._name) if window else None
            people.append(PersonPrediction(track.number, track.box, prediction))
        return people
