"""The motion of a pair of frames, from the middle maps of the backbone pass that they take anyway.

::

    frame i     --> backbone --+-------------+-------------> last map: appearance
                           stride 8      stride 16
                               |             |
                              flow   <---  change           two frames, no parameters
                               |             |
    frame i+1   --> backbone --+-------------+-------------> last map: appearance

* **Change**: how much each channel of the stride-16 map rises and falls, the mean over positions.
* **Flow**: every other position of the earlier stride-8 map is compared with the 9 x 9 positions
  around it in the later one; a softmax of the cosines gives its expected displacement. The median
  over positions, which is the camera's motion, is subtracted. Local correlation of feature maps is
  the motion cue of MotionSqueeze (Kwon et al., 2020), reference [85] of the paper.

Where nothing changes, the expected displacement follows the texture, so it tells the place and not
the action. The flow of a position is therefore weighted by the change there. It is pooled into
directions, over fixed grids and over cells around the center of what moves.

A stream, a clip and an exported model call the same functions of two frames.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

VERSION = 1
"""Part of the key of cached motion features: increase it when the numbers change."""

RADIUS = 4
"""How far a position is searched, in positions of the stride-8 map: 32 pixels."""

TEMPERATURE = 0.07
CHANGE = 0.29
"""Change of the features, as a share of their mean size, at which a flow counts half."""

STILLNESS = 2.0
"""Stillness is ``exp(-STILLNESS * length)`` of a flow in positions."""

GRIDS = (1, 2, 3)
CELLS = 3
"""Cells in each direction around the center of what moves."""

NUM_FLOW = 10 * (sum(grid * grid for grid in GRIDS) + CELLS * CELLS) + 3
"""Numbers that describe the flow of a pair."""


class MotionMaps(NamedTuple):
    """What the motion of a frame is computed from; a stream keeps it while it may be needed.

    Attributes:
        fine: unit vectors of the stride-8 map, ``(N, H, W, C)``; H and W are multiples of 4.
        coarse: the stride-16 map, ``(N, D, h, w)``.
    """

    fine: Tensor
    coarse: Tensor


def motion_maps(fine: Tensor, coarse: Tensor) -> MotionMaps:
    """Prepare the stride-8 maps ``(N, C, H, W)`` and stride-16 maps ``(N, D, h, w)`` of frames."""
    size = [4 * max(1, round(side / 4)) for side in fine.shape[2:]]
    if size != list(fine.shape[2:]):
        fine = functional.interpolate(fine, size, mode="bilinear", align_corners=False)
    centered = fine - fine.mean(dim=(2, 3), keepdim=True)
    return MotionMaps(functional.normalize(centered, dim=1).permute(0, 2, 3, 1), coarse)


class PairMotion(nn.Module):
    """The motion from one frame to a later one; it has constants, and no parameters.

    Args:
        maps: the maps of any frame, for their sizes.

    Attributes:
        num_features: length M of the motion vector: :data:`NUM_FLOW` and twice the channels of the
            stride-16 map.
    """

    reachable: Tensor
    places: Tensor
    origins: Tensor
    grids: Tensor
    compass: Tensor

    def __init__(self, maps: MotionMaps) -> None:
        super().__init__()
        height, width = maps.fine.shape[1:3]
        self.num_features = NUM_FLOW + 2 * maps.coarse.shape[1]
        angles = torch.arange(8) * (math.pi / 4)
        origins = _origins(width)
        reachable, places = _search_windows(height, width, origins)
        for name, constant in (
            ("reachable", reachable),
            ("places", places),
            ("origins", origins),
            ("grids", _grid_cells(height // 2, width // 2)),
            ("compass", torch.stack([angles.cos(), angles.sin()], dim=1)[:, :, None, None]),
        ):
            self.register_buffer(name, constant, persistent=False)

    def forward(self, earlier: MotionMaps, later: MotionMaps) -> Tensor:
        """N pairs of frames to their motion vectors ``(N, M)``: rise, fall, flow."""
        difference = later.coarse - earlier.coarse
        rise, fall = torch.relu(difference), torch.relu(-difference)
        size = (_mean_size(earlier.coarse) + _mean_size(later.coarse)) / 2
        change = (rise + fall).mean(dim=1, keepdim=True) / (size + 1e-6)
        flow = self._flow(earlier.fine, later.fine)
        flow = flow - _median(flow)
        change = functional.interpolate(change, flow.shape[2:], mode="bilinear")
        flow = flow * (change**2 / (change**2 + CHANGE**2))
        return torch.cat([rise.mean(dim=(2, 3)), fall.mean(dim=(2, 3)), self._pool(flow)], dim=1)

    def _flow(self, earlier: Tensor, later: Tensor) -> Tensor:
        """Displacement of every other position, in positions: x and y, ``(N, 2, H/2, W/2)``.

        Two rows of asking positions share a band of 11 rows of the later map, one matrix product
        for all of them; ``reachable`` leaves each its 9 x 9.
        """
        count, height, width, _ = earlier.shape
        asking = earlier[:, ::2, ::2].unflatten(1, (height // 4, 2)).flatten(2, 3)
        padded = functional.pad(later, (0, 0, 0, 0, RADIUS, RADIUS))
        expected = []
        for block in range(height // 4):
            band = padded[:, 4 * block : 4 * block + 2 * RADIUS + 3].flatten(1, 2)  # (N, 11 W, C)
            cosines = torch.matmul(asking[:, block], band.transpose(1, 2))
            share = torch.softmax(cosines / TEMPERATURE + self.reachable[block], dim=2)
            expected.append(torch.matmul(share, self.places))  # column and row in the band
        flow = torch.stack(expected, dim=1) - self.origins  # (N, H/4, W, 2)
        return flow.permute(0, 3, 1, 2).reshape(count, 2, height // 2, width // 2)

    def _pool(self, flow: Tensor) -> Tensor:
        """A field of flow ``(N, 2, h, w)`` to :data:`NUM_FLOW` numbers."""
        length = torch.sqrt((flow**2).sum(dim=1, keepdim=True) + 1e-12)
        directions = torch.relu(functional.conv2d(flow, self.compass))
        seen = torch.cat([directions, torch.exp(-STILLNESS * length), length], dim=1).flatten(2)
        cells, place = _cells_around_motion(length)
        moving = torch.matmul(cells, seen.transpose(1, 2)).flatten(1)
        return torch.cat([torch.matmul(seen, self.grids).flatten(1), moving, place], dim=1)


def _mean_size(maps: Tensor) -> Tensor:
    return maps.abs().mean(dim=(1, 2, 3), keepdim=True)


def _median(flow: Tensor) -> Tensor:
    """The lower median over positions, by a top-k, which ONNX has."""
    values = flow.flatten(2)
    kept = (values.shape[2] - 1) // 2 + 1
    return values.topk(kept, dim=2, largest=False).values[..., -1:].unsqueeze(-1)


def _cells_around_motion(length: Tensor) -> tuple[Tensor, Tensor]:
    """Soft cells around what moves, as far apart as it is wide.

    Args:
        length: of the flow, ``(N, 1, h, w)``.

    Returns:
        The weight of each position in each cell, ``(N, 9, h w)``, and the center and the spread of
        what moves, ``(N, 3)``.
    """
    height, width = length.shape[2:]
    rows, columns = (torch.linspace(0, 1, side) for side in (height, width))
    y, x = (side.flatten().to(length) for side in torch.meshgrid(rows, columns, indexing="ij"))
    weight = (torch.relu(length - 0.25) + 1e-3).flatten(1)
    weight = weight / weight.sum(dim=1, keepdim=True)
    center_x, center_y = (weight @ x)[:, None], (weight @ y)[:, None]
    variance = (weight * ((x - center_x) ** 2 + (y - center_y) ** 2)).sum(dim=1, keepdim=True)
    spread = torch.sqrt(variance / 2 + 1e-12).clamp(0.06, 0.3)
    u, v = (x - center_x) / spread, (y - center_y) / spread
    offsets = [1.2 * (cell - (CELLS - 1) / 2) for cell in range(CELLS)]
    cells = torch.stack(
        [torch.exp(-((u - a) ** 2 + (v - b) ** 2) / 0.72) for b in offsets for a in offsets], dim=1
    )
    cells = cells / (cells.sum(dim=2, keepdim=True) + 1e-6)
    return cells, 4 * torch.cat([center_x - 0.5, center_y - 0.5, spread], dim=1)


def _origins(width: int) -> Tensor:
    """Column and row in their band of the two rows of asking positions, ``(W, 2)``."""
    columns = torch.arange(0, width, 2).repeat(2)
    rows = (torch.tensor([0, 2]) + RADIUS).repeat_interleave(width // 2)
    return torch.stack([columns, rows], dim=1).float()


def _search_windows(height: int, width: int, origins: Tensor) -> tuple[Tensor, Tensor]:
    """Which positions of a band each asking position may reach, and their column and row.

    Returns:
        Summands of the cosines, 0 or about minus infinity, ``(H/4, W, 11 W)``, and ``(11 W, 2)``.
    """
    y, x = torch.meshgrid(torch.arange(2 * RADIUS + 3), torch.arange(width), indexing="ij")
    places = torch.stack([x.flatten(), y.flatten()], dim=1).float()
    near = ((places - origins[:, None]).abs() <= RADIUS).all(dim=2)
    row = 4 * torch.arange(height // 4)[:, None] - RADIUS + y.flatten()
    inside = ((row >= 0) & (row < height))[:, None]
    return torch.where(near & inside, 0.0, -1e4), places


def _grid_cells(height: int, width: int) -> Tensor:
    """The weight of each position in the mean of each cell of the fixed grids, ``(h w, 14)``."""
    each = torch.eye(height * width).reshape(-1, 1, height, width)
    cells = [functional.adaptive_avg_pool2d(each, grid).flatten(1) for grid in GRIDS]
    return torch.cat(cells, dim=1)
