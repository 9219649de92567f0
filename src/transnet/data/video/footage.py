"""Footage: the frames of a video that a sampler chose, decoded in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from transnet.data.video.reader import VideoFile
from transnet.errors import VideoError

Chooser = Callable[[NDArray[np.float64]], NDArray[np.int64]]
"""From the presentation times of all frames in seconds, ``(T,)``, to frame indices."""


@dataclass(frozen=True, eq=False)
class Footage:
    """Chosen frames of a video, as the decoder gave them.

    Attributes:
        frames: one decoded frame per index, in the video's own pixel format.
        indices: the chosen frame numbers, relative to the start of the range, never decreasing.
        times_s: presentation time of every frame of the range, in seconds of the file.
        damage: what is wrong with the file; empty if nothing is.
    """

    frames: list[av.VideoFrame]
    indices: NDArray[np.int64]
    times_s: NDArray[np.float64]
    damage: str = ""


def read_footage(
    path: Path | str,
    choose: Chooser,
    *,
    start: int | None = None,
    end: int | None = None,
    allow_partial: bool = False,
    min_frames: int = 2,
) -> Footage:
    """Decode a video and keep the frames that ``choose`` asks for.

    Args:
        path: the file.
        choose: a pure function of the times. It is called twice: with the declared times, so that
            no other frame is held in memory, and with the times that were decoded.
        start: first frame of the range, from 0; the beginning of the file if not given.
        end: frame after the last one of the range; the end of the file if not given.
        allow_partial: use the good frames of a damaged file and say so in ``damage``.
        min_frames: frames that a video without an ``end`` must have.

    Raises:
        VideoError: the file is missing, unreadable, not a video, a single picture, damaged, or
            shorter than the range.
    """
    first, stop = start or 0, end
    if first < 0 or (stop is not None and stop <= first):
        raise VideoError(
            path, f"has no frames {first} to {stop}; accepted: 0 <= start < end, counted from 0."
        )
    held: dict[int, av.VideoFrame] = {}
    times: list[float] = []
    with VideoFile(path) as video:
        wanted = _declared_choice(video, choose, first, stop)
        for number, frame in enumerate(video.frames(stop)):
            if number >= first:
                times.append(video.time_s(frame, number))
                if number in wanted:
                    held[number] = frame
        damage = video.damage(reached_end=stop is None)
    _check_range(path, len(times), first, stop, damage, allow_partial)
    if stop is None and len(times) < min_frames:
        raise VideoError(path, "holds a single frame; an action needs two or more.")
    times_s = np.maximum.accumulate(np.asarray(times, dtype=np.float64))
    indices = choose(times_s)
    numbers = (indices + first).tolist()
    if not held.keys() >= set(numbers):
        held = _frames_at(path, numbers)
    return Footage([held[number] for number in numbers], indices, times_s, damage)


def _declared_choice(video: VideoFile, choose: Chooser, first: int, stop: int | None) -> set[int]:
    """Numbers of the frames that will be chosen if the file holds what it declares."""
    declared_s = video.declared_times()[first:stop]
    return set((choose(declared_s) + first).tolist()) if len(declared_s) else set()


def _frames_at(path: Path | str, numbers: Sequence[int]) -> dict[int, av.VideoFrame]:
    """A second pass over a video that holds other frames than it declares."""
    wanted = set(numbers)
    with VideoFile(path) as video:
        frames = enumerate(video.frames(max(numbers) + 1))
        return {number: frame for number, frame in frames if number in wanted}


def _check_range(
    path: Path | str, found: int, first: int, stop: int | None, damage: str, allow_partial: bool
) -> None:
    if found == 0 and first == 0:
        raise VideoError(path, damage or "holds no frame that can be decoded.")
    if stop is not None and found < stop - first:
        reason = f"ends after frame {first + found}; the clip's range is {first} to {stop}"
        if not (damage and allow_partial):
            raise VideoError(path, f"{reason}. {damage}".strip())
    if damage and not allow_partial:
        raise VideoError(path, damage)
    if found == 0:
        raise VideoError(path, f"ends before frame {first}, where the clip starts.")
