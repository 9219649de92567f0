"""A video with the Grad-CAM heat of an explanation on every frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transnet.data.preprocessing import Preprocessor
from transnet.data.video.frames import Pixels
from transnet.data.video.reader import VideoFile
from transnet.data.video.writer import VideoWriter
from transnet.data.views import CENTER
from transnet.evaluation.explanation import Explanation, heated


def write_heat_video(path: Path, video: str, explanation: Explanation, region: str = "") -> None:
    """Write every frame of a video as the network sees it, with the heat at its time.

    Args:
        path: the MP4 file to write.
        video: the video that was explained.
        explanation: its heat at the sampled frames, interpolated in between.
        region: the place that the network watches, as in its ``ClipConfig``.

    Raises:
        VideoError: the video cannot be read.
        OSError: the file cannot be written.
    """
    with VideoWriter(path) as writer:
        for pixels, time_s in _heated_frames(video, explanation, region):
            writer.write(pixels, time_s)


def _heated_frames(
    video: str, explanation: Explanation, region: str
) -> Iterator[tuple[Pixels, float]]:
    preprocess = Preprocessor(explanation.clip.frames.shape[1], region)
    with VideoFile(video) as opened:
        for frame, time_s in opened.timed_frames():
            pixels = preprocess([frame], CENTER)[0]
            yield heated(pixels, _heat_at(explanation, time_s)), time_s


def _heat_at(explanation: Explanation, time_s: float) -> NDArray[np.float32]:
    """The heat at a time, interpolated between the two nearest sampled frames."""
    times = explanation.clip.times_s
    later = int(np.clip(np.searchsorted(times, time_s), 0, len(times) - 1))
    earlier = max(0, later - 1)
    gap = times[later] - times[earlier]
    share = 1.0 if gap <= 0 else float(np.clip((time_s - times[earlier]) / gap, 0, 1))
    return (1 - share) * explanation.heat[earlier] + share * explanation.heat[later]
