"""The timeline of a long video: its segments and their classes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from transnet.config import StreamConfig
from transnet.data.video.frames import Pixels
from transnet.data.video.pacing import FramePacer
from transnet.data.video.reader import VideoFile
from transnet.errors import TransNetError, VideoError
from transnet.inference.label_events import LabelEvents
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
        segments: consecutive segments without gaps, some of them ``unknown``; with several labels
            at once, those of each class, which may overlap, in order of their start.
        thumbnails: a small picture of each segment, at its highest score, as a data URL; empty
            for unknown segments.
        damage: what is wrong with the file, if only its intact frames were used.
        span_s: presentation times of the first and the last processed frame, in seconds; by
            default those of the segments.
    """

    path: str
    segments: tuple[Segment, ...]
    thumbnails: tuple[str, ...]
    damage: str = ""
    span_s: tuple[float, float] | None = None

    @property
    def start_s(self) -> float:
        """Presentation time of the first processed frame, in seconds."""
        return self.span_s[0] if self.span_s else self.segments[0].start_s

    @property
    def end_s(self) -> float:
        """Presentation time of the last processed frame, in seconds."""
        return self.span_s[1] if self.span_s else self.segments[-1].end_s

    @property
    def overlaps(self) -> bool:
        """Whether segments overlap, as those of several labels at once may."""
        return any(later.start_s < one.end_s for one, later in pairwise(self.segments))

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
        VideoError: the file is no video, or shorter than one window, or the region reaches beyond
            its picture.

    Example:
        >>> recognizer = transnet.load("runs/mine")
        >>> timeline = find_segments(recognizer, "clip.mp4", StreamConfig(step_s=0.2))
        >>> timeline.segments[0].start_s
        0.0
    """
    step_s = window_step_s(recognizer.info, config)
    watched = replace(config, every_s="step") if config.every_s is None else config
    session = recognizer.stream_session(watched, name=str(path))
    events, pictures = LabelEvents(config), SegmentPictures(step_s, session.span_s)
    found: list[tuple[Segment, str]] = []

    def add(segments: list[Segment]) -> None:
        found.extend((segment, pictures.take(segment.label)) for segment in segments)

    first_s, time_s, num_windows = None, 0.0, 0
    with (
        errors_of(path),
        VideoFile(path) as video,
        progress_bar(Path(path).name, round(video.declared_s or 0) or None, "s") as bar,
    ):
        for picture, time_s in video.timed_frames():
            first_s = time_s if first_s is None else first_s
            prediction = session.push(picture, time_s)
            pictures.see(session.seen, time_s)
            if prediction is not None:
                num_windows += 1
                add(events.update(prediction))
                middle_s = (prediction.start_s + prediction.end_s) / 2
                for label in events.labels:
                    pictures.consider(middle_s, label, events.scores[label])
            bar.update(int(time_s - first_s) - bar.n)
        add(events.finish())
    if not num_windows:
        raise VideoError(
            path,
            f"lasts {time_s - (first_s or 0.0):.1f} s, less than a window of {session.span_s:.1f} "
            "s; predict it without --timeline, or set a smaller --step-s.",
        )
    damage = video.damage(reached_end=True)
    found.sort(key=lambda pair: pair[0].start_s)
    segments = tuple(segment for segment, _ in found)
    thumbnails = tuple(picture for _, picture in found)
    span_s = (first_s or 0.0, time_s) if recognizer.thresholds else None
    return Timeline(str(path), segments, thumbnails, damage, span_s)


@contextmanager
def errors_of(video: str | Path) -> Iterator[None]:
    """Raise what its frames are refused for, such as a region beyond them, as a VideoError."""
    try:
        yield
    except VideoError:
        raise
    except TransNetError as error:
        raise VideoError(video, str(error)) from error


class SegmentPictures:
    """Keeps the picture of each open segment at its highest score, half a window in the past."""

    def __init__(self, step_s: float, span_s: float) -> None:
        self._pacer = FramePacer(step_s)
        self._recent: deque[tuple[float, Pixels]] = deque(maxlen=2 + round(span_s / 2 / step_s))
        self._best: dict[str, tuple[float, Pixels]] = {}

    def see(self, pixels: Pixels, time_s: float) -> None:
        """See the network's input at a time."""
        if self._pacer.is_due(time_s):
            self._recent.append((time_s, pixels))

    def consider(self, moment_s: float, label: str, score: float) -> None:
        """Keep the picture of a moment if its score is the highest of the segment of a label."""
        if label not in self._best or score > self._best[label][0]:
            nearest = min(self._recent, key=lambda seen: abs(seen[0] - moment_s))
            self._best[label] = (score, nearest[1])

    def take(self, label: str) -> str:
        """The picture that was kept, as a data URL, at the end of a segment."""
        best = self._best.pop(label, None)
        return picture_address(best[1]) if best else ""
