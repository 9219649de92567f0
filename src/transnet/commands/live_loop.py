"""The loop of ``transnet live``: frames in, lines and pictures out."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from transnet.commands.live_lines import EventLines
from transnet.commands.live_pictures import Draw, LivePictures
from transnet.data.video.sources import FrameSource
from transnet.inference.label_events import LabelEvents
from transnet.inference.prediction import Segment
from transnet.inference.stream import StreamSession
from transnet.reports.overlays import ScoreOverlay


class LiveLoop:
    """Classifies the frames of a source, prints what it finds, and shows every frame.

    Args:
        session: classifies the frames.
        frames: the opened source.
        events: turns predictions into segments.
        lines: prints windows and segments.
        pictures: shows the frames.

    Attributes:
        num_windows: windows that were classified.
    """

    def __init__(
        self,
        session: StreamSession,
        frames: FrameSource,
        events: LabelEvents,
        lines: EventLines,
        pictures: LivePictures[LabelEvents],
    ) -> None:
        self._session, self._frames, self._events = session, frames, events
        self._lines, self._pictures = lines, pictures
        self._started_s = time.perf_counter()
        self._busy_s = 0.0
        self._num_frames = 0
        self._num_segments = 0
        self.num_windows = 0

    def run(self, bar: Any) -> None:
        """Classify every frame, until the source ends or the window is closed."""
        for frame in self._frames:
            if frame.is_first:
                self._end_segments(self._events.finish())
                self._session.reset()
            if frame.due:
                self._classify(frame.picture, frame.time_s)
                bar.update(1)
                if self._num_frames % 10 == 0:
                    dropped = self._frames.dropped / self._frames.due
                    bar.set_postfix_str(f"{dropped:.0%} dropped, {self._events.label}", False)
            if not self._pictures.show(frame.picture, frame.time_s, self._events):
                return

    def _classify(self, picture: Any, time_s: float) -> None:
        began_s = time.perf_counter()
        prediction = self._session.push(picture, time_s)
        self._busy_s += time.perf_counter() - began_s
        self._num_frames += 1
        if prediction is not None:
            self.num_windows += 1
            self._end_segments(self._events.update(prediction))
            self._lines.window(prediction, self._events)

    def finish(self) -> None:
        """End the last segments."""
        self._end_segments(self._events.finish())

    def summarize(self) -> None:
        """Print how many frames there were and how long they took."""
        due = self._frames.due
        values = {
            "seconds": time.perf_counter() - self._started_s,
            "frames": self._num_frames,
            "dropped": self._frames.dropped,
            "dropped_share": self._frames.dropped / due if due else 0.0,
            "ms_per_frame": 1000 * self._busy_s / max(1, self._num_frames),
            "segments": self._num_segments,
        }
        self._lines.summary(values)

    def _end_segments(self, segments: Sequence[Segment]) -> None:
        for segment in segments:
            self._num_segments += segment.is_known
            self._lines.segment(segment)


def event_drawing() -> Draw[LabelEvents]:
    """A function that draws the event of the moment and the best scores onto frames."""
    # An overlay redraws its bars when the size changes: one for the video, one for the window.
    overlays: defaultdict[int, ScoreOverlay] = defaultdict(ScoreOverlay)
    return lambda pixels, events, scale: overlays[scale].draw(pixels, events.scores, events.label)
