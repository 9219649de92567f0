"""A copy of a video with the prediction written on it."""

from __future__ import annotations

from pathlib import Path

from transnet.data.video.reader import decode_frames
from transnet.data.video.writer import VideoWriter
from transnet.inference.prediction import Prediction
from transnet.reports.overlays import ScoreOverlay


def annotate(prediction: Prediction, out: Path, *, title: str = "") -> Path:
    """Write a copy of a video with the best classes and their scores drawn on it.

    Args:
        prediction: the prediction of the video at its ``path``.
        out: the new video, ``.mp4``.
        title: a line above the scores, such as the true label.

    Returns:
        ``out``.

    Raises:
        VideoError: the video cannot be read.
        TransNetError: ``out`` cannot be written.
    """
    overlay = ScoreOverlay()
    with VideoWriter(out) as writer:
        for pixels, time_s in decode_frames(prediction.path):
            writer.write(overlay.draw(pixels, prediction.scores, title), time_s)
    return out
