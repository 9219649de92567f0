"""People cut out of videos of a camera that stands still before a wall, as Weizmann's does."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch.nn import functional

from transnet.data.video.frames import Pixels

LOW, HIGH = 18.0, 40.0
"""Difference from the wall at which a pixel begins to be a person, and is one."""

Mask = NDArray[np.bool_]


def cut_out(frames: Pixels) -> NDArray[np.float32]:
    """How much of each pixel is a person, 0..1 ``(T, H, W)``, of frames ``(T, H, W, 3)``."""
    wall = wall_behind(frames)
    masks = []
    for frame in frames:
        difference = np.abs(frame - wall).max(axis=2)
        sure = _largest(_grow(difference > (LOW + HIGH) / 2, 1))
        near = _grow(sure, 2)
        soft = np.clip((_blur(difference, 3) - LOW) / (HIGH - LOW), 0, 1) * near
        solid = _shrink(_grow(soft > 0.5, 2), 2)  # where cloth has the color of the wall
        masks.append(np.maximum(soft, _blur(solid.astype(np.float32), 3) * near))
    return np.stack(masks).astype(np.float32)


def wall_behind(frames: Pixels) -> NDArray[np.floating]:
    """The scene without the person, ``(H, W, 3)``.

    The median frame still holds a person who stays in one place: pixels that differ from the rest
    of their row. They are filled from left and right.
    """
    median = np.median(frames, axis=0)
    width = median.shape[1]
    row = np.median(median[:, width // 12 : -width // 6], axis=1, keepdims=True)
    inner = np.zeros(median.shape[:2], bool)
    inner[:, width // 15 : -width // 6] = True
    ever = np.percentile(np.abs(frames - median[None]).max(axis=3), 98, axis=0) > 25
    person = ((np.abs(median - row).max(axis=2) > 30) | ever) & inner
    person = _grow(_largest(_grow(_shrink(person, 1), 3)), 3)
    filled = median.copy()
    for y in np.flatnonzero(person.any(axis=1)):
        columns = np.flatnonzero(person[y])
        left, right = columns[0], columns[-1]
        before = median[y, max(0, left - 8) : max(1, left)].mean(axis=0)
        after = median[y, min(right + 1, width - 1) : right + 9].mean(axis=0)
        share = np.linspace(0, 1, right - left + 1)[:, None]
        filled[y, left : right + 1] = (1 - share) * before + share * after
    smooth = np.stack([_blur(filled[..., channel], 5) for channel in range(3)], axis=2)
    filled[person] = smooth[person]  # neighboring rows were filled apart
    return filled


def before_place(
    frames: Pixels, masks: NDArray[np.float32], place: Image.Image, size: tuple[int, int]
) -> Pixels:
    """The person before another place, ``(T, height, width, 3)`` for ``size`` (width, height)."""
    behind = np.asarray(place.resize(size), np.float32)
    composed = []
    for frame, mask in zip(frames, masks, strict=True):
        person = _resized(Image.fromarray(frame), size)
        share = _resized(Image.fromarray((255 * mask).astype(np.uint8)), size)[..., None] / 255
        composed.append((share * person + (1 - share) * behind).astype(np.uint8))
    return np.stack(composed)


def _resized(picture: Image.Image, size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(picture.resize(size, Image.Resampling.BICUBIC), np.float32)


def _grow(mask: Mask, radius: int) -> Mask:
    return (
        np.asarray(Image.fromarray(mask).convert("L").filter(ImageFilter.MaxFilter(2 * radius + 1)))
        > 0
    )


def _shrink(mask: Mask, radius: int) -> Mask:
    return ~_grow(~mask, radius)


def _blur(values: NDArray[np.floating], size: int) -> NDArray[np.float32]:
    grid = torch.from_numpy(np.asarray(values, np.float32))[None, None]
    padded = functional.pad(grid, [size // 2] * 4, "replicate")
    return functional.avg_pool2d(padded, size, 1)[0, 0].numpy()


def _largest(mask: Mask) -> Mask:
    """The largest connected part: numbers spread inside the mask until no part has two."""
    inside = torch.from_numpy(mask)[None, None].float()
    numbers = torch.arange(1.0, mask.size + 1).reshape(inside.shape) * inside
    while True:
        spread = functional.max_pool2d(numbers, 3, 1, 1) * inside
        if torch.equal(spread, numbers):
            break
        numbers = spread
    parts, counts = numbers[numbers > 0].unique(return_counts=True)
    return (numbers == parts[counts.argmax()])[0, 0].numpy() if len(parts) else mask
