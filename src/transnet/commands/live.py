"""``transnet live``: watch a camera, a stream or a file, and tell what happens as it happens."""

from __future__ import annotations

import json as jsonlib
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from transnet.commands.window import Window, has_screen
from transnet.config import StreamConfig
from transnet.data.video.frames import FrameConverter
from transnet.data.video.sources import FrameSource, open_source
from transnet.data.video.writer import VideoWriter
from transnet.inference.events import EventDetector
from transnet.inference.prediction import Prediction, Segment
from transnet.inference.recognizer import load
from transnet.inference.stream import StreamSession, interval_s
from transnet.reports.score_overlay import Overlay
from transnet.utils.progress import progress_bar, say

# Pictures that fit twice or more into so many pixels are shown larger.
SMALL = 720


def live(
    run: str,
    source: str,
    *,
    stream: StreamConfig = StreamConfig(),
    json: bool = False,
    out: str | None = None,
    no_window: bool = False,
    realtime: bool = False,
    input_size: str | None = None,
    fps: float = 25.0,
) -> int:
    """Watch a webcam, a network stream, a video file or a pipe, and tell what happens.

    Args:
        run: the folder of a trained run
        source: number of a webcam, an RTSP or HTTP address, a video file, or - for raw frames
            (rgb24) on standard input
        stream: how it is watched
        json: print JSON lines of kind window, segment and, at the end, summary; no picture
        out: write what was watched, with the scores on it, into this video (.mp4)
        no_window: show no picture, even where there is a screen; print a line an event
        realtime: play a file at its own speed, and drop frames for which the machine is too slow
        input_size: WIDTHxHEIGHT of raw frames
        fps: raw frames a second

    Returns:
        0, also after Ctrl-C; 1 if a file was damaged.

    Raises:
        TransNetError: RUN is no trained run, or SOURCE cannot be opened.
    """
    recognizer = load(run)
    session = recognizer.stream_session(replace(stream, every_s=0.0), name=source)
    with ExitStack() as stack:
        stack.enter_context(recognizer.accelerated())
        every_s = interval_s(recognizer.info, stream)
        opened = open_source(
            source, every_s=every_s, realtime=realtime, input_size=input_size, fps=fps
        )
        frames = stack.enter_context(opened)
        say(f"watching {frames.name}; the first answer comes after {session.span_s:.1f} s")
        sinks = [
            *([_JsonLines(frames)] if json else [_EventLines()]),
            *([_AnnotatedVideo(out, stack)] if out else []),
            *([_OnScreen(frames, stack)] if not (json or no_window) and has_screen() else []),
        ]
        watch = _Watch(session, frames, EventDetector(stream), sinks)
        bar = stack.enter_context(progress_bar("watching", None, "frames"))
        try:
            watch.run(bar)
        except KeyboardInterrupt:
            bar.leave = False
        watch.finish()
    for sink in sinks:
        sink.summary(watch.summary())
    if not watch.windows:
        say(
            f"there was no answer: it takes {session.span_s:.1f} s of frames that are looked at, "
            "less with a smaller --step-s"
        )
    if out:
        say(f"saved to {out}")
    if frames.damage:
        say(f"warning: {frames.name}: {frames.damage}")
    return 1 if frames.damage else 0


class _Watch:
    """The loop: frames in, windows and segments out to everybody who wants them."""

    def __init__(
        self,
        session: StreamSession,
        frames: FrameSource,
        events: EventDetector,
        sinks: list[_Sink],
    ) -> None:
        self._session, self._frames, self._events = session, frames, events
        self._sinks = sinks
        self._started_s = time.perf_counter()
        self._busy_s = 0.0
        self._looked_at = 0
        self._segments = 0
        self.windows = 0

    def run(self, bar: Any) -> None:
        for frame in self._frames:
            if frame.is_first:
                self._end_segment(self._events.finish())
                self._session.reset()
            if frame.due:
                began_s = time.perf_counter()
                prediction = self._session.push(frame.picture, frame.time_s)
                self._busy_s += time.perf_counter() - began_s
                self._looked_at += 1
                bar.update(1)
                if prediction is not None:
                    self.windows += 1
                    self._end_segment(self._events.update(prediction))
                    for sink in self._sinks:
                        sink.window(prediction, self._events)
                if self._looked_at % 10 == 0:
                    dropped = self._frames.dropped / self._frames.due
                    bar.set_postfix_str(f"{dropped:.0%} dropped, {self._events.label}", False)
            for sink in self._sinks:
                if not sink.frame(frame.picture, frame.time_s, self._events):
                    return

    def finish(self) -> None:
        self._end_segment(self._events.finish())

    def summary(self) -> dict[str, Any]:
        due = self._frames.due
        return {
            "seconds": time.perf_counter() - self._started_s,
            "frames": self._looked_at,
            "dropped": self._frames.dropped,
            "dropped_share": self._frames.dropped / due if due else 0.0,
            "ms_per_frame": 1000 * self._busy_s / max(1, self._looked_at),
            "segments": self._segments,
        }

    def _end_segment(self, segment: Segment | None) -> None:
        if segment is not None:
            self._segments += segment.is_known
            for sink in self._sinks:
                sink.segment(segment)


class _Sink:
    """Somebody who wants to know; this one does nothing with it."""

    def frame(self, picture: Any, time_s: float, events: EventDetector) -> bool:
        """Any frame, due or not; False ends it all."""
        return True

    def window(self, prediction: Prediction, events: EventDetector) -> None:
        """A window was scored."""

    def segment(self, segment: Segment) -> None:
        """A segment has ended."""

    def summary(self, values: dict[str, Any]) -> None:
        """The end."""


class _JsonLines(_Sink):
    def __init__(self, frames: FrameSource) -> None:
        self._frames = frames

    def window(self, prediction: Prediction, events: EventDetector) -> None:
        values = {**prediction.to_dict(), "path": self._frames.name}
        self._print("window", {**values, "event": events.label, "dropped": self._frames.dropped})

    def segment(self, segment: Segment) -> None:
        self._print("segment", segment.to_dict())

    def summary(self, values: dict[str, Any]) -> None:
        self._print("summary", values)

    def _print(self, kind: str, values: dict[str, Any]) -> None:
        print(jsonlib.dumps({"kind": kind, **values}), flush=True)


class _EventLines(_Sink):
    def segment(self, segment: Segment) -> None:
        if segment.is_known:
            say(str(segment), standard_output=True)

    def summary(self, values: dict[str, Any]) -> None:
        say(
            f"{values['segments']} events in {values['seconds']:.0f} s; {values['frames']} frames "
            f"looked at, {values['ms_per_frame']:.1f} ms each; {values['dropped']} dropped "
            f"({values['dropped_share']:.1%})"
        )


class _AnnotatedVideo(_Sink):
    def __init__(self, out: str, stack: ExitStack) -> None:
        self._writer = stack.enter_context(VideoWriter(out))
        self._overlay, self._convert = Overlay(), FrameConverter()

    def frame(self, picture: Any, time_s: float, events: EventDetector) -> bool:
        pixels = self._convert(picture)
        self._writer.write(self._overlay.draw(pixels, events.scores, events.label), time_s)
        return True


class _OnScreen(_Sink):
    def __init__(self, frames: FrameSource, stack: ExitStack) -> None:
        self._window = Window(f"transnet live: {frames.name}")
        stack.callback(self._window.close)
        self._frames = frames
        self._overlay, self._convert = Overlay(), FrameConverter()

    def frame(self, picture: Any, time_s: float, events: EventDetector) -> bool:
        dropped = self._frames.dropped / max(1, self._frames.due)
        title = f"{events.label}   ({dropped:.0%} of the frames dropped)"
        pixels = self._convert(picture)
        enlarged = max(1, SMALL // max(pixels.shape))
        pixels = pixels.repeat(enlarged, axis=0).repeat(enlarged, axis=1)
        self._window.show(self._overlay.draw(pixels, events.scores, title))
        return self._window.is_open
