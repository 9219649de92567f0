"""The motion of a pair of frames, from three maps of the backbone pass that they take anyway.

::

    fine map, frame i                   frame i+1
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
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from transnet.model.backbone import LAST_CHANNELS, FrameMaps, some_channels

VERSION = 6
"""Part of the key of cached motion features, and recorded with each run: increase it when the
numbers change."""

RADIUS = 2
"""How far a position is searched, in positions of the fine map: 32 pixels at stride 16."""

BLOCK = 16
"""Rows of positions that are compared in one matrix product: all, of a frame of 224 pixels. More
products of fewer rows have fewer numbers and more operations, which take longer."""

TEMPERATURE = 0.07
CHANGE = 0.29
"""Change of the fine map, as a share of its mean size, at which a flow counts half."""

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
        last: up to :data:`~transnet.model.backbone.LAST_CHANNELS` channels of the last map,
            ``(N, D, h w)``: positions row after row, as in the others.
        middle: as of :class:`~transnet.model.backbone.FrameMaps`, ``(N, C, H W)``.
        fine: as of the same, ``(N, F, P Q)``.
        unit: ``fine`` less its means over positions, divided by its length at each,
            ``(N, F, P Q)``.
    """

    last: Tensor
    middle: Tensor
    fine: Tensor
    unit: Tensor


def motion_maps(maps: FrameMaps) -> MotionMaps:
    """Prepare the maps of N frames."""
    last = some_channels(maps.last, LAST_CHANNELS)
    last, middle, fine = (each.flatten(2) for each in (last, maps.middle, maps.fine))
    values = fine - fine.mean(dim=2, keepdim=True)
    # As a sum of squares: the quantizer does not know the shape of a norm.
    unit = values / torch.sqrt((values**2).sum(dim=1, keepdim=True)).clamp(min=TINY)
    return MotionMaps(last, middle, fine, unit)


class PairMotion(nn.Module):
    """The motion from a frame to a later one; it has constants and no parameters.

    Args:
        maps: of any frame; only their shapes matter.

    Attributes:
        shapes: of the :class:`MotionMaps` of a frame.
        grid: P and Q, the positions of the fine map down and across.
        lengths: of the vector of each cue: ``fine_change`` 2 F, ``middle_change`` 2 C,
            ``moving_appearance`` D and ``moving_change`` 2 D (of what moves), ``flow``
            :data:`NUM_FLOW`.

    Example:
        >>> shapes = (4, 8, 8), (8, 4, 4), (16, 2, 2)
        >>> frames = FrameMaps(*(torch.rand(3, *shape) for shape in shapes))
        >>> motion, maps = PairMotion(frames), motion_maps(frames)
        >>> {cue: values.shape[1] for cue, values in motion.split(motion(maps, maps)).items()}
        {'fine_change': 8, 'middle_change': 16, 'moving_appearance': 16, 'moving_change': 32, \
'flow': 233}
    """

    reachable: Tensor
    moments: Tensor
    grids: Tensor
    compass: Tensor
    across: Tensor
    cells: Tensor

    def __init__(self, maps: FrameMaps) -> None:
        super().__init__()
        self.shapes = tuple(each.shape[1:] for each in motion_maps(maps))
        self.grid = height, width = tuple(maps.fine.shape[2:])
        last, middle, fine, _ = self.shapes
        self.lengths = {
            "fine_change": 2 * fine[0],
            "middle_change": 2 * middle[0],
            "moving_appearance": last[0],
            "moving_change": 2 * last[0],
            "flow": NUM_FLOW,
        }
        angles = torch.arange(8) * (math.pi / 4)
        places = torch.cartesian_prod(torch.arange(height), torch.arange(width)).float().flip(1)
        for name, constant in (
            ("reachable", _search_windows(places)),
            ("moments", functional.pad(places, (0, 1), value=1.0)),
            ("grids", _grid_cells(height, width)),
            ("compass", torch.stack([angles.cos(), angles.sin()], dim=1)),
            ("across", places.T / torch.tensor([[width - 1], [height - 1]]).clamp(min=1)),
            ("cells", _cell_centers()),
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
            "flow": self._pool(self._gated_flow(earlier, later)),
        }

    def split(self, motion: Tensor) -> dict[str, Tensor]:
        """Motion vectors ``(..., M)`` to the vector of each cue."""
        return dict(zip(self.lengths, motion.split([*self.lengths.values()], dim=-1), strict=True))

    def gated_flow(self, earlier: MotionMaps, later: MotionMaps) -> Tensor:
        """The displacement of each position where something changes, x and y, ``(N, 2, P, Q)``.

        In positions of the fine map, less the camera's motion.
        """
        return self._gated_flow(earlier, later).unflatten(2, self.grid)

    def _gated_flow(self, earlier: MotionMaps, later: MotionMaps) -> Tensor:
        flow = self._displacements(earlier, later)
        return (flow - _median(flow)) * _gate(earlier.fine, later.fine)

    def _displacements(self, earlier: MotionMaps, later: MotionMaps) -> Tensor:
        """Where each position goes, ``(N, 2, P Q)``: blocks of rows against those in reach."""
        height, width = self.grid
        found = []
        for top in range(0, height, BLOCK):
            end = min(top + BLOCK, height)
            rows = slice(top * width, end * width)
            near = slice(max(0, top - RADIUS) * width, min(height, end + RADIUS) * width)
            cosines = torch.matmul(earlier.unit[:, :, rows].transpose(1, 2), later.unit[:, :, near])
            # A softmax: its exponentials, then their weighted sums and their sum in one product.
            # No exponent is large, for a cosine is at most 1.
            weights = torch.exp(cosines / TEMPERATURE) * self.reachable[rows, near]
            found.append(torch.matmul(weights, self.moments[near]))
        sums = torch.cat(found, dim=1)
        return (sums[:, :, :2] / sums[:, :, 2:] - self.moments[:, :2]).transpose(1, 2)

    def _pool(self, flow: Tensor) -> Tensor:
        """A field of flow ``(N, 2, P Q)`` to :data:`NUM_FLOW` numbers."""
        length = torch.linalg.vector_norm(flow, dim=1, keepdim=True)
        directions = torch.relu(torch.matmul(self.compass, flow))
        seen = torch.cat([directions, torch.exp(-STILLNESS * length), length], dim=1)
        cells, place = self._cells_around_motion(length)
        around = torch.matmul(cells, seen.transpose(1, 2))
        fixed = torch.matmul(seen, self.grids)
        return torch.cat([fixed.flatten(1), around.flatten(1), place.flatten(1)], dim=1)

    def _cells_around_motion(self, length: Tensor) -> tuple[Tensor, Tensor]:
        """Soft cells around what moves, as far apart as it is wide.

        Args:
            length: of the flow, ``(N, 1, P Q)``.

        Returns:
            The weight of each position in each cell, ``(N, 9, P Q)``, and the center and the spread
            of what moves, ``(N, 3, 1)``.
        """
        weight = torch.relu(length - 0.25) + 1e-3
        weight = weight / weight.sum(dim=2, keepdim=True)
        center = torch.matmul(self.across, weight.transpose(1, 2))
        offset = self.across - center
        squares = (offset**2).sum(dim=1, keepdim=True)
        variance = (weight * squares).sum(dim=2, keepdim=True) / 2
        spread = torch.sqrt(variance).clamp(0.06, 0.3)
        # |offset / spread - cell|^2 less |cell|^2, which is the same for all positions.
        distance = squares - torch.matmul(self.cells, offset) * (2 * spread)
        cells = torch.softmax(distance / (-0.72 * spread**2), dim=2)
        return cells, 4 * torch.cat([center - 0.5, spread], dim=1)


def _gate(earlier: Tensor, later: Tensor) -> Tensor:
    """How much the flow of a position counts, by the change there, ``(N, 1, P Q)``."""
    size = (earlier.abs() + later.abs()).mean(dim=(1, 2), keepdim=True) / 2
    change = _mean_over_channels((later - earlier).abs())
    return change**2 / (change**2 + (CHANGE * size) ** 2).clamp(min=TINY)


def _mean_over_channels(values: Tensor) -> Tensor:
    """``(N, C, P)`` to ``(N, 1, P)``.

    By a matrix product: a third of the time of a mean in ONNX Runtime.
    """
    count = values.shape[1]
    return torch.matmul(values.new_full((1, count), 1 / count), values)


def _change(earlier: Tensor, later: Tensor) -> Tensor:
    """How much of each channel came and went, means over positions, ``(N, 2 C)``."""
    step = later - earlier
    came = torch.relu(step).mean(dim=2)
    return torch.cat([came, came - step.mean(dim=2)], dim=1)


def _what_moves(earlier: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
    """The map where it changes, ``(N, D)``, and what came and went there, ``(N, 2 D)``.

    Means over positions, each as much as the square of its change.
    """
    step = later - earlier
    weight = _mean_over_channels(step.abs()) ** 2
    weight = (weight / weight.sum(dim=2, keepdim=True).clamp(min=TINY)).transpose(1, 2)
    there, came, signed = (torch.matmul(each, weight) for each in (later, torch.relu(step), step))
    return there.flatten(1), torch.cat([came, came - signed], dim=1).flatten(1)


def _median(flow: Tensor) -> Tensor:
    """The lower median over positions, by a top-k, which ONNX has."""
    kept = (flow.shape[2] - 1) // 2 + 1
    return flow.topk(kept, dim=2, largest=False).values[..., -1:]


def _search_windows(places: Tensor) -> Tensor:
    """1 where a position is searched for another one and 0 elsewhere, ``(P Q, P Q)``.

    Args:
        places: column and row of each position, ``(P Q, 2)``.
    """
    return ((places[:, None] - places).abs() <= RADIUS).all(dim=2).float()


def _cell_centers() -> Tensor:
    """Column and row of the cells around the center of what moves, in spreads, ``(9, 2)``."""
    steps = 1.2 * (torch.arange(CELLS) - (CELLS - 1) / 2)
    return torch.cartesian_prod(steps, steps).flip(1)


def _grid_cells(height: int, width: int) -> Tensor:
    """The weight of each position in the mean of each cell of the fixed grids, ``(H W, 14)``."""
    each = torch.eye(height * width).reshape(-1, 1, height, width)
    cells = [functional.adaptive_avg_pool2d(each, grid).flatten(1) for grid in GRIDS]
    return torch.cat(cells, dim=1)
