"""Clips: the sampled, preprocessed frames of a video, with their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transnet.config import ClipConfig
from transnet.data.preprocessing import CENTER, Pixels, Preprocessor, View
from transnet.data.sampling import clip_indices
from transnet.data.video import read_footage


@dataclass(frozen=True, eq=False)
class Clip:
    """What the network sees of a video.

    Attributes:
        frames: uint8 RGB ``(T, size, size, 3)``.
        indices: number of each frame in the video, from 0, never decreasing, ``(T,)``.
        times_s: presentation time of each frame in seconds, ``(T,)``.
        damage: what is wrong with the file if its good frames were taken all the same.
    """

    frames: Pixels
    indices: NDArray[np.int64]
    times_s: NDArray[np.float64]
    damage: str = ""

    def __repr__(self) -> str:
        span = f"{self.times_s[0]:.2f}..{self.times_s[-1]:.2f} s"
        return f"Clip(frames={self.frames.shape} uint8, times_s={span})"


def read_clip(
    path: Path | str,
    config: ClipConfig,
    view: View = CENTER,
    *,
    start: int | None = None,
    end: int | None = None,
    allow_partial: bool = False,
) -> Clip:
    """Decode, sample and preprocess one clip; see :func:`read_views`."""
    clips = read_views(path, config, [view], start=start, end=end, allow_partial=allow_partial)
    return clips[0]


def read_views(
    path: Path | str,
    config: ClipConfig,
    views: Sequence[View],
    *,
    start: int | None = None,
    end: int | None = None,
    allow_partial: bool = False,
) -> list[Clip]:
    """Decode a video once and look at it in several ways.

    Args:
        path: the file.
        config: how many frames, how far apart, how large.
        views: the ways to look at it, one or more.
        start: first frame of the clip, from 0; the beginning of the file if not given.
        end: frame after the last one; the end of the file if not given.
        allow_partial: take the good frames of a damaged file and say so in ``damage``.

    Returns:
        One clip a view.

    Raises:
        VideoError: the file cannot be read, is damaged, or is shorter than the range.
    """
    per_view: list[NDArray[np.int64]] = []

    def choose(times_s: NDArray[np.float64]) -> NDArray[np.int64]:
        per_view.extend(clip_indices(times_s, config, view.offset) for view in views)
        return np.unique(np.concatenate(per_view))

    footage = read_footage(path, choose, start=start, end=end, allow_partial=allow_partial)
    preprocess = Preprocessor(config.size)
    clips = []
    for view, indices in zip(views, per_view, strict=True):
        chosen = np.searchsorted(footage.indices, indices)
        # A short clip repeats frames: prepare each only once.
        positions, repeats = np.unique(chosen, return_inverse=True)
        pixels = preprocess((footage.frames[p] for p in positions), footage.rotation, view)
        numbers = indices + (start or 0)
        clips.append(Clip(pixels[repeats], numbers, footage.times_s[indices], footage.damage))
    return clips
