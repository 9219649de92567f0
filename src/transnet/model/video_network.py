"""3D networks of torchvision, which see a clip as a whole: baselines of the paper."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import video

from transnet.errors import TransNetError
from transnet.model.encoded import Encoded
from transnet.model.encoder import Encoder
from transnet.model.scoring import scoring_of

MEAN = (0.43216, 0.394666, 0.37645)
STD = (0.22803, 0.22145, 0.216989)
"""Mean and standard deviation of RGB in 0..1 that torchvision's video networks expect."""


class VideoBackbone(Encoder):
    """A 3D network without its classifier.

    Args:
        name: one of :data:`VIDEO_BACKBONES`.
        num_frames: frames per clip.
        size: height and width of a frame in pixels.

    Attributes:
        channels: length of a clip's feature vector.

    Raises:
        TransNetError: the network does not take clips of this length and size.
    """

    def __init__(self, name: str, *, num_frames: int, size: int) -> None:
        super().__init__(name)
        self.network = VIDEO_BACKBONES[name](num_frames, size)
        self.channels = _drop_classifier(self.network)
        self._try_shapes(num_frames, size)

    def _try_shapes(self, num_frames: int, size: int) -> None:
        """Check, without computing anything, that clips are long and large enough."""
        trial = copy.deepcopy(self).to("meta").eval()
        try:
            trial(torch.empty(1, num_frames, 3, size, size, device="meta"))
        except RuntimeError as error:
            raise TransNetError(
                f"backbone {self.name} does not take clips of {num_frames} frames of {size} "
                f"pixels ({error}); use more frames or a larger size."
            ) from error

    def forward(self, clips: Tensor) -> Tensor:
        """Normalized clips ``(B, T, 3, H, W)`` to features ``(B, channels)``."""
        channels_first = clips.transpose(1, 2)
        if isinstance(self.network, video.S3D):  # its own pooling requires a fixed length
            return self.network.features(channels_first).mean(dim=(2, 3, 4))
        return self.network(channels_first)


class VideoNetwork(nn.Module):
    """A 3D network with the interface of :class:`~transnet.model.transnet.TransNet`.

    Args:
        backbone: one of :data:`VIDEO_BACKBONES`, with random weights.
        num_classes: number of classes, C.
        num_frames: frames per clip.
        size: height and width of a frame in pixels.
        dropout: share of the features dropped before the last layer, in training only.
        several_labels: whether a clip may show several classes at once.
    """

    feature_kind = "clip"
    has_motion = False
    memory_format = torch.channels_last_3d

    def __init__(
        self,
        backbone: str,
        num_classes: int,
        *,
        num_frames: int,
        size: int,
        dropout: float = 0.0,
        several_labels: bool = False,
    ) -> None:
        super().__init__()
        self.backbone = VideoBackbone(backbone, num_frames=num_frames, size=size)
        self.dropout, self.temperature = nn.Dropout(dropout), 1.0
        self.scoring = scoring_of(several_labels, num_classes)
        self.score = nn.Linear(self.backbone.channels, num_classes)

    def forward(self, clips: Tensor) -> Tensor:
        """Normalized clips ``(B, T, 3, H, W)`` to logits ``(B, C)``."""
        return self.classify(self.encode(clips))

    def encode(self, clips: Tensor) -> Tensor:
        """Clips ``(B, T, 3, H, W)`` to features ``(B, channels)``."""
        return self.backbone(clips)

    def classify(self, features: Tensor, pairs: Tensor | None = None) -> Tensor:
        """The output of :meth:`encode` to logits ``(B, C)``; ``pairs`` is not used."""
        return self.score(self.dropout(features)) / self.temperature

    def encode_cues(self, clips: Tensor) -> Encoded:
        """The features of clips ``(B, T, 3, H, W)``; there are no pairs."""
        features = self.encode(clips)
        return Encoded(features, features.new_empty(len(clips), 0))

    def cue_logits(self, encoded: Encoded) -> dict[str, Tensor]:
        """The logits of the only cue: the clip as a whole."""
        return {"clip": self.score(self.dropout(encoded.frames))}


def _mvit(num_frames: int, size: int) -> nn.Module:
    if (num_frames, size) != (16, 224):
        raise TransNetError(
            f"backbone mvit_v2_s takes 16 frames of 224 pixels, not {num_frames} of {size}; "
            "use frames 16 and size 224."
        )
    return video.mvit_v2_s()


# torchvision's momentum is 0.001: after the few hundred steps of a short training the statistics
# were still close to the initial ones, and the accuracy at chance.
_S3D_NORM = partial(nn.BatchNorm3d, eps=0.001, momentum=0.1)

VIDEO_BACKBONES: dict[str, Callable[[int, int], Any]] = {
    "r3d_18": lambda *_: video.r3d_18(),
    "r2plus1d_18": lambda *_: video.r2plus1d_18(),
    "s3d": lambda *_: video.s3d(norm_layer=_S3D_NORM),
    "mvit_v2_s": _mvit,
}
"""Name to a function that takes the number of frames and their size."""


def _drop_classifier(network: Any) -> int:
    for name in ("fc", "head", "classifier"):
        layer = getattr(network, name, None)
        if layer is not None:
            setattr(network, name, nn.Identity())
            last = next(m for m in reversed(list(layer.modules())) if hasattr(m, "weight"))
            return last.weight.shape[1]
    raise AssertionError(f"{type(network).__name__} has no classifier")
