"""Which frames of a video form a clip: index arithmetic only, no decoder and no pixels.

``offset`` shifts a sample within its range: 0.5 is the middle (evaluation), other values are
temporal augmentation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from transnet.config import ClipConfig

Indices = NDArray[np.int64]

_OFFSET_STEPS = 2**20


def uniform_indices(num_frames: int, n: int, offset: float = 0.5) -> Indices:
    """Sample one frame from each of ``n`` equal parts of the video (the paper's sampling).

    ::

        num_frames = 8, n = 4      |0 1|2 3|4 5|6 7|
        offset = 0                  ^   ^   ^   ^
        offset = 0.5                  ^   ^   ^   ^
        num_frames = 2, n = 4      0 0 1 1              a short video repeats frames, in order

    Args:
        num_frames: frames in the video, 1 or more.
        n: frames in the clip, 1 or more.
        offset: position of the frame within its part, 0 <= offset < 1.

    Returns:
        ``n`` indices, never decreasing, each in ``0 .. num_frames - 1``.
    """
    _check(num_frames, n, offset)
    # In integers, so that no rounding error ever shifts a frame.
    parts = np.arange(n, dtype=np.int64) * _OFFSET_STEPS + int(offset * _OFFSET_STEPS)
    return parts * num_frames // (n * _OFFSET_STEPS)


def stride_indices(
    times_s: Sequence[float] | NDArray[np.float64], n: int, step_s: float, offset: float = 0.5
) -> Indices:
    """Sample the frames that are on screen at ``n`` moments ``step_s`` apart.

    A video shorter than the window is sampled from its start and repeats its last frame.

    Args:
        times_s: presentation time of every frame, in seconds, never decreasing.
        n: frames in the clip, 1 or more.
        step_s: seconds between two frames of the clip, above 0.
        offset: position of the window in the video, 0 at its start, 0.5 in its middle.

    Returns:
        ``n`` indices, never decreasing, each in ``0 .. len(times_s) - 1``.
    """
    times = np.asarray(times_s, dtype=np.float64)
    _check(len(times), n, offset)
    if not step_s > 0:
        raise ValueError(f"step_s is {step_s}; accepted: above 0 seconds.")
    room_s = max(0.0, times[-1] - times[0] - (n - 1) * step_s)
    moments = times[0] + offset * room_s + step_s * np.arange(n)
    # A tolerance of a microsecond, so that rounding never selects the frame before the due one.
    on_screen = np.searchsorted(times, moments + 1e-6, side="right") - 1
    return np.clip(on_screen, 0, len(times) - 1).astype(np.int64)


def clip_indices(times_s: NDArray[np.float64], clip: ClipConfig, offset: float = 0.5) -> Indices:
    """Sample the frames that a clip's configuration asks for.

    Args:
        times_s: presentation time of every frame, in seconds, never decreasing.
        clip: ``uniform`` or ``stride`` sampling, and its settings.
        offset: see :func:`uniform_indices` and :func:`stride_indices`.
    """
    if clip.sampling == "stride":
        return stride_indices(times_s, clip.frames, clip.stride_s, offset)
    return uniform_indices(len(times_s), clip.frames, offset)


def _check(num_frames: int, n: int, offset: float) -> None:
    if num_frames < 1:
        raise ValueError(f"num_frames is {num_frames}; accepted: 1 or more.")
    if n < 1:
        raise ValueError(f"n is {n}; accepted: 1 or more.")
    if not 0 <= offset < 1:
        raise ValueError(f"offset is {offset}; accepted: 0 <= offset < 1.")
