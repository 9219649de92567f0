"""The settings of ``transnet label``."""

from __future__ import annotations

from dataclasses import dataclass

from transnet.config import Device, Region
from transnet.errors import TransNetError


@dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """How videos are labeled.

    Raises:
        TransNetError: a value is out of range.
    """

    workers: int = 0
    """decoding threads, and on a CPU as many for the backbone; 0: one per core"""

    batch: int = 0
    """videos per forward pass; 0: 1 on a CPU, 16 on a GPU"""

    device: Device = "auto"
    """auto (a GPU if there is one), cpu, cuda or mps"""

    segments_from_s: float | None = None
    """also find the segments of videos of at least this many seconds; 0: of all videos"""

    region: str = ""
    """watch one place only, x,y,w,h of the displayed picture, in pixels or as shares from 0 to 1;
    by default as in training"""

    allow_partial: bool = False
    """label the intact frames of a damaged video; the column error reports the damage"""

    def __post_init__(self) -> None:
        for name in ("workers", "batch"):
            if getattr(self, name) < 0:
                raise TransNetError(f"{name} is {getattr(self, name)}; accepted: 0 or more.")
        if self.region:
            Region.parse(self.region)
        if self.segments_from_s is not None and not self.segments_from_s >= 0:
            raise TransNetError(
                f"segments_from_s is {self.segments_from_s}; accepted: 0 or more seconds."
            )
