"""The timelines of the people of a video: what each does, when and where."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from transnet.config import StreamConfig
from transnet.data.people.boxes import Box, around
from transnet.data.people.following import FindPeople
from transnet.data.video.sources import open_source
from transnet.errors import TransNetError
from transnet.inference.events import EventDetector
from transnet.inference.people import PeopleSession, PersonPrediction, rounded
from transnet.inference.prediction import UNKNOWN, Segment
from transnet.inference.recognizer import Recognizer
from transnet.inference.stream import window_step_s
from transnet.inference.timeline import SegmentPictures, errors_of
from transnet.utils.progress import progress_bar

_TOUCHING_S = 1e-6


@dataclass(frozen=True)
class PersonTimeline:
    """What one person of a video does.

    Attributes:
        track: the number of the person, from 1.
        segments: consecutive segments without gaps; some are ``unknown``. Empty for a person who
            is seen for less than a window.
        boxes: where the person was in each segment, in pixels of the displayed frame.
        thumbnails: a small picture of each segment, as in
            :class:`~transnet.inference.timeline.Timeline`.
        start_s: when the person was found first, in seconds.
        end_s: when the person was found last.
    """

    track: int
    segments: tuple[Segment, ...]
    boxes: tuple[Box, ...]
    thumbnails: tuple[str, ...]
    start_s: float
    end_s: float

    def known(self) -> list[tuple[Segment, Box]]:
        """The segments with a class, without unknown ones, and where the person was."""
        parts = zip(self.segments, self.boxes, strict=True)
        return [(segment, box) for segment, box in parts if segment.is_known]

    def to_dict(self) -> dict[str, Any]:
        """The person as JSON values; boxes are left, top, right, bottom."""
        parts = zip(self.segments, self.boxes, strict=True)
        return {
            "track": self.track,
            "start_s": self.start_s,
            "end_s": self.end_s,
            "segments": [{**part.to_dict(), "box": rounded(box)} for part, box in parts],
        }


@dataclass(frozen=True)
class PeopleTimeline:
    """What the people of a video do.

    Attributes:
        path: the video.
        people: everyone who was followed, in order of track numbers.
        damage: what is wrong with the file, if only its intact frames were used.
    """

    path: str
    people: tuple[PersonTimeline, ...]
    damage: str = ""

    def known(self) -> list[Segment]:
        """The segments of all people with a class."""
        return [segment for person in self.people for segment, _ in person.known()]


def find_people_segments(
    recognizer: Recognizer,
    path: str | Path,
    find: FindPeople,
    config: StreamConfig = StreamConfig(),
) -> PeopleTimeline:
    """Find the segments of each person of a video of any length.

    Each frame is decoded once; memory is bounded for each person, except for a few kilobytes per
    segment.

    Args:
        recognizer: the recognizer.
        path: the video file.
        find: where people are; see :func:`~transnet.inference.finders.find_people`.
        config: the step of the window, which frames are classified, and what counts as an event.

    Raises:
        VideoError: the file is no video, or the region reaches beyond its picture.
        TransNetError: the run answers several labels at once.

    Example:
        >>> recognizer = transnet.load("runs/mine")
        >>> finder = transnet.find_people(segmenter="runs/shape")
        >>> timeline = find_people_segments(recognizer, "clip.mp4", finder)
        >>> all(0 <= person.start_s <= person.end_s for person in timeline.people)
        True
    """
    if recognizer.thresholds:
        raise TransNetError(
            "the run answers several labels at once, and the timeline of a person has one at a "
            "time; accepted: a timeline of the whole picture, or clips of each person."
        )
    watched = replace(config, every_s="step") if config.every_s is None else config
    session = PeopleSession(recognizer, find, watched, name=str(path))
    step_s = window_step_s(recognizer.info, config)
    here: dict[int, _Person] = {}
    gone: list[PersonTimeline] = []
    with (
        errors_of(path),
        open_source(os.path.abspath(path)) as frames,
        progress_bar(Path(path).name, None, "frames") as bar,
    ):
        for frame, people in session.watch(frames):
            bar.update(1)
            if people is None:
                continue
            for person in people:
                if person.track not in here:
                    here[person.track] = _Person(person.track, config, step_s, session.span_s)
                here[person.track].see(person, frame.time_s)
            left = here.keys() - {person.track for person in people}
            gone += [here.pop(track).finish() for track in left]
        damage = frames.damage
    gone += [person.finish() for person in here.values()]
    return PeopleTimeline(str(path), tuple(sorted(gone, key=lambda one: one.track)), damage)


@dataclass(eq=False)
class _Person:
    """The timeline of a person who is still followed."""

    track: int
    config: StreamConfig
    step_s: float
    span_s: float
    places: deque[tuple[float, Box]] = field(default_factory=deque)
    segments: list[Segment] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    thumbnails: list[str] = field(default_factory=list)
    start_s: float = -1.0
    end_s: float = 0.0

    def __post_init__(self) -> None:
        self._events = EventDetector(self.config)
        self._pictures = SegmentPictures(self.step_s, self.span_s)

    def see(self, person: PersonPrediction, time_s: float) -> None:
        """See the person once more."""
        self.start_s = time_s if self.start_s < 0 else self.start_s
        self.end_s = time_s
        self.places.append((time_s, person.box))
        self._settle(time_s - (self.span_s + self.config.min_s + 1.0))
        if person.pixels is not None:
            self._pictures.see(person.pixels, time_s)
        if (found := person.prediction) is not None:
            self._add(self._events.update(found))
            label = self._events.label
            if label != UNKNOWN:
                moment_s = (found.start_s + found.end_s) / 2
                self._pictures.consider(moment_s, label, self._events.scores[label])

    def finish(self) -> PersonTimeline:
        """The timeline of a person who is gone."""
        self._add(self._events.finish())
        parts = (tuple(self.segments), tuple(self.boxes), tuple(self.thumbnails))
        return PersonTimeline(self.track, *parts, self.start_s, self.end_s)

    def _settle(self, settled_s: float) -> None:
        """Make one place of those between which no segment can end, so that memory is bounded.

        Ends that are not known yet lie after ``settled_s``, since a window is no longer.
        """
        ends_s = self._events.possible_ends_s
        kept: deque[tuple[float, Box]] = deque()
        for time_s, box in self.places:
            if kept and time_s <= settled_s:
                earlier_s, earlier = kept[-1]
                if not any(earlier_s <= end_s + _TOUCHING_S < time_s for end_s in ends_s):
                    kept.pop()
                    box = around([earlier, box])
            kept.append((time_s, box))
        self.places = kept

    def _add(self, segment: Segment | None) -> None:
        if segment is None:
            return
        self.segments.append(segment)
        inside = [box for time_s, box in self.places if time_s <= segment.end_s + _TOUCHING_S]
        self.boxes.append(around(inside or [self.places[0][1]]))  # shorter than a frame: the next
        self.thumbnails.append(self._pictures.take(segment.label))
        while self.places and self.places[0][0] < segment.end_s:
            self.places.popleft()
