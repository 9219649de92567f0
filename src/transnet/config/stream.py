"""The settings of streams, long videos, and events in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from transnet.config.settings import require


@dataclass(frozen=True, kw_only=True)
class StreamConfig:
    """How a stream or a long video is classified, and what counts as an event in it.

    Raises:
        TransNetError: a value is out of range.

    Example:
        >>> StreamConfig(enter=0.6).leave
        0.35
    """

    step_s: float | None = None
    """seconds between the frames of a window; by default as in the training clips"""

    every_s: float | Literal["step"] | None = None
    """seconds between analyzed frames, each of which ends a window; 0: every frame; step: one per
    step of the window (cheapest); by default every frame of a stream, and one per step of a long
    video"""

    smooth_s: float = 0.5
    """time constant of the smoothing of the scores, in seconds; 0 disables smoothing"""

    enter: float = 0.5
    """smoothed score at which an event begins, 0 to 1"""

    leave: float = 0.35
    """smoothed score below which an event ends, 0 to --enter; the class is then unknown"""

    min_s: float = 0.5
    """seconds for which a change must last before it counts"""

    def __post_init__(self) -> None:
        require(self.step_s is None or 0 < self.step_s <= 3600, self, "step_s", "above 0 seconds")
        every_s = 0.0 if self.every_s in (None, "step") else float(self.every_s)
        require(every_s >= 0, self, "every_s", "0 or more seconds, step")
        require(self.smooth_s >= 0, self, "smooth_s", "0 or more seconds")
        require(self.min_s >= 0, self, "min_s", "0 or more seconds")
        require(0 < self.enter <= 1, self, "enter", "above 0, up to 1")
        require(0 <= self.leave <= self.enter, self, "leave", f"0 to enter ({self.enter})")
