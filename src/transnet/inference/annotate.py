"""A copy of a video with the prediction written on it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from transnet.data.preprocessing import Pixels
from transnet.data.video import decode_frames
from transnet.data.video_writer import write_video
from transnet.results import Prediction

CLASSES_SHOWN = 3


def annotate(prediction: Prediction, out: Path, *, title: str = "") -> Path:
    """Write the video of a prediction again, with the best classes and their scores on it.

    Args:
        prediction: what to show; its ``path`` is the video.
        out: the new video, ``.mp4``.
        title: a line above the scores, the right answer, say.

    Returns:
        ``out``.

    Raises:
        VideoError: the video cannot be read.
        TransNetError: ``out`` cannot be written.
    """
    write_video(out, _drawn(prediction, title), _frame_rate(prediction.path))
    return out


def _drawn(prediction: Prediction, title: str) -> Iterator[Pixels]:
    overlay: Image.Image | None = None
    for pixels, _ in decode_frames(prediction.path):
        picture = Image.fromarray(pixels).convert("RGBA")
        if overlay is None or overlay.size != picture.size:
            overlay = _overlay(prediction, title, picture.size)
        yield np.asarray(Image.alpha_composite(picture, overlay).convert("RGB"))


def _overlay(prediction: Prediction, title: str, size: tuple[int, int]) -> Image.Image:
    overlay = Image.new("RGBA", size)
    draw = ImageDraw.Draw(overlay)
    line = max(11, size[1] // 16)
    font = ImageFont.load_default(size=0.72 * line)
    rows = list(prediction.scores.items())[:CLASSES_SHOWN]
    draw.rectangle((0, 0, size[0], (len(rows) + bool(title)) * line + 4), fill=(12, 18, 26, 170))
    top = 2
    if title:
        draw.text((6, top), title, font=font, fill=(200, 208, 218))
        top += line
    for label, score in rows:
        bar = (4, top + 1, 4 + (size[0] - 8) * score, top + line - 2)
        draw.rectangle(bar, fill=(47, 111, 222, 200))
        draw.text((6, top), f"{label}  {score:.0%}", font=font, fill=(255, 255, 255))
        top += line
    return overlay


def _frame_rate(path: str) -> Fraction:
    times = [time_s for _, time_s in itertools.islice(decode_frames(path), 30)]
    step_s = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    return Fraction(1 / step_s).limit_denominator(1001) if step_s > 0 else Fraction(25)
