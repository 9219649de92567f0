"""The networks to compare with, each with the clips that it was published for.

All see normalized clips ``(B, T, 3, H, W)`` and have random weights: speed does not depend on them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from transnet.errors import TransNetError
from transnet.model.video_network import VideoNetwork


@dataclass(frozen=True)
class Rival:
    """A 3D network.

    Attributes:
        make: from classes, frames and size to the network.
        frames: frames of a clip.
        size: height and width of a frame in pixels.
        times_slower: how many times longer than ours it must take for one clip; 0: nothing is said.
        fixed: whether it takes no other clips.
    """

    make: Callable[[int, int, int], nn.Module]
    frames: int
    size: int
    times_slower: float = 0.0
    fixed: bool = False


class _ChannelsFirst(nn.Module):
    """A network that wants ``(B, 3, T, H, W)``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, clips: Tensor) -> Tensor:
        return self.network(clips.transpose(1, 2))


class _Logits(nn.Module):
    """A network of ``transformers``, whose answer is a record."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, clips: Tensor) -> Tensor:
        return self.network(clips, return_dict=True).logits


def _torchvision(name: str) -> Callable[[int, int, int], nn.Module]:
    return lambda classes, frames, size: VideoNetwork(name, classes, num_frames=frames, size=size)


def _x3d_s(classes: int, frames: int, size: int) -> nn.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is no longer looked after
            from pytorchvideo.models.x3d import create_x3d
    except ImportError as error:
        raise _not_installed("x3d_s", "pytorchvideo") from error
    network = create_x3d(
        input_clip_length=frames, input_crop_size=size, model_num_class=classes,
        width_factor=2.0, depth_factor=2.2, bottleneck_factor=2.25, head_activation=None,
    )  # fmt: skip
    return _ChannelsFirst(network)


def _videomae_b(classes: int, frames: int, size: int) -> nn.Module:
    try:
        from transformers import VideoMAEConfig, VideoMAEForVideoClassification
    except ImportError as error:
        raise _not_installed("videomae_b", "transformers") from error
    config = VideoMAEConfig(num_labels=classes, num_frames=frames, image_size=size)
    return _Logits(VideoMAEForVideoClassification(config))


def _not_installed(name: str, package: str) -> TransNetError:
    return TransNetError(
        f"{name} needs {package}, which is not installed: pip install 'transnet-har[benchmark]'"
    )


RIVALS: dict[str, Rival] = {
    "x3d_s": Rival(_x3d_s, 13, 160, 1.5),
    "r3d_18": Rival(_torchvision("r3d_18"), 16, 112, 5),
    "r2plus1d_18": Rival(_torchvision("r2plus1d_18"), 16, 112, 8),
    "s3d": Rival(_torchvision("s3d"), 16, 224),
    "mvit_v2_s": Rival(_torchvision("mvit_v2_s"), 16, 224, 20, fixed=True),
    "videomae_b": Rival(_videomae_b, 16, 224, 30),
}


def make_rival(name: str, classes: int, frames: int, size: int) -> nn.Module:
    """A rival in evaluation mode, laid out in memory as it is fastest.

    Raises:
        TransNetError: its package is not installed, or it does not take such clips.
    """
    network = RIVALS[name].make(classes, frames, size).eval()
    return network.to(memory_format=torch.channels_last_3d)
