"""Clips: the sampled, preprocessed frames of a video, with their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transnet.config import ClipConfig
from transnet.data.manifest import ClipRecord
from transnet.data.preprocessing import Preprocessor
from transnet.data.sampling import clip_indices
from transnet.data.video.frames import Pixels
from transnet.data.video.reader import read_footage, read_times
from transnet.data.views import CENTER, View
from transnet.errors import VideoError

# More clips do not move the median of their steps by anything that matters.
CLIPS_FOR_STEP = 200


@dataclass(frozen=True, eq=False)
class Clip:
    """What the network sees of a video.

    Attributes:
        frames: uint8 RGB ``(T, size, size, 3)``.
        indices: number of each frame in the video, from 0, never decreasing, ``(T,)``.
        times_s: presentation time of each frame in seconds, ``(T,)``.
        damage: what is wrong with the file if its good frames were taken all the same.
        video_s: seconds from the first to the last frame of the video, or of its range.
    """

    frames: Pixels
    indices: NDArray[np.int64]
    times_s: NDArray[np.float64]
    damage: str = ""
    video_s: float = 0.0

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
        per_view[:] = (clip_indices(times_s, config, view.offset) for view in views)
        return np.unique(np.concatenate(per_view))

    footage = read_footage(path, choose, start=start, end=end, allow_partial=allow_partial)
    preprocess = Preprocessor(config.size)
    video_s = float(footage.times_s[-1] - footage.times_s[0])
    clips = []
    for view, indices in zip(views, per_view, strict=True):
        chosen = np.searchsorted(footage.indices, indices)
        # A short clip repeats frames: prepare each only once.
        positions, repeats = np.unique(chosen, return_inverse=True)
        pixels = preprocess((footage.frames[p] for p in positions), footage.rotation, view)
        numbers = indices + (start or 0)
        times_s = footage.times_s[indices]
        clips.append(Clip(pixels[repeats], numbers, times_s, footage.damage, video_s))
    return clips


def median_step_s(records: Sequence[ClipRecord], config: ClipConfig) -> float:
    """How far apart the frames of clips are: the time step of a stream that shall look alike.

    Reads the times of up to 200 of the clips, spread evenly; decodes nothing.

    Args:
        records: training clips.
        config: how they are sampled.

    Returns:
        The median over the clips of the seconds between two sampled frames; 0 if none can be read.
    """
    if config.sampling == "stride":
        return config.stride_s
    spread = records[:: max(1, len(records) // CLIPS_FOR_STEP)]
    steps = []
    for record in spread[:CLIPS_FOR_STEP]:
        try:
            times_s = read_times(record.path)[record.start or 0 : record.end]
        except VideoError:
            continue
        if len(times_s) > 1:
            seen_s = times_s[clip_indices(times_s, config)]
            steps.append((seen_s[-1] - seen_s[0]) / (config.frames - 1))
    return float(np.median(steps)) if steps else 0.0
