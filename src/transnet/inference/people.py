"""A stream for each person in a picture, and the people of a video as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from transnet.config import StreamConfig
from transnet.data.clips import read_clip, read_people
from transnet.data.people.boxes import Box
from transnet.data.people.following import FindPeople, Follower, follow
from transnet.data.people.tracking import Track
from transnet.data.preprocessing import Preprocessor
from transnet.data.video.frames import FrameConverter, Pixels, rgb_frame
from transnet.data.video.pacing import FramePacer
from transnet.data.video.sources import FrameSource, SourceFrame
from transnet.data.views import CENTER
from transnet.errors import TransNetError
from transnet.inference.base import BaseRecognizer
from transnet.inference.prediction import UNKNOWN, Prediction
from transnet.inference.recognizer import Recognizer
from transnet.inference.stream import interval_s, prediction_of, window_step_s
from transnet.model.streaming import StreamingTransNet
from transnet.model.transnet import TransNet

SHORTEST_S = 0.5
"""People who are seen for less are not classified as a whole."""


@dataclass(frozen=True)
class PersonPrediction:
    """A person in a frame, or in a whole video.

    Attributes:
        track: the number of the person, from 1.
        box: where the person is, in pixels of the displayed frame; of a whole video: where the
            person was.
        prediction: of the window that ends with this frame; ``None`` until the first is full, and
            while the person is hidden, or in one box with others. Of a whole video: of the time in
            which the person was seen.
        pixels: what the network sees of the person, uint8 RGB ``(size, size, 3)``; ``None`` for a
            hidden one, and for a whole video.

    Example:
        >>> PersonPrediction(1, Box(10, 20, 30, 80), None).to_dict()
        {'track': 1, 'box': [10.0, 20.0, 30.0, 80.0]}
    """

    track: int
    box: Box
    prediction: Prediction | None
    pixels: Pixels | None = None

    def to_dict(self) -> dict[str, Any]:
        """The person as JSON values; the box is left, top, right, bottom."""
        values = self.prediction.to_dict() if self.prediction else {}
        return {"track": self.track, "box": rounded(self.box), **values}

    def __str__(self) -> str:
        return f"{self.track}: {self.answer}" if self.prediction else f"{self.track}"

    @property
    def answer(self) -> str:
        """The labels with their scores, in words; ``unknown`` if there is none."""
        if self.prediction is None:
            return UNKNOWN
        scores = self.prediction.scores
        return with_scores({label: scores[label] for label in self.prediction.labels})


def with_scores(scores: Mapping[str, float]) -> str:
    """The scores of some labels, 0..1, in words; ``unknown`` if there are none.

    Example:
        >>> with_scores({"wave": 0.93, "walk": 0.4})
        'wave 93%, walk 40%'
    """
    return ", ".join(f"{label} {score:.0%}" for label, score in scores.items()) or UNKNOWN


@dataclass(frozen=True)
class PeopleOfVideo:
    """Who does what in a video, each as a whole.

    Attributes:
        path: the video.
        people: everyone who is seen for half a second or longer, in order of track numbers; empty
            if nobody is found.
        damage: what is wrong with the file, if only its intact frames were used.
    """

    path: str
    people: tuple[PersonPrediction, ...]
    damage: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The video as JSON values, with the damage if there is any."""
        people = [person.to_dict() for person in self.people]
        for person in people:
            del person["path"]
        values = {"path": self.path, "people": people}
        return {**values, "damage": self.damage} if self.damage else values

    def __str__(self) -> str:
        lines = [f"  person {person}" for person in self.people] or ["  nobody was found"]
        return "\n".join([self.path, *lines])


class PeopleSession:
    """Follows the people of a stream and classifies each.

    ::

        session = PeopleSession(recognizer, find_people(segmenter="runs/shape"))
        for frame, time_s in my_camera():                    # uint8 RGB (H, W, 3), seconds
            for person in session.push(frame, time_s) or (): # track, box, prediction

    People are looked for ten times a second. Who is hidden, or in one box with others, is followed
    but not classified, since a crop would show somebody else; after more than half a window of
    that, the next window has to be full first. The crops of all people of a frame pass through the
    backbone in one batch. Memory: a stream for each person who is followed, at most
    :data:`~transnet.data.people.tracking.MOST_TRACKS`; it ends with the track. Not thread-safe.

    Args:
        recognizer: classifies the crops.
        find: where people are; see :func:`~transnet.inference.finders.find_people`.
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
        self._recognizer, self._model, self._name = recognizer, model, name
        self._follower = Follower(find, info.clip.region)
        self._step_s = window_step_s(info, config)
        self._pacer = FramePacer(interval_s(info, config))
        self._longest_gap_s = max(self.span_s / 2, 2 * interval_s(info, config))
        self._convert, self._preprocess = FrameConverter(), Preprocessor(info.clip.size)
        self.reset()

    @property
    def span_s(self) -> float:
        """Seconds from the first to the last frame of a window."""
        return self._step_s * (self._recognizer.info.clip.frames - 1)

    def __len__(self) -> int:
        """Streams that are kept."""
        return len(self._streams)

    def reset(self) -> None:
        """Forget everyone: another video starts, or frames are missing."""
        self._follower.reset()
        self._streams: dict[int, StreamingTransNet] = {}
        self._fed_s: dict[int, float] = {}
        self._pacer.reset()

    def push(self, frame: Pixels | av.VideoFrame, time_s: float) -> list[PersonPrediction] | None:
        """Process the next frame.

        Args:
            frame: uint8 RGB ``(H, W, 3)``, upright, or a decoded frame of PyAV.
            time_s: presentation time, in seconds; never decreasing.

        Returns:
            Everyone who is followed, in order of track numbers; ``None`` for frames in which
            nobody is classified (``every_s``).

        Raises:
            TransNetError: the frame has another shape or type, or the time decreases.
        """
        picture = frame if isinstance(frame, av.VideoFrame) else rgb_frame(frame)
        seen: list[Pixels] = []

        def pixels() -> Pixels:
            if not seen:
                seen.append(self._convert(picture))
            return seen[0]

        self._follower.see(pixels, time_s)
        tracks = [track for track in self._follower.tracks if track.is_confirmed]
        kept = {track.number for track in tracks}
        self._streams = {key: value for key, value in self._streams.items() if key in kept}
        self._fed_s = {key: value for key, value in self._fed_s.items() if key in kept}
        if not self._pacer.is_due(time_s):
            return None
        alone = [track for track in tracks if track.is_alone]
        answers = self._classify(pixels(), alone, time_s) if alone else {}
        hidden = {t.number: PersonPrediction(t.number, t.box, None) for t in tracks}
        return [answers.get(number, person) for number, person in hidden.items()]

    def watch(
        self, frames: FrameSource
    ) -> Iterator[tuple[SourceFrame, list[PersonPrediction] | None]]:
        """Process every frame of a source, and start over where it does.

        Yields:
            Each frame, and what :meth:`push` returns of it.
        """
        for frame in frames:
            if frame.is_first:
                self.reset()
            yield frame, self.push(frame.picture, frame.time_s)

    @torch.inference_mode()
    def _classify(
        self, pixels: Pixels, tracks: list[Track], time_s: float
    ) -> dict[int, PersonPrediction]:
        inputs = np.stack([self._preprocess.person(pixels, t.room, CENTER) for t in tracks])
        batch = self._model.frame_terms(self._recognizer.normalized(inputs))
        people = {}
        for index, track in enumerate(tracks):
            hidden_s = time_s - self._fed_s.get(track.number, -np.inf)
            if track.number not in self._streams or hidden_s > self._longest_gap_s:
                self._streams[track.number] = StreamingTransNet(
                    self._model, self._step_s, self._recognizer.novelty
                )
            self._fed_s[track.number] = time_s
            window = self._streams[track.number].push_terms(batch.of_frame(index), time_s)
            info, scoring = self._recognizer.info, self._model.scoring
            prediction = prediction_of(window, info, scoring, self._name) if window else None
            people[track.number] = PersonPrediction(
                track.number, track.box, prediction, inputs[index]
            )
        return people


def predict_people(
    recognizer: BaseRecognizer,
    video: str | Path,
    find: FindPeople,
    *,
    allow_partial: bool = False,
) -> PeopleOfVideo:
    """Classify each person of a video, as a whole.

    The video is decoded twice: to follow its people, and to read the clip of each, cropped as in a
    training with ``--crop people``.

    Args:
        recognizer: a run or an export.
        video: the file.
        find: where people are; see :func:`~transnet.inference.finders.find_people`.
        allow_partial: use the intact frames of a damaged file; ``damage`` reports it.

    Returns:
        Its people, and what is wrong with the file.

    Raises:
        VideoError: the file is missing, damaged or no video, or the region reaches beyond it.

    Example:
        >>> finder = transnet.find_people(segmenter="runs/shape")
        >>> found = transnet.predict_people(transnet.load("runs/mine"), "clip.mp4", finder)
        >>> classes = transnet.load("runs/mine").classes
        >>> all(person.prediction.label in classes for person in found.people)
        True
    """
    config = recognizer.info.clip
    found = follow(video, find, config.region)
    paths = {n: path for n, path in found.items() if path.end_s - path.start_s >= SHORTEST_S}
    if not paths:
        # Read the file even if nobody is found, so that damage is reported.
        whole = replace(config, crop="none", region="")
        return PeopleOfVideo(
            str(video), (), read_clip(video, whole, allow_partial=allow_partial).damage
        )
    clips = read_people(video, config, list(paths.values()), allow_partial=allow_partial)
    answers = (replace(recognizer.predict(clip), path=str(video)) for clip in clips)
    people = (
        PersonPrediction(number, path.box, answer)
        for (number, path), answer in zip(paths.items(), answers, strict=True)
    )
    return PeopleOfVideo(str(video), tuple(people), clips[0].damage)


def rounded(box: Box) -> list[float]:
    """A box as JSON values: left, top, right, bottom."""
    return [round(float(edge), 1) for edge in box]
