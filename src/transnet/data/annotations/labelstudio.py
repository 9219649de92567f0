"""Label Studio's exports JSON and JSON-MIN: timeline labels, regions in seconds, and choices.

https://labelstud.io/guide/export and https://labelstud.io/tags/timelinelabels
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from transnet.data.annotations.annotation import Annotation
from transnet.data.annotations.reading import Reading
from transnet.data.labels import SEPARATOR
from transnet.data.video.reader import VIDEO_SUFFIXES

_LABELS = ("timelinelabels", "labels", "choices", "taxonomy")


def is_label_studio(tasks: Any) -> bool:
    """Whether JSON values are an export of Label Studio."""
    if not isinstance(tasks, list) or not tasks or not isinstance(tasks[0], dict):
        return False
    first = tasks[0]
    if isinstance(first.get("data"), dict):
        return True
    return "annotation_id" in first or ("id" in first and "annotator" in first)


def read_label_studio(tasks: Sequence[Mapping[str, Any]]) -> Reading:
    """Read the tasks of an export; of several annotations of a task, the first is used.

    Frame ranges count from 1, with an inclusive end. A task without annotations is read from its
    predictions.
    """
    found: list[Annotation] = []
    several = predicted = 0
    for task in tasks:
        if "data" not in task:
            found += _minimal(task)
            continue
        video = _video(task["data"])
        done = [one for one in task.get("annotations") or task.get("completions") or ()
                if not one.get("was_cancelled")]  # fmt: skip
        done.sort(key=lambda one: not one.get("ground_truth"))
        several += len(done) > 1
        if not done:
            done = list(task.get("predictions") or ())
            predicted += bool(done)
        for result in done[0]["result"] if done else ():
            found += _result(video, result.get("value", {}))
    notes = []
    if several:
        notes.append(f"{several} tasks have several annotations; the first of each is used.")
    if predicted:
        notes.append(f"{predicted} tasks have predictions only, which are used as they are.")
    return found, notes


def _video(data: Mapping[str, Any]) -> str:
    named = [value for value in data.values() if isinstance(value, str)]
    for value in named:
        if any(suffix in value.lower() for suffix in VIDEO_SUFFIXES):
            return value
    return str(data["video"]) if "video" in data else named[0]


def _result(video: str, value: Mapping[str, Any]) -> Iterator[Annotation]:
    key = next((key for key in _LABELS if value.get(key)), None)
    if key is None:
        return
    names = value[key]
    names = [name[-1] if isinstance(name, list) else name for name in names]
    label = SEPARATOR.join(str(name) for name in names)
    if "ranges" in value:
        for limits in value["ranges"]:
            start, end = max(0, int(limits["start"]) - 1), int(limits["end"])
            yield Annotation(Path(video), label, video, start, end)
    elif "start" in value and "end" in value:
        start_s, end_s = float(value["start"]), float(value["end"])
        yield Annotation(Path(video), label, video, start_s=start_s, end_s=end_s)
    elif key in ("choices", "taxonomy"):
        yield Annotation(Path(video), label, video)


def _minimal(task: Mapping[str, Any]) -> Iterator[Annotation]:
    """A task of JSON-MIN: fields of the data and of the results side by side."""
    video = _video(task)
    for key, value in task.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for one in value:
                yield from _result(video, one)
        elif isinstance(value, dict) and value.get("choices"):
            yield from _result(video, value)
        elif key in ("choice", "choices", "label", "action", "class") and isinstance(value, str):
            yield from _result(video, {"choices": [value]})
