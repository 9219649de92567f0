"""The timeline of a long video: its segments and their classes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

from transnet.config import StreamConfig
from transnet.data.video.frames import Pixels
from transnet.data.video.pacing import FramePacer
from transnet.data.video.reader import VideoFile
from transnet.errors import VideoError
from transnet.inference.events import EventDetector
from transnet.inference.prediction import Segment
from transnet.inference.recognizer import Recognizer
from transnet.inference.stream import window_step_s
from transnet.reports.page import picture_address
from transnet.utils.progress import progress_bar


@dataclass(frozen=True)
class Timeline:
    """The segments of a video.

    Attributes:
        path: the video.
        segments: consecutive segments without gaps; some are ``unknown``.
        thumbnails: a small picture of each segment, at its highest score, as a data URL; empty
            for unknown segments.
        damage: what is wrong with the file, if only its intact frames were used.
    """

    path: str
    segments: tuple[Segment, ...]
    thumbnails: tuple[str, ...]
    damage: str = ""

    @property
    def end_s(self) -> float:
        """Presentation time of the last processed frame, in seconds."""
        return self.segments[-1].end_s

    def known(self) -> list[Segment]:
        """The segments with a class, without unknown ones."""
        return [segment for segment in self.segments if segment.is_known]


def find_segments(
    recognizer: Recognizer, path: str | Path, config: StreamConfig = StreamConfig()
) -> Timeline:
    """Find the segments of a video of any length; each frame is decoded and encoded once.

    Memory is independent of the length, except for a few kilobytes per segment.

    Args:
        recognizer: the recognizer.
        path: the video file.
        config: the step of the window, which frames are processed, and what counts as an event.

    Raises:
        VideoError: the file is no video, or shorter than one window.

    Example:
        >>> recognizer = transnet.load("runs/mine")
        >>> timeline = find_segments(recognizer, "clip.mp4", StreamConfig(step_s=0.2))
        >>> timeline.segments[0].start_s
        0.0
    """
    step_s = window_step_s(recognizer.info, config)
    watched = replace(config, every_s="step") if config.every_s is None else config
    session = recognizer.stream_session(watched, name=str(path))
    events, pictures = EventDetector(config), SegmentPictures(step_s, session.span_s)
    segments: list[Segment] = []
    thumbnails: list[str] = []

    def add(segment: Segment | None) -> None:
        if segment is not None:
            segments.append(segment)
            thumbnails.append(pictures.take())

    first_s, time_s = None, 0.0
    with (
        VideoFile(path) as video,
        progress_bar(Path(path).name, round(video.declared_s or 0) or None, "s") as bar,
    ):
        for picture, time_s in video.timed_frames():
            first_s = time_s if first_s is None else first_s
            prediction = session.push(picture, time_s)
            pictures.see(session.seen, time_s)
            if prediction is not None:
                add(events.update(prediction))
                middle_s = (prediction.start_s + prediction.end_s) / 2
                pictures.consider(middle_s, events.scores.get(events.label, 0.0))
            bar.update(int(time_s - first_s) - bar.n)
        add(events.finish())
    if not segments:
        raise VideoError(
            path,
            f"lasts {time_s - (first_s or 0.0):.1f} s, less than a window of {session.span_s:.1f} "
            "s; predict it without --timeline, or set a smaller --step-s.",
        )
    damage = video.damage(reached_end=True)
    return Timeline(str(path), tuple(segments), tuple(thumbnails), damage)


class SegmentPictures:
    """Keeps the picture of a segment at its highest score, half a window in the past."""

    def __init__(self, step_s: float, span_s: float) -> None:
        self._pacer = FramePacer(step_s)
        self._recent: deque[tuple[float, Pixels]] = deque(maxlen=2 + round(span_s / 2 / step_s))
        self._best: tuple[float, Pixels] | None = None

    def see(self, pixels: Pixels, time_s: float) -> None:
        """See the network's input at a time."""
        if self._pacer.is_due(time_s):
            self._recent.append((time_s, pixels))

    def consider(self, moment_s: float, score: float) -> None:
        """Keep the picture of a moment if its score is the highest of the segment."""
        if score > (self._best[0] if self._best else 0.0):
            nearest = min(self._recent, key=lambda seen: abs(seen[0] - moment_s))
            self._best = (score, nearest[1])

    def take(self) -> str:
        """The picture that was kept, as a data URL, at the end of a segment."""
        best, self._best = self._best, None
        return picture_address(best[1]) if best else ""
