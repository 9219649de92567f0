"""CVAT's XML 1.1, for video (tracks) and for images (tags and shapes of the frames of a video).

https://docs.cvat.ai/docs/manual/advanced/xml_format/
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.etree.ElementTree import Element

from transnet.data.annotations.annotation import Annotation
from transnet.data.annotations.reading import ACTION_NAMES, Reading
from transnet.errors import TransNetError

_FRAME_NAME = re.compile(r"(?:.*/)?frame_(\d{1,9})(?:\.\w+)?", re.IGNORECASE)
_SHAPES = ("box", "polygon", "polyline", "points", "cuboid", "ellipse", "mask", "skeleton")


@dataclass(frozen=True)
class _Task:
    """A task: a video whose frames were annotated.

    Attributes:
        video: its name.
        first: the first annotated frame.
        step: from one annotated frame to the next.
    """

    video: str
    first: int
    step: int


def read_cvat(root: Element) -> Reading:
    """Read tracks and tags; the action is an attribute named ``action``, else the label.

    A track shows its action from a visible shape to the next one that is ``outside``.
    """
    tasks = _tasks(root)
    found = [
        *(one for track in root.iter("track") for one in _track(track, tasks)),
        *_images(root, tasks),
    ]
    return found, []


def _tasks(root: Element) -> dict[str, _Task]:
    """The tasks by id; the only one by the empty string as well."""
    tasks = {}
    for node in [*root.iterfind("meta/task"), *root.iterfind("meta/project/tasks/task"),
                 *root.iterfind("meta/job")]:  # fmt: skip
        source = node.findtext("source") or root.findtext("meta/source") or ""
        step = (node.findtext("frame_filter") or "").replace(" ", "").removeprefix("step=")
        first = int(node.findtext("start_frame") or 0)
        name = source or node.findtext("name") or ""
        task = _Task(name, first, max(1, int(step or 1)))
        tasks[node.findtext("id") or ""] = task
    if not tasks:
        raise ValueError("it has no task in its meta element")
    tasks.setdefault("", next(iter(tasks.values())))
    return tasks


def _action(node: Element, label: str) -> str:
    """The value of an attribute that names the action, or the label."""
    values = {
        (attribute.get("name") or "").casefold(): (attribute.text or "").strip()
        for attribute in node.iterfind("attribute")
    }
    named = next((values[name] for name in ACTION_NAMES if values.get(name)), "")
    return label if named in ("", "__undefined__") else named


def _track(track: Element, tasks: dict[str, _Task]) -> Iterator[Annotation]:
    task = tasks.get(track.get("task_id", ""), tasks[""])
    label = track.get("label", "")
    shapes = sorted(
        (node for node in track if node.tag in _SHAPES), key=lambda node: int(node.get("frame", 0))
    )
    # Label and first frame of the open segment; each shape may continue it, change it, or end it.
    shown, start = "", 0
    end = 0
    for node in shapes:
        frame = int(node.get("frame", 0))
        action = "" if node.get("outside") == "1" else _action(node, label)
        if action != shown:
            if shown:
                yield Annotation(Path(task.video), shown, task.video, start, frame)
            shown, start = action, frame
        end = frame + task.step
    if shown:
        yield Annotation(Path(task.video), shown, task.video, start, end)


def _images(root: Element, tasks: dict[str, _Task]) -> Iterator[Annotation]:
    """Frames in a row that show the same action, in the images of a video task."""
    frames: dict[tuple[str, str], set[int]] = defaultdict(set)
    for image in root.iter("image"):
        labels = {
            _action(node, node.get("label", ""))
            for node in image
            if node.tag == "tag" or node.tag in _SHAPES
        }
        if labels:
            task_id = image.get("task_id", "")
            for label in labels:
                frames[task_id, label].add(_number(image, tasks.get(task_id, tasks[""])))
    for (task_id, label), numbers in frames.items():
        task = tasks.get(task_id, tasks[""])
        if not Path(task.video).suffix:
            raise TransNetError(
                f"the CVAT task {task.video!r} annotates pictures, not a video; accepted: tasks of "
                "a video, exported as 'CVAT for video 1.1' or 'CVAT for images 1.1'."
            )
        ordered = sorted(numbers)
        start = ordered[0]
        for before, after in pairwise([*ordered, ordered[-1] + 2 * task.step]):
            if after != before + task.step:
                yield Annotation(Path(task.video), label, task.video, start, before + task.step)
                start = after


def _number(image: Element, task: _Task) -> int:
    """The frame that an image is, which its name holds: ``frame_000012``."""
    named = _FRAME_NAME.fullmatch(image.get("name", ""))
    return int(named[1]) if named else task.first + int(image.get("id", 0)) * task.step
