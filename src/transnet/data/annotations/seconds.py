"""From seconds to frames, by the presentation times of each video."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transnet.config import NO_CLASS
from transnet.data.annotations.annotation import Annotation
from transnet.data.video.reader import DEFAULT_RATE, VideoFile
from transnet.errors import FileError, VideoError
from transnet.utils.reading import read_many

# Annotation files and containers round to milliseconds.
_ROUNDING_S = 0.001
# A player may show an end that is a little after the last frame.
_OVERSHOOT_S = 0.5

Change = Callable[[Sequence[Annotation], NDArray[np.float64]], Iterable[Annotation]]


def in_frames(annotations: Sequence[Annotation]) -> list[Annotation]:
    """Replace seconds by frame numbers.

    A frame belongs to a segment if its presentation time does: ``start_s <= time < end_s``, which
    is right for variable frame rates. The times are read from the packets; nothing is decoded. A
    video that cannot be read keeps its place: decoding it will tell what is wrong.
    """
    if not any(annotation.in_seconds for annotation in annotations):
        return list(annotations)
    return _per_video(annotations, lambda found, times: (_frames(one, times) for one in found))


def with_gaps(annotations: Sequence[Annotation]) -> list[Annotation]:
    """Add the stretches of each video between its segments, as clips of the label ``_none``.

    They are cut into pieces as long as the median segment of the video. A video that is labeled
    as a whole has no gaps.
    """

    def filled(found: Sequence[Annotation], times: NDArray[np.float64]) -> Iterable[Annotation]:
        return [*found, *_gaps(found, len(times))]

    return _per_video(in_frames(annotations), filled)


def _per_video(annotations: Sequence[Annotation], change: Change) -> list[Annotation]:
    """Apply ``change`` to the annotations of each video, given its frame times."""
    of_video: dict[Path, list[Annotation]] = defaultdict(list)
    for annotation in annotations:
        of_video[annotation.video].append(annotation)
    changed: list[Annotation] = []
    reading = read_many(
        list(of_video),
        frame_times,
        workers=min(4, os.cpu_count() or 1),
        title="frame times",
        unit="videos",
    )
    for video, times in reading:
        nothing: NDArray[np.float64] = np.empty(0)
        changed += change(of_video[video], nothing if isinstance(times, FileError) else times)
    return changed


def frame_times(video: Path) -> NDArray[np.float64]:
    """Presentation times in seconds of all frames, ``(T,)``, without decoding them.

    Raises:
        VideoError: the file cannot be opened, or is not a video.
    """
    with VideoFile(video) as opened:
        try:
            times = opened.packet_times()
        except VideoError:  # the file states no times: decoding counts its frames
            times = np.arange(opened.declared_frames) / opened.rate
    return times


def _frames(annotation: Annotation, times_s: NDArray[np.float64]) -> Annotation:
    if not annotation.in_seconds:
        return annotation
    start, end = annotation.start_s, annotation.end_s
    first = None if start is None or start <= 0 else frame_at(start, times_s)
    stop = None if end is None else frame_at(end, times_s)
    if stop is not None and end is not None:
        if len(times_s) and stop > len(times_s) and end < times_s[-1] + _OVERSHOOT_S:
            stop = len(times_s)
        stop = max(stop, (first or 0) + 1)
    return replace(annotation, start=first, end=stop, start_s=None, end_s=None)


def frame_at(time_s: float, times_s: NDArray[np.float64]) -> int:
    """Number of the first frame at or after a time; past the end it counts on at the same rate."""
    found = int(np.searchsorted(times_s, time_s - _ROUNDING_S))
    if found < len(times_s):
        return found
    last_s = float(times_s[-1]) if len(times_s) else 0.0
    rate = (len(times_s) - 1) / (last_s - times_s[0]) if len(times_s) > 1 else DEFAULT_RATE
    after = math.ceil((time_s - _ROUNDING_S - last_s) * rate) - 1 if len(times_s) else 0
    return found + max(0, after) if len(times_s) else round(time_s * DEFAULT_RATE)


def _gaps(found: Sequence[Annotation], frames: int) -> Iterable[Annotation]:
    taken = sorted((one.start or 0, frames if one.end is None else one.end) for one in found)
    length = max(2, int(np.median([end - start for start, end in taken])))
    free_from = 0
    for start, end in [*taken, (frames, frames)]:
        while start - free_from >= max(2, length / 2):
            piece = min(free_from + length, start)
            yield replace(found[0], label=NO_CLASS, start=free_from, end=piece)
            free_from = piece
        free_from = max(free_from, end)
