"""The timelines of people as text, JSON, CSV, and an HTML page."""

from __future__ import annotations

import csv
import io
import json

from transnet.config import TimelineFormat
from transnet.data.labels import printable
from transnet.errors import TransNetError
from transnet.inference.people import rounded
from transnet.inference.people_timeline import PeopleTimeline, PersonTimeline
from transnet.inference.timeline_page import Lane, timeline_page


def format_people(timeline: PeopleTimeline, form: TimelineFormat) -> str:
    """The text of the timelines of people in one of the formats.

    ``json`` and ``csv`` hold all segments, the others only those with a class.
    """
    require_people_format(form)
    return _WRITERS[form](timeline)


def require_people_format(form: TimelineFormat | None) -> None:
    """Refuse a format that holds one action at a time.

    Raises:
        TransNetError: it is one.
    """
    if form is not None and form not in _WRITERS:
        raise TransNetError(f"format is {form!r}; accepted for people: {', '.join(_WRITERS)}.")


def _text(timeline: PeopleTimeline) -> str:
    lines = [printable(timeline.path)]
    for person in timeline.people:
        lines.append(f"  {_title(person)}")
        lines += [f"    {printable(str(segment))}" for segment, _ in person.known()]
        if not person.segments:
            lines.append("    seen for less than a window")
        elif not person.known():
            lines.append("    no known class")
    return "\n".join(lines if timeline.people else [*lines, "  nobody was found"]) + "\n"


def _json(timeline: PeopleTimeline) -> str:
    values = {
        "path": timeline.path,
        "people": [person.to_dict() for person in timeline.people],
        **({"damage": timeline.damage} if timeline.damage else {}),
    }
    return json.dumps(values) + "\n"


def _csv(timeline: PeopleTimeline) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    edges = ["left", "top", "right", "bottom"]
    rows.writerow(["path", "track", "label", "start_s", "end_s", "score", *edges])
    for person in timeline.people:
        for part, box in zip(person.segments, person.boxes, strict=True):
            times = [f"{part.start_s:.3f}", f"{part.end_s:.3f}", f"{part.score:.4f}"]
            rows.writerow([timeline.path, person.track, part.label, *times, *rounded(box)])
    return text.getvalue()


def _html(timeline: PeopleTimeline) -> str:
    lanes = [
        Lane(
            _title(person),
            tuple(
                (part, picture)
                for part, picture in zip(person.segments, person.thumbnails, strict=True)
                if part.is_known
            ),
        )
        for person in timeline.people
    ]
    start_s = min((person.start_s for person in timeline.people), default=0.0)
    end_s = max((person.end_s for person in timeline.people), default=0.0)
    return timeline_page(timeline.path, lanes, (start_s, end_s), timeline.damage)


def _title(person: PersonTimeline) -> str:
    return f"person {person.track}, {person.start_s:.1f} - {person.end_s:.1f} s"


_WRITERS = {"text": _text, "json": _json, "csv": _csv, "html": _html}
