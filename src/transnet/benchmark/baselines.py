"""3D networks to compare with, each with the clip shape it was published for.

All take normalized clips ``(B, T, 3, H, W)`` and have random weights, which do not affect speed.
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
class Baseline:
    """A 3D network to compare with.

    Attributes:
        make: makes the network from the number of classes, frames and the frame size.
        frames: frames per clip.
        size: height and width of a frame in pixels.
        times_slower: how many times longer than ours one clip must take at least; 0: no limit.
        fixed: whether it takes clips of this shape only.
    """

    make: Callable[[int, int, int], nn.Module]
    frames: int
    size: int
    times_slower: float = 0.0
    fixed: bool = False


class _ChannelsFirst(nn.Module):
    """A network that takes ``(B, 3, T, H, W)``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, clips: Tensor) -> Tensor:
        return self.network(clips.transpose(1, 2))


class _Logits(nn.Module):
    """A network of ``transformers``, whose output is an object with logits."""

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
            warnings.simplefilter("ignore")  # pytorchvideo is unmaintained
            from pytorchvideo.models.x3d import create_x3d
    except ImportError as error:
        raise _not_installed("x3d_s", "pytorchvideo") from error
    network = create_x3d(
        input_clip_length=frames,
        input_crop_size=size,
        model_num_class=classes,
        width_factor=2.0,
        depth_factor=2.2,
        bottleneck_factor=2.25,
        head_activation=None,
    )
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


BASELINES: dict[str, Baseline] = {
    "x3d_s": Baseline(_x3d_s, 13, 160, 1.5),
    "r3d_18": Baseline(_torchvision("r3d_18"), 16, 112, 5),
    "r2plus1d_18": Baseline(_torchvision("r2plus1d_18"), 16, 112, 8),
    "s3d": Baseline(_torchvision("s3d"), 16, 224),
    "mvit_v2_s": Baseline(_torchvision("mvit_v2_s"), 16, 224, 20, fixed=True),
    "videomae_b": Baseline(_videomae_b, 16, 224, 30),
}


def make_baseline(name: str, classes: int, frames: int, size: int) -> nn.Module:
    """A baseline in eval mode, in the memory layout in which it is fastest.

    Raises:
        TransNetError: its package is not installed, or it does not take clips of this shape.
    """
    network = BASELINES[name].make(classes, frames, size).eval()
    return network.to(memory_format=torch.channels_last_3d)
