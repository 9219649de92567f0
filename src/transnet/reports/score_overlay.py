"""Scores drawn on a picture, as bars."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from transnet.data.video.frames import Pixels

CLASSES_SHOWN = 3


class Overlay:
    """Draws scores on frames, and keeps the drawing as long as they stay the same."""

    def __init__(self) -> None:
        self._shows: object = None
        self._picture = Image.new("RGBA", (1, 1))

    def draw(self, pixels: Pixels, scores: Mapping[str, float], title: str = "") -> Pixels:
        """A copy of a frame with the best classes on it.

        Args:
            pixels: uint8 RGB ``(H, W, 3)``.
            scores: probability of each class, 0..1.
            title: a line above them.
        """
        height, width = pixels.shape[:2]
        best = sorted(scores.items(), key=lambda item: -item[1])[:CLASSES_SHOWN]
        # What differs by less than a tenth of a percent looks the same.
        shows = (width, height, title, [(label, round(score, 3)) for label, score in best])
        if shows != self._shows:
            self._shows, self._picture = shows, _bars((width, height), best, title)
        bars = self._picture
        result = np.array(pixels)
        under = Image.fromarray(result[: bars.height]).convert("RGBA")
        result[: bars.height] = np.asarray(Image.alpha_composite(under, bars).convert("RGB"))
        return result


def _bars(size: tuple[int, int], rows: list[tuple[str, float]], title: str) -> Image.Image:
    line = max(11, size[1] // 16)
    font = ImageFont.load_default(size=0.72 * line)
    height = min(size[1], (len(rows) + bool(title)) * line + 4)
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
