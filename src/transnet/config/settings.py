"""The settings of clips, networks and training, and the values that options accept."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from transnet.config.region import Region
from transnet.errors import TransNetError

NO_CLASS = "_none"
"""The label of training clips that show none of the classes."""

HUB = "hf-hub:"
"""How a repository of the Hugging Face Hub is named: ``hf-hub:USER/NAME``."""

Readout = Literal["pool", "flatten"]
Sampling = Literal["uniform", "stride"]
Crop = Literal["none", "people"]
TimelineFormat = Literal["text", "json", "csv", "vtt", "eaf", "html", "labelstudio", "cvat"]
ExportFormat = Literal["onnx", "openvino"]
ClipStorage = Literal["jpeg", "uint8", "none"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Cues = Literal["appearance", "motion", "both"]
LoggerName = Literal["auto", "csv", "tensorboard", "mlflow", "wandb"]
Strategy = Literal["auto", "ddp", "fsdp"]
Unknown = Literal["auto", "on", "off"]
Keep = Literal["auto", "best", "last"]
Places = Literal["auto", "own", "shared"]
Temporal = Literal["conv1d", "separable", "lstm", "gru", "mean", "attention"]


def require(condition: bool, config: object, name: str, accepted: str) -> None:
    """Refuse a value, by its name, unless a condition holds."""
    if not condition:
        raise TransNetError(f"{name} is {getattr(config, name)!r}; accepted: {accepted}.")


def require_choice(config: object, name: str, choices: Any) -> None:
    """Refuse a value that is none of the choices, a ``Literal``."""
    accepted = get_args(choices)
    require(getattr(config, name) in accepted, config, name, ", ".join(accepted))


def require_seed(config: Any) -> None:
    """Refuse a seed that NumPy does not take."""
    require(0 <= config.seed < 2**32, config, "seed", "0 to 4294967295")


@dataclass(frozen=True, kw_only=True)
class ClipConfig:
    """How a clip is sampled from a video.

    Raises:
        TransNetError: a value is out of range.

    Example:
        >>> ClipConfig(frames=8).size
        224
    """

    frames: int = 12
    """frames per clip, n (the paper: 12)"""

    size: int = 224
    """height and width of a frame, in pixels"""

    sampling: Sampling = "uniform"
    """uniform: n frames evenly spaced over the clip (the paper); stride: n frames at a fixed
    interval"""

    stride_s: float = 0.2
    """interval between frames for stride sampling, in seconds"""

    region: str = ""
    """watch one place only: x,y,w,h (left and upper edge, width, height) of the displayed picture,
    in pixels, or as shares of it from 0 to 1; by default the whole picture"""

    crop: Crop = "none"
    """people: crop each clip to its person, found and followed with --segmenter or --detector"""

    def __post_init__(self) -> None:
        require(2 <= self.frames <= 1024, self, "frames", "2 to 1024 (pairs of neighbors need 2)")
        require(16 <= self.size <= 4096, self, "size", "16 to 4096 pixels")
        require_choice(self, "sampling", Sampling)
        require(0 < self.stride_s <= 3600, self, "stride_s", "above 0, up to 3600 seconds")
        require_choice(self, "crop", Crop)
        if self.region:
            Region.parse(self.region)

    def facts(self) -> dict[str, Any]:
        """What the pixels of a clip depend on; what is cached without a crop keeps its keys."""
        values = asdict(self)
        if not self.region:
            del values["region"]
        if self.crop == "none":
            del values["crop"]
        return values


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The architecture of the network.

    Raises:
        TransNetError: a value is out of range.

    Example:
        >>> ModelConfig(temporal="gru").readout
        'pool'
    """

    readout: Readout = "pool"
    """how a frame's feature map becomes a vector; pool: global average pooling (small); flatten:
    keep every position (the paper)"""

    temporal: Temporal = "conv1d"
    """temporal model; conv1d: the paper's three convolutions; the others are baselines"""

    cues: Cues = "both"
    """what is classified of a clip; appearance: the features of its frames (the paper); motion:
    what changes between them, so that the place counts little; both: all of it"""

    features: int = 64
    """length L of the feature vector of a frame"""

    filters: int = 64
    """filters K of the first temporal convolution"""

    def __post_init__(self) -> None:
        require_choice(self, "readout", Readout)
        if ":" not in str(self.temporal):  # else a part of the user's own, registered in Python
            require_choice(self, "temporal", Temporal)
        require_choice(self, "cues", Cues)
        require(self.features >= 1, self, "features", "1 or more")
        require(self.filters >= 1, self, "filters", "1 or more")


VIEWS, MOST_VIEWS = 4, 12
ENOUGH_VIEWS = 300
"""Clips with motion have as many views as bring their total to this, from the least to the most."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How a recognizer is trained. The paper states none of this; the values are our choices.

    Raises:
        TransNetError: a value is out of range.

    Example:
        >>> TrainingConfig(freeze=False).batch_size
        8
    """

    freeze: bool = True
    """keep the weights of the backbone fixed and compute its features only once"""

    epochs: int = 0
    """number of epochs, at most, but see min_steps; 0: 40 with a frozen backbone, else 60"""

    min_steps: int = 0
    """with motion, epochs are added until there are as many steps; 0: 120 with a frozen backbone,
    but 1 if epochs is given"""

    batch_size: int = 0
    """clips per batch; 0: 32 with a frozen backbone, else 8"""

    learning_rate: float = 1e-3
    """peak learning rate of newly initialized layers"""

    backbone_learning_rate: float = 1e-4
    """peak learning rate of a backbone that is not frozen"""

    weight_decay: float = 0.05
    """weight decay of AdamW"""

    warmup: float = 0.1
    """share of the steps in which the learning rate rises, 0 to 1"""

    label_smoothing: float = 0.1
    """label smoothing of the appearance, 0 to 1; motion is trained without"""

    dropout: float = 0.2
    """dropout of the frame features, 0 to 1"""

    places: Places = "auto"
    """with motion; own: each action was recorded in places of its own and will be seen in others,
    so flow, which sees least of the place, counts more; shared: it counts as usual; auto: as the
    clips look, with a frozen backbone"""

    shots: int = 0
    """train on this many clips per class only, from different groups, without validation clips; 0:
    all clips"""

    balance: bool = False
    """weight each class inversely to its number of training clips"""

    mixup: float = 0.0
    """with a frozen backbone: mix the features of each clip with those of another one; parameter
    of the beta distribution of the shares, such as 0.2; 0 disables mixup"""

    drop_frames: float = 0.0
    """with a frozen backbone: probability that a frame is replaced by the one before it, 0 to 1"""

    views: int = 0
    """augmented views per training clip (temporal offset, crop, flip); 1 disables augmentation; 0:
    4 or, with motion and a frozen backbone, up to 12 where clips are few"""

    flip: bool = True
    """flip some views horizontally; false where left and right have different meanings"""

    clip_cache: ClipStorage = "jpeg"
    """how augmented views are cached on disk if the backbone is not frozen; jpeg: small; uint8:
    exact, eight times larger; none: decode the videos in each epoch, with new views each time"""

    validation: float = 0.15
    """share of the training groups held out for early stopping"""

    keep: Keep = "auto"
    """which weights are kept; last: of the last epoch, and no epoch is chosen; best: of the lowest
    validation loss; auto: last with a frozen backbone, else best"""

    patience: int = 20
    """with best weights kept: epochs without a better validation loss before training stops; 0
    disables early stopping"""

    refit: bool = True
    """with a frozen backbone: train again from scratch on the training and the validation clips,
    for as many epochs as the first training kept"""

    max_broken: float = 0.01
    """share of broken training clips to tolerate, 0 to 1; they are skipped"""

    workers: int = 2
    """threads or processes that decode videos"""

    seed: int = 0
    """random seed; the same seed gives the same run"""

    def __post_init__(self) -> None:
        if self.batch_size == 0:
            # Training all of MobileNetV1 on 8 clips of 12 frames took 4.5 GB.
            object.__setattr__(self, "batch_size", 32 if self.freeze else 8)
        if self.min_steps == 0:
            # Heads of motion need more steps than one of the appearance. On 32 clips, 40 epochs of
            # one batch left them unsure: of Weizmann, a clip was wrong with each seed.
            object.__setattr__(self, "min_steps", 1 if self.epochs or not self.freeze else 120)
        if self.epochs == 0:
            object.__setattr__(self, "epochs", 40 if self.freeze else 60)
        require_choice(self, "keep", Keep)
        if self.keep == "auto":
            # The validation loss of a head on frozen features is flat for most of a training. The
            # epoch of its minimum came too early: flow alone lost 5 points on four UCF101 classes.
            object.__setattr__(self, "keep", "last" if self.freeze else "best")
        for name in ("epochs", "min_steps", "batch_size", "workers"):
            require(getattr(self, name) >= 1, self, name, "1 or more")
        require_choice(self, "clip_cache", ClipStorage)
        require_choice(self, "places", Places)
        for name in ("learning_rate", "backbone_learning_rate"):
            require(getattr(self, name) > 0, self, name, "above 0")
        for name in ("warmup", "max_broken"):
            require(0 <= getattr(self, name) <= 1, self, name, "0 to 1")
        for name in ("mixup", "drop_frames"):
            value = getattr(self, name)
            require(value == 0 or self.freeze, self, name, "0 if the backbone is not frozen")
        for name in ("label_smoothing", "dropout", "validation", "drop_frames"):
            require(0 <= getattr(self, name) < 1, self, name, "0 or more, below 1")
        for name in ("weight_decay", "patience", "mixup", "shots", "views"):
            require(getattr(self, name) >= 0, self, name, "0 or more")
        require_seed(self)

    def for_clips(self, num_clips: int, *, has_motion: bool) -> TrainingConfig:
        """The same, with the values that depend on the training clips and on the cues.

        Args:
            num_clips: number of training clips.
            has_motion: whether motion is among the cues.

        Example:
            >>> TrainingConfig().for_clips(30, has_motion=True).views
            10
        """
        views = VIEWS
        if has_motion and self.freeze:
            views = min(MOST_VIEWS, max(VIEWS, ENOUGH_VIEWS // max(1, num_clips)))
        steps = self.min_steps if has_motion else 1
        return replace(self, views=self.views or views, min_steps=steps)
