"""The motion of a pair of frames, from three maps of the backbone pass that they take anyway.

::

    pooled fine map, frame i            frame i+1
        . . . . .   each position    . . . . .
        . . o . .   is compared      . +---+ .
        . . . . .   with the 5 x 5   . +---+ .
              \\     around it             |
               cosine, softmax, expected displacement
                         |
    flow of each position - median over positions (the camera), times gate
                         |     gate: change^2 / (change^2 + 0.29^2) at each position
    8 directions, stillness, length: means over grids of 1, 2 x 2 and 3 x 3, and over
    3 x 3 soft cells around the center of what moves

    change of the fine (stride 8) and of the middle map (stride 16): how much of each channel came
    and went from frame i to frame i+1, means over positions

    what moves: means of the last map, and of what came and went in it, over the positions that
    change

Local correlation of feature maps is the motion cue of MotionSqueeze (Kwon et al., 2020), reference
[85] of the paper. Where nothing changes, the expected displacement follows the texture, so it tells
the place and not the action; the gate removes that. A mean over the positions that change shows
what moves, however small it is in the picture. There are no parameters.

A stream, a clip and an exported model call the same functions of two frames.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from transnet.model.backbone import FrameMaps

VERSION = 5
"""Part of the key of cached motion features, and recorded with each run: increase it when the
numbers change."""

RADIUS = 2
"""How far a position is searched, in positions of the pooled map: 32 pixels at stride 16."""

BLOCK = 7
"""Rows of positions that are compared in one matrix product."""

TEMPERATURE = 0.07
CHANGE = 0.29
"""Change of the pooled map, as a share of its mean size, at which a flow counts half."""

MASKED = -50.0
"""Summand that keeps a softmax in its window. The weight of all positions outside is below the
precision of float32, even where each cosine is 1 outside and -1 inside. Exponentials of much less
are subnormal numbers, with which processors are slow: with -1e4 ONNX Runtime's softmax took six
times as long, with -80 twelve times."""

STILLNESS = 2.0
"""Stillness is ``exp(-STILLNESS * length)`` of a flow in positions."""

GRIDS = (1, 2, 3)
CELLS = 3
"""Cells in each direction around the center of what moves."""

TINY = 1e-9
"""The least divisor. An export to ONNX leaves out summands as small as this."""

NUM_FLOW = 10 * (sum(grid * grid for grid in GRIDS) + CELLS * CELLS) + 3
"""Length of the flow vector of a pair."""


class MotionMaps(NamedTuple):
    """What the motion of a frame is computed from.

    Attributes:
        last: the last map, ``(N, D, h, w)``.
        middle: the middle map, ``(N, C, H, W)``.
        fine: the fine map, ``(N, F, ., .)``.
        pooled: means of the fine map over squares, so that it has about as many positions as the
            middle one; flow is computed from it, ``(N, F, P, Q)``.
        unit: ``pooled`` less its means over positions, divided by its length at each,
            ``(N, F, P Q)``.
    """

    last: Tensor
    middle: Tensor
    fine: Tensor
    pooled: Tensor
    unit: Tensor


def motion_maps(maps: FrameMaps) -> MotionMaps:
    """Prepare the maps of N frames."""
    pooled = functional.avg_pool2d(maps.fine, _pooling(maps.fine.shape, maps.middle.shape))
    values = pooled.flatten(2)
    values = values - values.mean(dim=2, keepdim=True)
    unit = values / torch.sqrt((values**2).sum(dim=1, keepdim=True)).clamp(min=TINY)
    return MotionMaps(*maps, pooled, unit)


def _pooling(fine: Sequence[int], middle: Sequence[int]) -> int:
    """Side of the squares that the fine map is pooled over.

    At sizes that are no multiple of 32 a row and a column are left over, and are not compared.
    """
    return max(1, round(fine[-1] / middle[-1]))


class PairMotion(nn.Module):
    """The motion from a frame to a later one; it has constants and no parameters.

    Args:
        shapes: of the maps of a frame: last D, h, w; middle C, H, W; fine F, ., .

    Attributes:
        shapes: the same.
        lengths: of the vector of each cue: ``fine_change`` 2 F, ``middle_change`` 2 C,
            ``moving_appearance`` D and ``moving_change`` 2 D (of what moves), ``flow``
            :data:`NUM_FLOW`.

    Example:
        >>> shapes = (16, 2, 2), (8, 4, 4), (4, 8, 8)
        >>> motion = PairMotion(shapes)
        >>> maps = motion_maps(FrameMaps(*(torch.rand(3, *shape) for shape in shapes)))
        >>> {cue: values.shape[1] for cue, values in motion.split(motion(maps, maps)).items()}
        {'fine_change': 8, 'middle_change': 16, 'moving_appearance': 16, 'moving_change': 32, \
'flow': 233}
    """

    reachable: Tensor
    places: Tensor
    grids: Tensor
    compass: Tensor
    across: Tensor

    def __init__(self, shapes: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.shapes = tuple(torch.Size(shape) for shape in shapes)
        last, middle, fine = self.shapes
        self.lengths = {
            "fine_change": 2 * fine[0],
            "middle_change": 2 * middle[0],
            "moving_appearance": last[0],
            "moving_change": 2 * last[0],
            "flow": NUM_FLOW,
        }
        pooling = _pooling(fine, middle)
        height, width = fine[1] // pooling, fine[2] // pooling
        angles = torch.arange(8) * (math.pi / 4)
        reachable, places = _search_windows(height, width)
        for name, constant in (
            ("reachable", reachable),
            ("places", places),
            ("grids", _grid_cells(height, width)),
            ("compass", torch.stack([angles.cos(), angles.sin()], dim=1)),
            ("across", (places / torch.tensor([width - 1, height - 1]).clamp(min=1)).T.flip(0)),
        ):
            self.register_buffer(name, constant, persistent=False)

    def forward(self, earlier: MotionMaps, later: MotionMaps) -> Tensor:
        """N pairs of frames to their motion vectors ``(N, M)``, M the sum of :attr:`lengths`."""
        motion = self.of_cues(earlier, later)
        return torch.cat([motion[cue] for cue in self.lengths], dim=1)

    def of_cues(self, earlier: MotionMaps, later: MotionMaps) -> dict[str, Tensor]:
        """N pairs of frames to the vector of each cue, ``(N, .)``."""
        moving_appearance, moving_change = _what_moves(earlier.last, later.last)
        return {
            "fine_change": _change(earlier.fine, later.fine),
            "middle_change": _change(earlier.middle, later.middle),
            "moving_appearance": moving_appearance,
            "moving_change": moving_change,
            "flow": self._pool(self.gated_flow(earlier, later)),
        }

    def split(self, motion: Tensor) -> dict[str, Tensor]:
        """Motion vectors ``(..., M)`` to the vector of each cue."""
        return dict(zip(self.lengths, motion.split([*self.lengths.values()], dim=-1), strict=True))

    def gated_flow(self, earlier: MotionMaps, later: MotionMaps) -> Tensor:
        """The displacement of each position where something changes, x and y, ``(N, 2, P, Q)``.

        In positions of the pooled map, less the camera's motion.
        """
        earlier_size, later_size = (
            maps.pooled.abs().mean(dim=(1, 2, 3), keepdim=True) for maps in (earlier, later)
        )
        size = (earlier_size + later_size) / 2
        change = (later.pooled - earlier.pooled).abs().mean(dim=1, keepdim=True) / (size + 1e-6)
        flow = self._displacements(earlier, later)
        return (flow - _median(flow)) * (change**2 / (change**2 + CHANGE**2))

    def _displacements(self, earlier: MotionMaps, later: MotionMaps) -> Tensor:
        """Where each position goes: blocks of rows, each against the rows that they may reach."""
        height, width = earlier.pooled.shape[2:]
        asking = earlier.unit.transpose(1, 2)
        expected = []
        for top in range(0, height, BLOCK):
            end = min(top + BLOCK, height)
            rows = slice(top * width, end * width)
            near = slice(max(0, top - RADIUS) * width, min(height, end + RADIUS) * width)
            cosines = torch.matmul(asking[:, rows], later.unit[:, :, near])
            share = torch.softmax(cosines / TEMPERATURE + self.reachable[rows, near], dim=2)
            expected.append(torch.matmul(share, self.places[near]))
        flow = torch.cat(expected, dim=1) - self.places
        return flow.transpose(1, 2).reshape(-1, 2, height, width)

    def _pool(self, flow: Tensor) -> Tensor:
        """A field of flow ``(N, 2, P, Q)`` to :data:`NUM_FLOW` numbers."""
        flow = flow.flatten(2)
        length = torch.sqrt((flow**2).sum(dim=1, keepdim=True))
        directions = torch.relu(torch.matmul(self.compass, flow))
        seen = torch.cat([directions, torch.exp(-STILLNESS * length), length], dim=1)
        cells, place = _cells_around_motion(length[:, 0], self.across)
        around = torch.matmul(cells, seen.transpose(1, 2)).flatten(1)
        return torch.cat([torch.matmul(seen, self.grids).flatten(1), around, place], dim=1)


def _change(earlier: Tensor, later: Tensor) -> Tensor:
    """How much of each channel came and went, means over positions, ``(N, 2 C)``."""
    step = later - earlier
    return _came_and_went(step.abs().mean(dim=(2, 3)), step.mean(dim=(2, 3)))


def _came_and_went(size: Tensor, signed: Tensor) -> Tensor:
    """Means of the absolute change and of the change to those of its rise and of its fall."""
    return torch.cat([(size + signed) / 2, (size - signed) / 2], dim=1)


def _what_moves(earlier: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
    """The map where it changes, ``(N, D)``, and what came and went there, ``(N, 2 D)``.

    Means over positions, each as much as the square of its change.
    """
    later = later.flatten(2)
    step = later - earlier.flatten(2)
    size = step.abs()
    # Means over channels by a matrix product: a third of the time of a mean in ONNX Runtime.
    channels = size.shape[1]
    weight = torch.matmul(size.new_full((1, channels), 1 / channels), size) ** 2
    weight = (weight / weight.sum(dim=2, keepdim=True).clamp(min=TINY)).transpose(1, 2)
    there, size_there, step_there = (
        torch.matmul(values, weight).squeeze(2) for values in (later, size, step)
    )
    return there, _came_and_went(size_there, step_there)


def _median(flow: Tensor) -> Tensor:
    """The lower median over positions, by a top-k, which ONNX has."""
    values = flow.flatten(2)
    kept = (values.shape[2] - 1) // 2 + 1
    return values.topk(kept, dim=2, largest=False).values[..., -1:].unsqueeze(-1)


def _cells_around_motion(length: Tensor, across: Tensor) -> tuple[Tensor, Tensor]:
    """Soft cells around what moves, as far apart as it is wide.

    Args:
        length: of the flow, ``(N, P Q)``.
        across: row and column of each position, 0..1, ``(2, P Q)``.

    Returns:
        The weight of each position in each cell, ``(N, 9, P Q)``, and the center and the spread of
        what moves, ``(N, 3)``.
    """
    weight = torch.relu(length - 0.25) + 1e-3
    weight = weight / weight.sum(dim=1, keepdim=True)
    center = torch.matmul(weight, across.T).unsqueeze(2)
    offset = across - center
    variance = (weight.unsqueeze(1) * offset**2).sum(dim=(1, 2))[:, None, None]
    spread = torch.sqrt(variance / 2).clamp(0.06, 0.3)
    steps = 1.2 * (torch.arange(CELLS, device=length.device) - (CELLS - 1) / 2)[:, None]
    near = torch.exp(((offset / spread).unsqueeze(2) - steps) ** 2 / -0.72)
    cells = (near[:, 0, :, None] * near[:, 1, None]).flatten(1, 2)
    cells = cells / (cells.sum(dim=2, keepdim=True) + 1e-6)
    place = torch.cat([center.flip(1) - 0.5, spread], dim=1)
    return cells, 4 * place.flatten(1)


def _search_windows(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Summands that keep a softmax in its window, ``(H W, H W)``; column and row, ``(H W, 2)``."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    places = torch.stack([x.flatten(), y.flatten()], dim=1).float()
    near = ((places[None] - places[:, None]).abs() <= RADIUS).all(dim=2)
    return torch.where(near, 0.0, MASKED), places


def _grid_cells(height: int, width: int) -> Tensor:
    """The weight of each position in the mean of each cell of the fixed grids, ``(H W, 14)``."""
    each = torch.eye(height * width).reshape(-1, 1, height, width)
    cells = [functional.adaptive_avg_pool2d(each, grid).flatten(1) for grid in GRIDS]
    return torch.cat(cells, dim=1)
