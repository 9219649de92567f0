"""The picture of an explanation: frames, heat, motion and the weight of each frame."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from transnet.data.video.frames import Pixels
from transnet.evaluation.explanation import HEAT_COLORS, Explanation, heated

COLUMNS = 6

_SIDE = 160  # of a frame, in pixels
_MARGIN = 4
_CELL = _SIDE + _MARGIN
_BARS = 64
_FIGURES = 24  # height of the line below the bars
_BLOCK = 2 * _CELL + _BARS + _FIGURES + 3 * _MARGIN
_TITLE = 34
_LINE = 24
_MIN_WIDTH = 700  # the legend needs it
_SHORTEST_ARROW = 0.02  # of the width of a frame
_INK, _SOFT, _PAGE = (28, 39, 51), (92, 104, 117), (246, 248, 250)
_BLUE, _RED, _YELLOW = (47, 111, 222), (217, 83, 60), (255, 221, 51)


def explanation_picture(explanation: Explanation, name: str = "") -> Pixels:
    """Draw an explanation: a title, a legend, then at most six frames to a row.

    Each frame is shown with arrows of what moves, below it its heat, a bar of its weight, and that
    weight and its time in figures.

    Args:
        explanation: the explanation.
        name: name of the clip, for the title.

    Returns:
        uint8 RGB ``(H, W, 3)``.
    """
    count = len(explanation.clip.frames)
    legend = _legend(explanation)
    head = _TITLE + _LINE * (bool(name) + len(legend)) + 2 * _MARGIN
    blocks = -(-count // COLUMNS)
    width = max(_MIN_WIDTH, min(count, COLUMNS) * _CELL + _MARGIN)
    picture = Image.new("RGB", (width, head + blocks * _BLOCK), _PAGE)
    draw = ImageDraw.Draw(picture)
    title = f"{explanation.label}: {explanation.probability:.1%}"
    _write(draw, (8, 6), title, 24, width - 16)
    top = _TITLE
    if name:
        _write(draw, (8, top), name, 16, width - 16, _SOFT)
        top += _LINE
    for kind, text in legend:
        _draw_key(picture, draw, kind, 8, top)
        _write(draw, (60, top), text, 16, width - 68)
        top += _LINE
    largest = max(float(np.abs(explanation.frame_weights).max()), 1e-6)
    for index in range(count):
        block, column = divmod(index, COLUMNS)
        corner = (_MARGIN + column * _CELL, head + block * _BLOCK)
        _draw_frame(picture, draw, explanation, index, corner, largest)
    return np.asarray(picture)


def _legend(explanation: Explanation) -> list[tuple[str, str]]:
    """What is drawn, and what it means."""
    lines = [
        ("heat", f"evidence for {explanation.label} (Grad-CAM), from none to most"),
        ("fall", "points that the probability loses when the frame is hidden"),
        ("rise", "points that it gains when the frame is hidden"),
    ]
    moves = [("arrow", "what moves until the next frame")]
    return lines if explanation.flow is None else [*moves, *lines]


def _draw_key(
    picture: Image.Image, draw: ImageDraw.ImageDraw, kind: str, left: int, top: int
) -> None:
    box = (left, top + 3, left + 40, top + 17)
    if kind == "heat":
        ramp = 255 * colormaps[HEAT_COLORS](np.linspace(0, 1, 40))[None, :, :3]
        picture.paste(
            Image.fromarray(np.repeat(ramp, 14, axis=0).round().astype(np.uint8)), box[:2]
        )
    elif kind == "arrow":
        draw.rectangle(box, fill=_INK)
        _draw_arrow(draw, (left + 6, top + 10), (left + 32, top + 10))
    else:
        draw.rectangle(box, fill=_BLUE if kind == "fall" else _RED)


def _draw_frame(
    picture: Image.Image,
    draw: ImageDraw.ImageDraw,
    explanation: Explanation,
    index: int,
    corner: tuple[int, int],
    largest: float,
) -> None:
    left, top = corner
    pixels = explanation.clip.frames[index]
    for row, shown in enumerate((pixels, heated(pixels, explanation.heat[index]))):
        small = Image.fromarray(shown).resize((_SIDE, _SIDE))
        picture.paste(small, (left, top + row * _CELL))
    if explanation.flow is not None and index < len(explanation.flow):
        _draw_arrows(draw, explanation.flow[index], left, top)
    weight = float(explanation.frame_weights[index])
    middle = top + 2 * _CELL + _BARS // 2
    tip = middle - round(weight / largest * (_BARS // 2 - 2))
    draw.line((left, middle, left + _SIDE, middle), fill=_SOFT)
    draw.rectangle(
        (left + 8, min(middle, tip), left + _SIDE - 8, max(middle, tip)),
        fill=_BLUE if weight >= 0 else _RED,
    )
    figures = f"{100 * weight:+.1f}   {explanation.clip.times_s[index]:.1f} s"
    _write(draw, (left + 8, top + 2 * _CELL + _BARS), figures, 18, _SIDE - 8)


def _draw_arrows(
    draw: ImageDraw.ImageDraw, flow: NDArray[np.floating], left: int, top: int
) -> None:
    """Arrows of what moves until the next frame, ``(2, h, w)``, on a frame of the picture."""
    height, width = flow.shape[1:]
    for row, column in np.argwhere(np.hypot(*flow) > _SHORTEST_ARROW):
        x = left + (column + 0.5) * _SIDE / width
        y = top + (row + 0.5) * _SIDE / height
        tip = (x + flow[0, row, column] * _SIDE, y + flow[1, row, column] * _SIDE)
        _draw_arrow(draw, (x, y), tip)


def _draw_arrow(
    draw: ImageDraw.ImageDraw, start: tuple[float, float], tip: tuple[float, float]
) -> None:
    draw.line((*start, *tip), fill=_YELLOW, width=2)
    draw.ellipse((tip[0] - 2, tip[1] - 2, tip[0] + 2, tip[1] + 2), fill=_YELLOW)


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    size: int,
    width: int,
    color: tuple[int, int, int] = _INK,
) -> None:
    """A line of text; the middle of one that is too long is left out."""
    shown = text = text.encode("utf-8", "replace").decode()  # file names may be any bytes
    font = ImageFont.load_default(size=size)
    kept = len(shown)
    while kept and font.getlength(shown) > width:
        kept -= 1
        shown = f"{text[: kept // 2]}...{text[len(text) - (kept - kept // 2) :]}"
    draw.text(place, shown, font=font, fill=color)
