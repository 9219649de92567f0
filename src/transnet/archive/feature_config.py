"""The settings of ``transnet features``."""

from __future__ import annotations

from dataclasses import dataclass

from transnet.config import VIEWS, Cues, Device, Readout
from transnet.errors import TransNetError


@dataclass(frozen=True, kw_only=True)
class FeatureConfig:
    """What features are computed; the same settings as those of ``transnet train``.

    Raises:
        TransNetError: a value is out of range.
    """

    readout: Readout = "pool"
    """pool: global average pooling; flatten: whole maps, 49 times larger at 7 x 7"""

    cues: Cues = "both"
    """appearance: the features of frames; motion or both: also what changes between them"""

    views: int = VIEWS
    """augmented views per clip"""

    flip: bool = True
    """flip some views horizontally"""

    workers: int = 2
    """decoding threads"""

    device: Device = "auto"
    """auto (a GPU if there is one), cpu, cuda or mps"""

    def __post_init__(self) -> None:
        for name in ("views", "workers"):
            if getattr(self, name) < 1:
                raise TransNetError(f"{name} is {getattr(self, name)}; accepted: 1 or more.")
