"""``transnet live --people``: a line and a box for each person."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from transnet.commands.output import print_json
from transnet.data.video.frames import FrameConverter
from transnet.data.video.sources import FrameSource
from transnet.data.video.writer import VideoWriter
from transnet.inference.people import PeopleSession, PersonPrediction
from transnet.reports.overlays import draw_boxes
from transnet.utils.progress import say


class PeopleLoop:
    """Follows the people of a source and says what each does.

    Args:
        session: follows and classifies.
        frames: the opened source.
        json: print a JSON line of kind person for each person and frame, instead of a line of text
            whenever the label of a person changes.
        out: write the stream with the boxes on it to this video.
        stack: closes the video.

    Attributes:
        num_windows: windows that were classified.
    """

    def __init__(
        self,
        session: PeopleSession,
        frames: FrameSource,
        *,
        json: bool,
        out: str | None,
        stack: ExitStack,
    ) -> None:
        self._session, self._frames, self._json = session, frames, json
        self._writer = stack.enter_context(VideoWriter(out)) if out else None
        self._convert = FrameConverter()
        self._labels: dict[int, str] = {}
        self.num_windows = 0

    def run(self, bar: Any) -> None:
        """Follow the people of every frame, until the source ends."""
        people: Sequence[PersonPrediction] = ()
        for frame in self._frames:
            if frame.is_first:
                self._session.reset()
                self._labels, people = {}, ()
            if frame.due:
                people = self._session.push(frame.picture, frame.time_s)
                self._tell(people, frame.time_s)
                bar.update(1)
            if self._writer:
                boxes = [(person.box, _title(person)) for person in people]
                self._writer.write(draw_boxes(self._convert(frame.picture), boxes), frame.time_s)

    def _tell(self, people: Sequence[PersonPrediction], time_s: float) -> None:
        before, self._labels = self._labels, {}
        for person in people:
            found = person.prediction
            self.num_windows += found is not None
            if self._json:
                print_json({"kind": "person", "time_s": time_s, **person.to_dict()})
            elif found is not None:
                self._labels[person.track] = found.label
                if before.get(person.track) != found.label:
                    say(f"{time_s:.1f} s  {_title(person)}", standard_output=True)

    def summarize(self) -> None:
        """Say how many windows were classified and how many frames were dropped."""
        values = {"windows": self.num_windows, "dropped": self._frames.dropped}
        if self._json:
            print_json({"kind": "summary", **values})
        else:
            say(f"{self.num_windows} windows of people; {self._frames.dropped} frames dropped")


def _title(person: PersonPrediction) -> str:
    found = person.prediction
    return f"{person.track}: {found.label} {found.score:.0%}" if found else f"{person.track}"
