"""What ``transnet live`` prints of windows and segments: text or JSON."""

from __future__ import annotations

from typing import Any

from transnet.commands.output import print_json
from transnet.data.video.sources import FrameSource
from transnet.inference.label_events import LabelEvents
from transnet.inference.prediction import Prediction, Segment
from transnet.utils.progress import say


class EventLines:
    """A line of text per event."""

    def window(self, prediction: Prediction, events: LabelEvents) -> None:
        """Nothing: a window alone is no event."""

    def segment(self, segment: Segment) -> None:
        """Print a segment that has ended, unless its class is unknown."""
        if segment.is_known:
            say(str(segment), standard_output=True)

    def summary(self, values: dict[str, Any]) -> None:
        """Print the figures at the end on standard error."""
        say(
            f"{values['segments']} events in {values['seconds']:.0f} s; {values['frames']} frames "
            f"classified, {values['ms_per_frame']:.1f} ms each; {values['dropped']} dropped "
            f"({values['dropped_share']:.1%})"
        )


class JsonLines(EventLines):
    """JSON lines of kind window, segment and summary."""

    def __init__(self, frames: FrameSource) -> None:
        self._frames = frames

    def window(self, prediction: Prediction, events: LabelEvents) -> None:
        """Print its scores, the event of the moment, and the frames dropped so far."""
        values = {**prediction.to_dict(), "path": self._frames.name}
        self._print("window", {**values, "event": events.label, "dropped": self._frames.dropped})

    def segment(self, segment: Segment) -> None:
        """Print a segment that has ended."""
        self._print("segment", segment.to_dict())

    def summary(self, values: dict[str, Any]) -> None:
        """Print the figures at the end."""
        self._print("summary", values)

    def _print(self, kind: str, values: dict[str, Any]) -> None:
        print_json({"kind": kind, **values})
