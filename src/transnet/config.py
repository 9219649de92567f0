"""What a user can set. Each field is an option of the command line, its comment the help text."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from transnet.errors import TransNetError

Readout = Literal["pool", "flatten"]
Sampling = Literal["uniform", "stride"]
TimelineFormat = Literal["text", "json", "csv", "vtt", "eaf", "html"]
ClipStorage = Literal["jpeg", "uint8", "none"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Temporal = Literal["conv1d", "separable", "lstm", "gru", "mean", "attention"]


def option(default: Any, help: str) -> Any:
    """A dataclass field with a line of help for the command line."""
    return field(default=default, metadata={"help": help})


def _require(condition: bool, config: object, name: str, accepted: str) -> None:
    if not condition:
        flag = "--" + name.replace("_", "-")
        raise TransNetError(f"{flag} is {getattr(config, name)!r}; accepted: {accepted}.")


def _require_seed(config: Any) -> None:
    _require(0 <= config.seed < 2**32, config, "seed", "0 to 4294967295")


@dataclass(frozen=True, kw_only=True)
class ClipConfig:
    """How a video becomes the clip that the network sees."""

    frames: int = option(12, "frames a clip, n (the paper: 12)")
    size: int = option(224, "height and width of a frame, in pixels")
    sampling: Sampling = option(
        "uniform", "uniform: n frames over the whole clip (the paper); stride: a fixed time apart"
    )
    stride_s: float = option(0.2, "seconds between two frames, for stride sampling")

    def __post_init__(self) -> None:
        _require(2 <= self.frames <= 1024, self, "frames", "2 to 1024 (pairs of neighbors need 2)")
        _require(16 <= self.size <= 4096, self, "size", "16 to 4096 pixels")
        _require(self.sampling in ("uniform", "stride"), self, "sampling", "uniform, stride")
        _require(0 < self.stride_s <= 3600, self, "stride_s", "above 0, up to 3600 seconds")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The size and form of the network."""

    readout: Readout = option(
        "pool", "pool: average each frame's map (small); flatten: keep every position (the paper)"
    )
    temporal: Temporal = option(
        "conv1d", "what joins the frames; conv1d: the paper's three layers; the others: its rivals"
    )
    features: int = option(64, "length L of one frame's feature vector")
    filters: int = option(64, "filters K of the first temporal convolution")

    def __post_init__(self) -> None:
        _require(self.readout in ("pool", "flatten"), self, "readout", "pool, flatten")
        _require(
            self.temporal in get_args(Temporal), self, "temporal", ", ".join(get_args(Temporal))
        )
        _require(self.features >= 1, self, "features", "1 or more")
        _require(self.filters >= 1, self, "filters", "1 or more")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How the network learns. The paper does not state any of this; these are our choices."""

    freeze: bool = option(True, "keep the backbone as it is, and compute its features only once")
    epochs: int = option(60, "passes over the training clips, at most")
    batch_size: int = option(0, "clips a step; 0: 32 with a frozen backbone, else 8")
    learning_rate: float = option(1e-3, "peak step size of the parts that start from nothing")
    backbone_learning_rate: float = option(1e-4, "peak step size of a backbone that is not frozen")
    weight_decay: float = option(0.05, "AdamW's pull of the weights toward zero")
    warmup: float = option(0.1, "share of the training in which the step size rises, 0 to 1")
    label_smoothing: float = option(0.1, "share of the target spread over all classes, 0 to 1")
    dropout: float = option(0.2, "share of frame features dropped in training, 0 to 1")
    views: int = option(4, "looks at a training clip: other moments, crops, mirrored; 1: one")
    flip: bool = option(True, "mirror some views; false where left and right differ in meaning")
    clip_cache: ClipStorage = option(
        "jpeg",
        "backbone not frozen: keep the looks at a clip on disk; jpeg: small; uint8: exact, eight "
        "times larger; none: decode the videos in each epoch, with new looks each time",
    )
    validation: float = option(0.15, "share of the training groups kept for early stopping")
    patience: int = option(20, "epochs without a better validation loss before stopping; 0: never")
    refit: bool = option(
        True, "frozen backbone: once the epochs are known, learn anew from the validation part too"
    )
    max_broken: float = option(0.01, "share of broken training clips that is skipped, 0 to 1")
    workers: int = option(2, "threads or processes that decode video")
    seed: int = option(0, "start of every random choice; equal seeds make equal runs")

    def __post_init__(self) -> None:
        if self.batch_size == 0:
            # Training all of MobileNetV1 on 8 clips of 12 frames took 4.5 GB.
            object.__setattr__(self, "batch_size", 32 if self.freeze else 8)
        for name in ("epochs", "batch_size", "views", "workers"):
            _require(getattr(self, name) >= 1, self, name, "1 or more")
        _require(
            self.clip_cache in get_args(ClipStorage),
            self, "clip_cache", ", ".join(get_args(ClipStorage)),
        )  # fmt: skip
        for name in ("learning_rate", "backbone_learning_rate"):
            _require(getattr(self, name) > 0, self, name, "above 0")
        for name in ("warmup", "max_broken"):
            _require(0 <= getattr(self, name) <= 1, self, name, "0 to 1")
        for name in ("label_smoothing", "dropout", "validation"):
            _require(0 <= getattr(self, name) < 1, self, name, "0 or more, below 1")
        for name in ("weight_decay", "patience"):
            _require(getattr(self, name) >= 0, self, name, "0 or more")
        _require_seed(self)


@dataclass(frozen=True, kw_only=True)
class PretrainingConfig:
    """How a backbone learns human shape (TransNet+). Epochs and batch are the paper's."""

    size: int = option(224, "height and width of a photo, in pixels")
    skips: bool = option(
        False, "true: show the decoder the backbone's earlier maps too, for comparison"
    )
    epochs: int = option(200, "passes over the training photos, at most")
    batch_size: int = option(24, "photos a step")
    learning_rate: float = option(1e-3, "peak step size of the parts that start from nothing")
    backbone_learning_rate: float = option(
        0.0, "peak step size of the backbone; 0: 3e-4 if it starts from weights, else as the rest"
    )
    weight_decay: float = option(0.05, "AdamW's pull of the weights toward zero")
    warmup: float = option(0.05, "share of the training in which the step size rises, 0 to 1")
    paste: float = option(
        0.5, "share of the looks at a photo whose people are set before another photo, 0 to 1"
    )
    validation: str = option(
        "0.15",
        "the photos to measure on: a share, chosen by --seed, or a range of photos whose names are "
        "numbers, like 201-230",
    )
    patience: int = option(40, "epochs without a better validation loss before stopping; 0: never")
    pictures_every: int = option(10, "epochs from one picture of validation masks to the next")
    max_broken: float = option(0.01, "share of broken photos that is skipped, 0 to 1")
    workers: int = option(2, "processes that prepare photos; 0: none beside the training itself")
    seed: int = option(0, "start of every random choice; equal seeds make equal trainings")

    def __post_init__(self) -> None:
        _require(32 <= self.size <= 4096, self, "size", "32 to 4096 pixels")
        for name in ("epochs", "batch_size", "pictures_every"):
            _require(getattr(self, name) >= 1, self, name, "1 or more")
        _require(self.learning_rate > 0, self, "learning_rate", "above 0")
        for name in ("warmup", "paste", "max_broken"):
            _require(0 <= getattr(self, name) <= 1, self, name, "0 to 1")
        for name in ("backbone_learning_rate", "weight_decay", "patience", "workers"):
            _require(getattr(self, name) >= 0, self, name, "0 or more")
        _require_seed(self)


@dataclass(frozen=True, kw_only=True)
class StreamConfig:
    """How a stream or a long video is watched, and what counts as an event in it."""

    step_s: float | None = option(
        None, "seconds between two frames of a window; by default as in the training clips"
    )
    every_s: float | Literal["step"] | None = option(
        None,
        "seconds between two frames that are looked at, each the end of a window; 0: every frame; "
        "step: one a step of the window, which is cheapest; by default every frame of a stream, "
        "and one a step of a long video",
    )
    smooth_s: float = option(0.5, "scores follow a change within about this many seconds; 0: none")
    enter: float = option(0.5, "an event begins when its smoothed score reaches this, 0 to 1")
    leave: float = option(0.35, "and ends when it falls below this, 0 to the former; then: unknown")
    min_s: float = option(0.5, "seconds for which that must hold before it counts")

    def __post_init__(self) -> None:
        _require(self.step_s is None or 0 < self.step_s <= 3600, self, "step_s", "above 0 seconds")
        _require(
            self.every_s in (None, "step") or float(self.every_s) >= 0,
            self, "every_s", "0 or more seconds, step",
        )  # fmt: skip
        _require(self.smooth_s >= 0, self, "smooth_s", "0 or more seconds")
        _require(self.min_s >= 0, self, "min_s", "0 or more seconds")
        _require(0 < self.enter <= 1, self, "enter", "above 0, up to 1")
        _require(0 <= self.leave <= self.enter, self, "leave", f"0 to --enter ({self.enter})")


def from_dict(kind: type[Any], values: dict[str, Any]) -> Any:
    """Build a config of ``kind`` from a dictionary that may hold more than its fields."""
    names = {f.name for f in fields(kind)}
    return kind(**{name: value for name, value in values.items() if name in names})
