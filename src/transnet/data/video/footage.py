"""Footage: the frames of a video that a sampler chose, decoded in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import av
import numpy as np
from numpy.typing import NDArray

from transnet.data.video.reader import VideoFile
from transnet.errors import VideoError

Indices = NDArray[np.int64]
Chooser = Callable[[NDArray[np.float64]], Indices]
"""From the presentation times of all frames in seconds, ``(T,)``, to frame indices."""
Picture = TypeVar("Picture")
Converter = Callable[[av.VideoFrame, float], Picture]
"""From a decoded frame and its time in seconds to what is kept of it."""


@dataclass(frozen=True, eq=False)
class Sample(Generic[Picture]):
    """The frames that one sampler chose.

    Attributes:
        frames: one converted frame per index; a repeated index shares its frame.
        indices: the chosen frame numbers, relative to the start of the range, never decreasing.
    """

    frames: list[Picture]
    indices: Indices


@dataclass(frozen=True, eq=False)
class Samples(Generic[Picture]):
    """Several samples of one video.

    Attributes:
        samples: one per sampler.
        times_s: presentation time of every frame of the range, in seconds of the file.
        damage: what is wrong with the file; empty if nothing is.
    """

    samples: list[Sample[Picture]]
    times_s: NDArray[np.float64]
    damage: str = ""


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
    indices: Indices
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
    """Decode a video and keep the frames that ``choose`` asks for, at their full size.

    Arguments and errors are those of :func:`read_samples`, which holds less in memory.
    """
    found = read_samples(
        path,
        [(choose, lambda frame, _: frame)],
        start=start,
        end=end,
        allow_partial=allow_partial,
        min_frames=min_frames,
    )
    sample = found.samples[0]
    return Footage(sample.frames, sample.indices, found.times_s, found.damage)


def read_samples(
    path: Path | str,
    samplers: Sequence[tuple[Chooser, Converter[Picture]]],
    *,
    start: int | None = None,
    end: int | None = None,
    allow_partial: bool = False,
    min_frames: int = 2,
) -> Samples[Picture]:
    """Decode a video once for several samplers; only what they convert a frame to is held.

    Args:
        path: the file.
        samplers: which frames, a pure function of the times, and what to make of each of them as
            soon as it is decoded. The choice is made twice: from the declared times, so that no
            other frame is converted, and from the times that were decoded.
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
    choosers = [choose for choose, _ in samplers]
    held = _Held([convert for _, convert in samplers])
    times: list[float] = []
    with VideoFile(path) as video:
        declared_s = video.declared_times()[first:stop]
        if len(declared_s):
            held.want([choose(declared_s) for choose in choosers])
        for number, (frame, time_s) in enumerate(video.timed_frames(stop)):
            if number >= first:
                times.append(time_s)
                held.see(number - first, frame, time_s)
        damage = video.damage(reached_end=stop is None)
    _check_range(path, len(times), first, stop, damage, allow_partial)
    if stop is None and len(times) < min_frames:
        raise VideoError(path, "holds a single frame; an action needs two or more.")
    times_s = np.asarray(times, dtype=np.float64)
    chosen = [choose(times_s) for choose in choosers]
    if not held.has(chosen):  # the file holds other frames than it declares
        held.want(chosen)
        last = first + max(int(indices.max()) for indices in chosen)
        with VideoFile(path) as video:
            for number, (frame, time_s) in enumerate(video.timed_frames(last + 1)):
                held.see(number - first, frame, time_s)
    return Samples(held.samples(chosen), times_s, damage)


class _Held(Generic[Picture]):
    """The converted frames of each sampler, by number."""

    def __init__(self, converters: Sequence[Converter[Picture]]) -> None:
        self._converters = converters
        self._pictures: list[dict[int, Picture]] = [{} for _ in converters]
        self._wanted: list[set[int]] = [set() for _ in converters]

    def want(self, chosen: Sequence[Indices]) -> None:
        """Convert these frames of each sampler when they are seen."""
        self._wanted = [set(indices.tolist()) for indices in chosen]

    def see(self, index: int, frame: av.VideoFrame, time_s: float) -> None:
        parts = zip(self._wanted, self._pictures, self._converters, strict=True)
        for wanted, pictures, convert in parts:
            if index in wanted and index not in pictures:
                pictures[index] = convert(frame, time_s)

    def has(self, chosen: Sequence[Indices]) -> bool:
        return all(
            pictures.keys() >= set(indices.tolist())
            for pictures, indices in zip(self._pictures, chosen, strict=True)
        )

    def samples(self, chosen: Sequence[Indices]) -> list[Sample[Picture]]:
        return [
            Sample([pictures[index] for index in indices.tolist()], indices)
            for pictures, indices in zip(self._pictures, chosen, strict=True)
        ]


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
