"""Overlays on frames: people segmented in a picture, and class scores as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from transnet.data.video.frames import Pixels

CLASSES_SHOWN = 3
MAX_COVERED = 0.4  # of the height of a picture
_SMALLEST_LINE = 11  # pixels; smaller letters cannot be read
_TINT = np.array((47, 111, 222), np.float32)
_OUTLINE = np.array((255, 200, 40), np.uint8)


def mask_overlay(
    pixels: Pixels, probabilities: NDArray[np.floating], truth: NDArray[np.bool_] | None = None
) -> Pixels:
    """A picture with people tinted blue and the background darkened.

    Args:
        pixels: uint8 RGB ``(H, W, 3)``.
        probabilities: of "person", ``(H, W)``, 0..1.
        truth: ground truth mask ``(H, W)``, if known; drawn as a yellow outline.

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


def _outline(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """The pixels of a mask within ``width`` of its edge, horizontally or vertically."""
    height, breadth = mask.shape
    padded = np.pad(mask, width, mode="edge")
    inner = mask.copy()
    for shift in range(2 * width + 1):
        inner &= padded[shift : shift + height, width : width + breadth]
        inner &= padded[width : width + height, shift : shift + breadth]
    return mask & ~inner


class ScoreOverlay:
    """Draws class scores on frames; redraws the bars only when they change."""

    def __init__(self) -> None:
        self._drawn: object = None
        self._bars = Image.new("RGBA", (1, 1))

    def draw(self, pixels: Pixels, scores: Mapping[str, float], title: str = "") -> Pixels:
        """A copy of a frame with the best classes on it.

        At most 40 % of the height is covered: a small picture has fewer classes on it and no title,
        and one without room for a line is left as it is.

        Args:
            pixels: uint8 RGB ``(H, W, 3)``.
            scores: probability of each class, 0..1.
            title: a line above the bars.
        """
        height, width = pixels.shape[:2]
        best = sorted(scores.items(), key=lambda item: -item[1])[:CLASSES_SHOWN]
        # Differences below a tenth of a percent are invisible.
        shows = (width, height, title, [(label, round(score, 3)) for label, score in best])
        if shows != self._drawn:
            self._drawn, self._bars = shows, _bars((width, height), best, title)
        bars = self._bars
        result = np.array(pixels)
        if not bars.height:
            return result
        under = Image.fromarray(result[: bars.height]).convert("RGBA")
        result[: bars.height] = np.asarray(Image.alpha_composite(under, bars).convert("RGB"))
        return result


def draw_boxes(
    pixels: Pixels, boxes: Sequence[tuple[tuple[float, float, float, float], str]]
) -> Pixels:
    """A copy of a frame with titled boxes on it.

    Args:
        pixels: uint8 RGB ``(H, W, 3)``.
        boxes: left, top, right, bottom in pixels, and the title of each.
    """
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    height = max(9, pixels.shape[0] // 24)
    font = ImageFont.load_default(size=height)
    color = tuple(_OUTLINE.tolist())
    for (left, top, right, bottom), title in boxes:
        draw.rectangle((left, top, right, bottom), outline=color, width=2)
        place = (left + 3, max(0, top - height - 4))
        draw.rectangle(draw.textbbox(place, title, font=font), fill=(12, 18, 26))
        draw.text(place, title, font=font, fill=color)
    return np.asarray(picture)


def _bars(size: tuple[int, int], rows: list[tuple[str, float]], title: str) -> Image.Image:
    line = max(_SMALLEST_LINE, size[1] // 16)
    room = int(MAX_COVERED * size[1] - 4) // line
    rows = rows[: max(1, room - bool(title))]
    title = title if room > len(rows) else ""
    if room < 1:
        return Image.new("RGBA", (size[0], 0))
    font = ImageFont.load_default(size=0.72 * line)
    height = (len(rows) + bool(title)) * line + 4
    bars = Image.new("RGBA", (size[0], height), (12, 18, 26, 170))
    draw = ImageDraw.Draw(bars)
    top = 2
    if title:
        draw.text((6, top), title, font=font, fill=(200, 208, 218))
        top += line
    for label, score in rows:
        bar = (4, top + 1, 4 + (size[0] - 8) * score, top + line - 2)
        draw.rectangle(bar, fill=(47, 111, 222, 200))
        draw.text((6, top), f"{label}  {score:.0%}", font=font, fill=(255, 255, 255))
        top += line
    return bars
