"""Streams and long videos: frames into windows, windows into events."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transnet.app.serving.decoder import DecodedFrames, Decoders
from transnet.app.serving.engine import Engine
from transnet.app.serving.jpeg import JpegDecoder
from transnet.config import StreamConfig
from transnet.data.video.frames import Pixels
from transnet.errors import TransNetError
from transnet.inference.label_events import LabelEvents
from transnet.inference.prediction import UNKNOWN

if TYPE_CHECKING:
    from transnet.inference.prediction import Prediction, Segment
    from transnet.inference.recognizer import Recognizer
    from transnet.inference.stream import StreamSession

_CLOCK = struct.Struct("<d")
JPEG_START = b"\xff\xd8"


def timed_jpeg(message: bytes, now_s: float) -> tuple[float, bytes]:
    """A message of a stream as time in seconds and JPEG.

    A message is a JPEG, which is of ``now_s`` then, or eight bytes (a little-endian float64, the
    time in seconds) and a JPEG.

    Raises:
        TransNetError: it is neither.
    """
    if message[:2] == JPEG_START:
        return now_s, message
    if message[8:10] != JPEG_START:
        raise TransNetError(
            "the message is no frame; accepted: a JPEG, or eight bytes (its time in seconds as a "
            "little-endian float64) and a JPEG."
        )
    return _CLOCK.unpack(message[:8])[0], message[8:]


class Watcher:
    """One stream: JPEG frames in, the JSON lines of ``transnet live --json`` out.

    Args:
        engine: runs the network.
        config: step of the window, events.
        name: of the stream, in its answers.
        tell: is told when an event begins and when it has ended.
    """

    def __init__(
        self,
        engine: Engine,
        config: StreamConfig,
        name: str = "stream",
        tell: Callable[[dict[str, Any]], None] = lambda _event: None,
    ) -> None:
        self._engine, self._name, self._tell = engine, name, tell
        self._config = replace(config, every_s=0.0)
        self._recognizer: Recognizer | None = None
        self._session: StreamSession | None = None
        self._decoder = JpegDecoder()
        self._events = LabelEvents(config)
        self._began_s = time.monotonic()
        self._first_s = self._last_s = 0.0
        self._labels: tuple[str, ...] = ()

    async def push(self, message: bytes) -> list[dict[str, Any]]:
        """See one frame; the answers to it, at least one.

        Raises:
            TransNetError: the message is no frame, or the time goes backwards.
            RequestError: the server is busy or not ready.
        """
        time_s, jpeg = timed_jpeg(message, time.monotonic() - self._began_s)
        self._engine.require()
        return await self._engine.call(self._push, time_s, jpeg)

    def finish(self) -> list[dict[str, Any]]:
        """End the stream; its last segment, if there is one."""
        ended = _segments(self._events.finish())
        self._tell_ends(ended)
        return ended

    def _push(self, time_s: float, jpeg: bytes) -> list[dict[str, Any]]:
        recognizer = self._engine.require()
        lines: list[dict[str, Any]] = []
        if self._session is None or recognizer is not self._recognizer:
            # Another recognizer was trained meanwhile: its classes may be others.
            lines += _segments(self._events.finish())
            self._recognizer, self._first_s = recognizer, time_s
            self._session = recognizer.stream_session(self._config, name=self._name)
        if time_s - self._last_s > self._session.span_s:
            self._first_s = time_s  # after a gap the window fills anew
        self._last_s = time_s
        prediction = self._session.push(self._decoder.decode(jpeg), time_s)
        if prediction is None:
            left_s = max(0.0, self._session.span_s - (time_s - self._first_s))
            return [*lines, {"kind": "waiting", "seconds_left": left_s}]
        lines += _segments(self._events.update(prediction))
        window = {**prediction.to_dict(), "event": self._events.label, "dropped": 0}
        self._notify(lines, window)
        return [*lines, {"kind": "window", **window}]

    def _notify(self, ended: list[dict[str, Any]], window: dict[str, Any]) -> None:
        self._tell_ends(ended)
        before, self._labels = self._labels, self._events.labels
        for label in self._labels:
            if label not in before:
                self._tell(
                    {
                        "kind": "event",
                        "path": self._name,
                        "label": label,
                        "score": window["scores"].get(label),
                        "time_s": window["end_s"],
                    }
                )

    def _tell_ends(self, ended: list[dict[str, Any]]) -> None:
        for segment in ended:
            if segment["label"] != UNKNOWN:
                self._tell({"path": self._name, **segment})


def _segments(segments: list[Segment]) -> list[dict[str, Any]]:
    return [{"kind": "segment", **segment.to_dict()} for segment in segments]


@dataclass(frozen=True)
class VideoWatcher:
    """The timeline of one long video, decoded in a process of its own.

    Attributes:
        engine: runs the network.
        decoders: decode the video.
        config: step of the window, events.
    """

    engine: Engine
    decoders: Decoders
    config: StreamConfig

    def timeline(self, path: Path, name: str, tell: Callable[[float], None]) -> dict[str, Any]:
        """Segments of a video, as JSON values; for a thread of its own.

        Args:
            path: the video.
            name: what the caller calls it.
            tell: is told the share that is done, 0..1.

        Raises:
            TransNetError: the video cannot be decoded, or is shorter than a window.
        """
        recognizer = self.engine.require()
        session = _SquareSession(recognizer, self.config)
        events = LabelEvents(self.config)
        segments: list[Segment] = []
        frames = self.decoders.frames(path, recognizer.info.clip, session.step_s)
        first_s = last_s = 0.0
        num_windows = 0
        for number, frame in enumerate(frames):
            last_s = frame.times_s[0]
            first_s = last_s if number == 0 else first_s
            for prediction in self._push(session, frame):
                num_windows += 1
                segments += events.update(prediction)
            tell(min(1.0, (last_s - first_s) / (frame.duration_s or 1e9)))
        segments += events.finish()
        if not num_windows:
            raise TransNetError(
                f"the video lasts {last_s - first_s:.1f} s, less than a window of "
                f"{session.span_s:.1f} s; use /predict."
            )
        segments.sort(key=lambda segment: segment.start_s)
        found = [segment.to_dict() for segment in segments]
        return {"path": name, "seconds": last_s, "segments": found}

    def _push(self, session: _SquareSession, frame: DecodedFrames) -> Iterator[Prediction]:
        found = self.engine.call_waiting(session.push, frame.pixels[0], frame.times_s[0])
        if found is not None:
            yield found


class _SquareSession:
    """A stream session for frames that were preprocessed elsewhere, in the decoding process."""

    def __init__(self, recognizer: Recognizer, config: StreamConfig) -> None:
        from transnet.inference.stream import window_step_s
        from transnet.model.streaming import StreamingTransNet
        from transnet.model.transnet import TransNet

        if not isinstance(recognizer.model, TransNet):
            raise TransNetError(f"{recognizer.info.backbone.name} cannot watch; use /predict.")
        self._recognizer = recognizer
        self.step_s = window_step_s(recognizer.info, config)
        self._scoring = recognizer.model.scoring
        self._stream = StreamingTransNet(recognizer.model, self.step_s, recognizer.novelty)
        self.span_s = self._stream.span_s

    def push(self, square: Pixels, time_s: float) -> Prediction | None:
        from transnet.inference.stream import prediction_of

        window = self._stream.push(self._recognizer.normalized(square), time_s)
        return prediction_of(window, self._recognizer.info, self._scoring, "") if window else None
