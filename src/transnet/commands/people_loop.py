"""``transnet live --people``: what each person does, as lines, JSON, and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from transnet.commands.live_pictures import LivePictures
from transnet.commands.output import print_json
from transnet.config import StreamConfig
from transnet.data.video.frames import Pixels
from transnet.data.video.sources import FrameSource
from transnet.inference.label_events import LabelEvents
from transnet.inference.people import PeopleSession, PersonPrediction, with_scores
from transnet.inference.prediction import UNKNOWN
from transnet.reports.overlays import draw_boxes
from transnet.utils.progress import say


@dataclass(frozen=True)
class LivePerson(PersonPrediction):
    """A person in a frame of a stream.

    Attributes:
        event: what the person does, by the settings of events; ``unknown`` if it is no class.
        event_scores: the smoothed probability of each class of the event, 0..1.
    """

    event: str = UNKNOWN
    event_scores: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The person as JSON values; with a prediction, also the event."""
        return super().to_dict() | ({"event": self.event} if self.prediction else {})

    @property
    def answer(self) -> str:
        """The labels of the event with their scores, in words; ``unknown`` if it is no class."""
        return with_scores(self.event_scores)


People = Sequence[LivePerson]


class PeopleLines:
    """A line of text whenever the label of a person changes."""

    def __init__(self) -> None:
        self._labels: dict[int, str] = {}

    def people(self, people: People, time_s: float) -> None:
        """Print those whose label has changed."""
        tracks = {person.track for person in people}
        self._labels = {key: label for key, label in self._labels.items() if key in tracks}
        for person in people:
            if person.prediction is None:
                continue
            before = self._labels.get(person.track, UNKNOWN)
            self._labels[person.track] = person.event
            if before != person.event:
                say(f"{time_s:.1f} s  {person}", standard_output=True)

    def summary(self, values: dict[str, Any]) -> None:
        """Print the figures at the end on standard error."""
        say(
            f"{values['people']} people, {values['windows']} windows; {values['dropped']} frames "
            "dropped"
        )
        if not values["people"]:
            say("nobody was found who could be followed")


class PeopleJsonLines(PeopleLines):
    """JSON lines of kind person and summary."""

    def people(self, people: People, time_s: float) -> None:
        """Print each."""
        for person in people:
            print_json({"kind": "person", "time_s": time_s, **person.to_dict()})

    def summary(self, values: dict[str, Any]) -> None:
        """Print the figures at the end."""
        print_json({"kind": "summary", **values})


class PeopleLoop:
    """Follows the people of a source, prints what they do, and shows every frame.

    Args:
        session: follows and classifies.
        frames: the opened source.
        config: what counts as an event.
        lines: prints what people do.
        pictures: shows the frames.

    Attributes:
        num_windows: windows that were classified.
    """

    def __init__(
        self,
        session: PeopleSession,
        frames: FrameSource,
        config: StreamConfig,
        lines: PeopleLines,
        pictures: LivePictures[People],
    ) -> None:
        self._session, self._frames, self._config = session, frames, config
        self._lines, self._pictures = lines, pictures
        self._events: dict[int, LabelEvents] = {}
        self._num_people = 0
        self.num_windows = 0

    def run(self, bar: Any) -> None:
        """Follow the people of every frame, until the source ends or the window is closed."""
        shown: People = ()
        last_track = 0
        for frame, found in self._session.watch(self._frames):
            if frame.is_first:
                shown, last_track, self._events = (), 0, {}
            if found is not None:
                shown = people = self._with_events(found)
                self.num_windows += sum(person.prediction is not None for person in people)
                newest = max((person.track for person in people), default=0)
                self._num_people += len([p for p in people if p.track > last_track])
                last_track = max(last_track, newest)
                self._lines.people(people, frame.time_s)
                bar.update(1)
            if not self._pictures.show(frame.picture, frame.time_s, shown):
                return

    def _with_events(self, people: Sequence[PersonPrediction]) -> People:
        """The people of a frame, each with the event so far; those who are gone are forgotten."""
        known = self._events
        self._events = {p.track: known.get(p.track) or LabelEvents(self._config) for p in people}
        found = []
        for person in people:
            events = self._events[person.track]
            if person.prediction is not None:
                events.update(person.prediction)
            scores = {label: events.scores[label] for label in events.labels}
            found.append(LivePerson(**vars(person), event=events.label, event_scores=scores))
        return found

    def summarize(self) -> None:
        """Print how many people and windows there were."""
        values = {
            "people": self._num_people,
            "windows": self.num_windows,
            "dropped": self._frames.dropped,
        }
        self._lines.summary(values)


def drawn(pixels: Pixels, people: Sequence[PersonPrediction], scale: int) -> Pixels:
    """A frame with the box, track, label and score of each person.

    Args:
        pixels: uint8 RGB ``(H, W, 3)``.
        people: who is in it.
        scale: how many times larger the frame is than the one in which they were found.
    """
    boxes = [(p.box.scaled(scale), str(p)) for p in people]
    return draw_boxes(pixels, boxes)
