"""The settings of clips, networks, training and streams.

Each field is an option of the command line; the text below it is its help.
"""

from transnet.config.pretraining import PretrainingConfig
from transnet.config.region import Region
from transnet.config.settings import (
    HUB,
    NO_CLASS,
    VIEWS,
    ClipConfig,
    ClipStorage,
    Crop,
    Cues,
    Device,
    ExportFormat,
    Keep,
    LoggerName,
    ModelConfig,
    Places,
    Readout,
    Sampling,
    Strategy,
    Temporal,
    TimelineFormat,
    TrainingConfig,
    Unknown,
)
from transnet.config.stream import StreamConfig

__all__ = [
    "HUB",
    "NO_CLASS",
    "VIEWS",
    "ClipConfig",
    "ClipStorage",
    "Crop",
    "Cues",
    "Device",
    "ExportFormat",
    "Keep",
    "LoggerName",
    "ModelConfig",
    "Places",
    "PretrainingConfig",
    "Readout",
    "Region",
    "Sampling",
    "Strategy",
    "StreamConfig",
    "Temporal",
    "TimelineFormat",
    "TrainingConfig",
    "Unknown",
]
