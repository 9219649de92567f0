"""Where timelines are written: standard output, a file, or a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transnet.config import TimelineFormat
from transnet.data.video.reader import VIDEO_SUFFIXES
from transnet.errors import TransNetError
from transnet.inference.people_formats import format_people
from transnet.inference.people_timeline import PeopleTimeline
from transnet.inference.timeline import Timeline
from transnet.inference.timeline_formats import FORMATS, SUFFIXES, format_timeline
from transnet.utils.files import written_whole
from transnet.utils.paths import output_folder
from transnet.utils.progress import say


@dataclass(frozen=True)
class TimelineTarget:
    """Where timelines are written: standard output, a file, or a folder.

    Attributes:
        form: the format.
        file: the file of a single timeline.
        folder: the folder of several timelines; it mirrors the folders of the videos.
        root: the folder that holds all videos.
    """

    form: TimelineFormat
    file: Path | None = None
    folder: Path | None = None
    root: Path = Path()

    @classmethod
    def choose(
        cls, videos: Sequence[str], form: TimelineFormat | None, out: str | None
    ) -> TimelineTarget:
        """The target that the options name.

        Raises:
            TransNetError: the options contradict each other, or the format is missing.
        """
        if out is None:
            return cls(form or "text")
        path = Path(out).expanduser()
        if len(videos) > 1 or path.is_dir():
            if form is None:
                raise TransNetError(
                    f"--out is the folder {out!r} of {len(videos)} timelines; add --format: "
                    f"{', '.join(FORMATS)}."
                )
            output_folder(path)  # now: the first video may take hours
            root = os.path.commonpath([os.path.dirname(os.path.abspath(video)) for video in videos])
            return cls(form, folder=path, root=Path(root))
        suffix = path.suffix.lower().removeprefix(".").replace("txt", "text")
        endings: dict[str, TimelineFormat] = {
            known: known for known in FORMATS if known not in SUFFIXES
        }
        named = "cvat" if suffix == "xml" else endings.get(suffix)
        if form is None and named is None:
            raise TransNetError(
                f"--out is {out!r}; accepted: a name that ends in "
                f".{', .'.join([*endings][1:])}, .xml or .txt, or any name with --format."
            )
        output_folder(path.parent)
        return cls(form or named or "text", file=_with_ending(path, form))

    def put(self, timeline: Timeline | PeopleTimeline) -> None:
        """Print or write one timeline.

        Raises:
            TransNetError: it cannot be written.
        """
        if isinstance(timeline, Timeline):
            text = format_timeline(timeline, self.form)
        else:
            text = format_people(timeline, self.form)
        path = self.file
        if self.folder is not None:
            video = Path(os.path.abspath(timeline.path)).relative_to(self.root)
            # The suffix stays in the name: a.mp4 and a.avi may be in the same folder.
            path = self.folder / f"{video}.{SUFFIXES.get(self.form, self.form)}"
            output_folder(path.parent)
        if path is None:
            print(text, end="", flush=True)
            return
        with written_whole(path) as beside:
            beside.write_text(text, encoding="utf-8", newline="")
        say(f"{len(timeline.known())} segments of {timeline.path} saved to {path}")


def _with_ending(path: Path, form: TimelineFormat | None) -> Path:
    """A name without an ending gets that of the format; so does the name of a video, to keep it.

    What follows the last dot of ``session.3`` or ``2024.05.01`` is no ending.
    """
    ending = path.suffix.lower()
    if form is None or (ending[1:].isalpha() and ending not in VIDEO_SUFFIXES):
        return path
    return path.with_name(f"{path.name}.{'txt' if form == 'text' else SUFFIXES.get(form, form)}")
