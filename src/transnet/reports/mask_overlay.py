"""Pictures of masks, to look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from transnet.data.video.frames import Pixels

_TINT = np.array((47, 111, 222), np.float32)
_OUTLINE = np.array((255, 200, 40), np.uint8)


def overlay(
    pixels: Pixels, probabilities: NDArray[np.floating], truth: NDArray[np.bool_] | None = None
) -> Pixels:
    """A picture in which people stand out: they are tinted blue, the rest is darker.

    Args:
        pixels: uint8 RGB ``(H, W, 3)``.
        probabilities: of "person", ``(H, W)``, 0..1.
        truth: where people are, if known, ``(H, W)``; drawn as a yellow outline.

    Returns:
        uint8 RGB ``(H, W, 3)``.
    """
    person = probabilities.astype(np.float32)[..., None]
    colors = pixels.astype(np.float32)
    shown = person * (0.55 * colors + 0.45 * _TINT) + (1 - person) * 0.6 * colors
    shown = shown.round().astype(np.uint8)
    if truth is not None:
        shown[_outline(truth, max(1, min(truth.shape) // 120))] = _OUTLINE
    return shown


def _outline(area: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """The pixels of an area that have one outside it within some pixels up, down, left or right."""
    height, breadth = area.shape
    padded = np.pad(area, width, mode="edge")
    inner = area.copy()
    for shift in range(2 * width + 1):
        inner &= padded[shift : shift + height, width : width + breadth]
        inner &= padded[width : width + height, shift : shift + breadth]
    return area & ~inner
