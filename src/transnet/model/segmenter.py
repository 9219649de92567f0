"""The autoencoder of TransNet+: a backbone as encoder, and a small decoder for the mask."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from transnet.errors import TransNetError
from transnet.model.backbone import Backbone

WIDTHS = (256, 128, 64, 32, 16)
"""Channels of the decoder: first those of the projected map, then those after each doubling."""


class Segmenter(nn.Module):
    """Segments people (human semantic segmentation, section III-C, TransNet+).

    Without skip connections the decoder sees only the backbone's last map, the one that
    :class:`~transnet.model.transnet.TransNet` reads, so the backbone has to encode the person's
    shape in it. The paper does not describe its decoder; this one is ours.

    Args:
        backbone: the encoder; it must give a map.
        skips: add skip connections from the backbone's earlier, larger maps to the decoder.
            Masks get sharper, but the encoder need not encode the shape: for comparison.

    Raises:
        TransNetError: the backbone gives no map, a map of a single position, or, with ``skips``,
            no earlier maps.

    Example:
        >>> segmenter = Segmenter(Backbone("test_resnet.r160_in1k", size=64))
        >>> segmenter(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 64, 64])
    """

    def __init__(self, backbone: Backbone, *, skips: bool = False) -> None:
        super().__init__()
        if backbone.grid is None or min(backbone.grid) < 2:
            raise TransNetError(
                f"backbone {backbone.name!r} gives no map of two or more positions a side at "
                f"{backbone.size} x {backbone.size} pixels, which a mask needs; "
                "choose a convolutional network (mobilenetv1_100, vgg16) or a larger size."
            )
        self.backbone = backbone
        self.skips = skips
        larger = _larger_maps(backbone) if skips else []
        self.decoder = Decoder(backbone.channels, backbone.grid, backbone.size, larger)
        if skips and not self.decoder.num_skips:
            raise TransNetError(
                f"skips is true, but at {backbone.size} pixels no earlier map of "
                f"{backbone.name!r} has a size of the decoder (its last map, "
                f"{backbone.grid[0]} x {backbone.grid[1]}, doubled); use a size that is a "
                "multiple of 32, or omit skips."
            )

    def forward(self, frames: Tensor) -> Tensor:
        """Normalized photos ``(N, 3, H, W)`` to the logit of "person" per pixel, ``(N, H, W)``.

        H and W are the backbone's size.
        """
        if self.skips:
            maps, larger = _pyramid(self.backbone, frames)
        else:
            maps, larger = self.backbone(frames), []
        return self.decoder(maps, larger)


class Decoder(nn.Module):
    """From a feature map to a mask; each stage doubles height and width.

    A stage doubles with a transposed convolution, which has separate weights for each of the four
    new positions, so that the channels of one position of the map can encode the outline inside
    its 32 x 32 pixels. With interpolation limbs blur.

    Args:
        channels: channels of the encoder's map.
        grid: height and width of that map.
        size: height and width of the mask, in pixels.
        larger: ``(channels, height)`` of the encoder's earlier maps, smallest first.
    """

    def __init__(
        self,
        channels: int,
        grid: tuple[int, int],
        size: int,
        larger: Sequence[tuple[int, int]] = (),
    ) -> None:
        super().__init__()
        self._size = size
        self.enter = _normed(nn.Conv2d(channels, WIDTHS[0], kernel_size=1, bias=False))
        self.doublings, self.refinings = nn.ModuleList(), nn.ModuleList()
        self._skip_at: list[int | None] = []
        height, inputs = grid[0], WIDTHS[0]
        for width in WIDTHS[1:]:
            if 4 * height > size:
                break
            height *= 2
            skip = next((i for i, (_, h) in enumerate(larger) if h == height), None)
            joined = width + (0 if skip is None else larger[skip][0])
            self._skip_at.append(skip)
            self.doublings.append(_normed(_doubling(inputs, width)))
            self.refinings.append(_normed(nn.Conv2d(joined, width, 3, padding=1, bias=False)))
            inputs = width
        self.score = _doubling(inputs, 1, bias=True)

    @property
    def num_skips(self) -> int:
        """Number of skip connections."""
        return sum(skip is not None for skip in self._skip_at)

    def forward(self, maps: Tensor, larger: Sequence[Tensor] = ()) -> Tensor:
        """The encoder's map ``(N, C, h, w)`` and earlier ones to logits ``(N, size, size)``."""
        maps = self.enter(maps)
        for double, refine, skip in zip(self.doublings, self.refinings, self._skip_at, strict=True):
            maps = double(maps)
            if skip is not None:
                maps = torch.cat([maps, larger[skip]], dim=1)
            maps = refine(maps)
        logits = self.score(maps)
        if logits.shape[2:] != (self._size, self._size):
            logits = F.interpolate(logits, (self._size, self._size), mode="bilinear")
        return logits[:, 0]


def _doubling(inputs: int, outputs: int, *, bias: bool = False) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=bias)


def _normed(convolution: nn.Conv2d | nn.ConvTranspose2d) -> nn.Sequential:
    return nn.Sequential(
        convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True)
    )


def _pyramid(backbone: Backbone, frames: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The backbone's map, and the last earlier map of each larger size, smallest first."""
    _, earlier = backbone.network.forward_intermediates(frames)
    maps = backbone(frames)
    largest = {m.shape[2]: m for m in earlier if m.shape[2] > maps.shape[2]}
    return maps, [largest[height] for height in sorted(largest)]


@torch.no_grad()
def _larger_maps(backbone: Backbone) -> list[tuple[int, int]]:
    try:
        _, larger = _pyramid(backbone, torch.zeros(2, 3, backbone.size, backbone.size))
    except (AttributeError, RuntimeError) as error:
        raise TransNetError(
            f"skips is true, but backbone {backbone.name!r} does not give its earlier maps "
            f"({error}); omit skips, or choose another backbone."
        ) from error
    return [(m.shape[1], m.shape[2]) for m in larger]
