"""What ``transnet live`` does with what it finds: lines, JSON, an annotated video, a window."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from transnet.commands.output import print_json
from transnet.commands.preview_window import PreviewWindow, enlarged
from transnet.data.video.frames import FrameConverter
from transnet.data.video.sources import FrameSource
from transnet.data.video.writer import VideoWriter
from transnet.inference.label_events import LabelEvents
from transnet.inference.prediction import Prediction, Segment
from transnet.reports.overlays import ScoreOverlay
from transnet.utils.progress import say


class LiveOutput:
    """An output; this one ignores everything."""

    def frame(self, picture: Any, time_s: float, events: LabelEvents) -> bool:
        """A frame, classified or not; False stops the loop."""
        return True

    def window(self, prediction: Prediction, events: LabelEvents) -> None:
        """The prediction of a window."""

    def segment(self, segment: Segment) -> None:
        """A segment that has ended."""

    def summary(self, values: dict[str, Any]) -> None:
        """The figures at the end."""


class JsonLines(LiveOutput):
    """JSON lines of kind window, segment and summary."""

    def __init__(self, frames: FrameSource) -> None:
        self._frames = frames

    def window(self, prediction: Prediction, events: LabelEvents) -> None:
        """Print its scores, the event of the moment, and the frames dropped so far."""
        values = {**prediction.to_dict(), "path": self._frames.name}
        self._print("window", {**values, "event": events.label, "dropped": self._frames.dropped})

    def segment(self, segment: Segment) -> None:
        """Print it."""
        self._print("segment", segment.to_dict())

    def summary(self, values: dict[str, Any]) -> None:
        """Print it."""
        self._print("summary", values)

    def _print(self, kind: str, values: dict[str, Any]) -> None:
        print_json({"kind": kind, **values})


class EventLines(LiveOutput):
    """A line of text per event."""

    def segment(self, segment: Segment) -> None:
        """Print it, unless its class is unknown."""
        if segment.is_known:
            say(str(segment), standard_output=True)

    def summary(self, values: dict[str, Any]) -> None:
        """Print it on standard error."""
        say(
            f"{values['segments']} events in {values['seconds']:.0f} s; {values['frames']} frames "
            f"classified, {values['ms_per_frame']:.1f} ms each; {values['dropped']} dropped "
            f"({values['dropped_share']:.1%})"
        )


class AnnotatedVideo(LiveOutput):
    """A video file of every frame with the scores on it."""

    def __init__(self, out: str, stack: ExitStack) -> None:
        self._writer = stack.enter_context(VideoWriter(out))
        self._overlay, self._convert = ScoreOverlay(), FrameConverter()

    def frame(self, picture: Any, time_s: float, events: LabelEvents) -> bool:
        """Write it."""
        pixels = self._convert(picture)
        self._writer.write(self._overlay.draw(pixels, events.scores, events.label), time_s)
        return True


class OnScreen(LiveOutput):
    """A window with every frame and the scores on it."""

    def __init__(self, frames: FrameSource, stack: ExitStack) -> None:
        self._window = PreviewWindow(f"transnet live: {frames.name}")
        stack.callback(self._window.close)
        self._frames = frames
        self._overlay, self._convert = ScoreOverlay(), FrameConverter()

    def frame(self, picture: Any, time_s: float, events: LabelEvents) -> bool:
        """Show it; False once the user has closed the window."""
        dropped = self._frames.dropped / max(1, self._frames.due)
        title = f"{events.label}   ({dropped:.0%} of the frames dropped)"
        pixels = enlarged(self._convert(picture))
        self._window.show(self._overlay.draw(pixels, events.scores, title))
        return self._window.is_open
