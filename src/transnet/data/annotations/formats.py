"""Annotation files of known formats, recognized by their content."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from transnet.data.annotations.activitynet import read_activitynet
from transnet.data.annotations.annotation import Annotation
from transnet.data.annotations.createml import is_create_ml, read_create_ml, read_create_ml_csv
from transnet.data.annotations.cvat import read_cvat
from transnet.data.annotations.elan import read_elan
from transnet.data.annotations.kinetics import read_kinetics
from transnet.data.annotations.labelstudio import is_label_studio, read_label_studio
from transnet.data.annotations.reading import Reading
from transnet.data.annotations.something import is_something, read_something
from transnet.data.annotations.tables import Table, open_text, read_text
from transnet.data.annotations.via import is_via_csv, read_via, read_via_csv
from transnet.data.annotations.videos import VideoFinder
from transnet.data.annotations.zipped import unzipped
from transnet.errors import TransNetError

MAX_NAMED = 5
SUFFIXES = frozenset({".eaf", ".xml", ".json", ".zip"})
"""Endings of annotation files, to find them in a folder."""

ACCEPTED = "CVAT, Label Studio, ELAN, VIA 3, Create ML, ActivityNet, Something-Something"


@dataclass(frozen=True)
class AnnotationFile:
    """What an annotation file holds.

    Attributes:
        form: the name of its format.
        annotations: labeled videos and segments, in frames or seconds.
        notes: what a user should know, as missing videos.
    """

    form: str
    annotations: list[Annotation]
    notes: list[str]


def read_annotation_file(path: Path) -> AnnotationFile | None:
    """Read a file in one of the annotation formats; ``None`` if it has none of them.

    A zip file is read as the annotation file in it. Videos are found by their path relative to the
    file, or by file name below its folder.

    Raises:
        TransNetError: the file is damaged, of no known format, or none of its videos is found.
    """
    finder = VideoFinder(path.parent)
    if zipfile.is_zipfile(path):
        with unzipped(path) as inner:
            return _read(inner, finder, named=path)
    return _read(path, finder, named=path)


def _read(path: Path, finder: VideoFinder, *, named: Path) -> AnnotationFile | None:
    """Read a file; ``named`` is what the user knows of it."""
    recognized = _recognize(path, finder)
    if recognized is None:
        return None
    form, read = recognized
    try:
        annotations, notes = read()
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, StopIteration,
            RuntimeError) as error:  # fmt: skip
        raise TransNetError(
            f"{path} looks like a file of {form}, but cannot be read: "
            f"{type(error).__name__}: {error}. Export it again."
        ) from error
    found, missing = _with_videos(named, annotations, finder)
    return AnnotationFile(form, found, [*notes, *missing])


def _recognize(path: Path, finder: VideoFinder) -> tuple[str, Callable[[], Reading]] | None:
    """The format of a file, and what reads it."""
    try:
        with open_text(path) as file:
            start = file.read(4096)
    except (OSError, UnicodeError) as error:
        raise TransNetError(f"{path} cannot be read: {error}.") from error
    first = start.lstrip("\ufeff \t\r\n")[:1]
    if first == "<":
        return _of_xml(path, finder)
    if first and first in "[{" and path.suffix.lower() != ".jsonl":
        return _of_json(path)
    if start.startswith("#") and is_via_csv(start + (read_text(path) if len(start) > 4000 else "")):
        return "VIA 3", lambda: read_via_csv(read_text(path))
    table = Table.open(path, ["label", "youtube_id", "url", "video"])
    if "youtube_id" in table.columns:
        return "Kinetics", lambda: read_kinetics(table, finder)
    if is_create_ml(table.columns):
        return "Create ML", lambda: read_create_ml_csv(table)
    return None


def _of_xml(path: Path, finder: VideoFinder) -> tuple[str, Callable[[], Reading]]:
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError, ValueError, LookupError) as error:
        raise TransNetError(f"{path} is no valid XML ({error}); export it again.") from error
    if root.tag == "annotations" and root.find("meta") is not None:
        return "CVAT", lambda: read_cvat(root)
    if root.tag == "ANNOTATION_DOCUMENT":
        return "ELAN", lambda: read_elan(root, finder)
    raise TransNetError(
        f"{path} is XML with the root <{root.tag[:40]}>; accepted: annotations of {ACCEPTED}."
    )


def _of_json(path: Path) -> tuple[str, Callable[[], Reading]]:
    try:
        content: Any = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise TransNetError(f"{path} is no valid JSON ({error}); export it again.") from error
    if isinstance(content, dict) and isinstance(content.get("data"), dict):
        content = [content]  # a single task of Label Studio
    if isinstance(content, dict):
        if isinstance(content.get("database"), dict):
            return "ActivityNet", lambda: read_activitynet(content)
        if {"metadata", "file", "view"} <= content.keys():
            return "VIA 3", lambda: read_via(content)
    if is_label_studio(content):
        return "Label Studio", lambda: read_label_studio(content)
    if is_something(content):
        return "Something-Something", lambda: read_something(path)
    first = content[0] if isinstance(content, list) and content else None
    if isinstance(first, dict) and is_create_ml(first):
        return "Create ML", lambda: read_create_ml(content)
    raise TransNetError(f"{path} is JSON of no known form; accepted: annotations of {ACCEPTED}.")


def _with_videos(
    path: Path, annotations: list[Annotation], finder: VideoFinder
) -> tuple[list[Annotation], list[str]]:
    """The annotations whose videos are on disk, and a note on the others."""
    places = {
        video: finder.find(str(video))
        for video in dict.fromkeys(annotation.video for annotation in annotations)
    }
    found = []
    for annotation in annotations:
        place = places[annotation.video]
        if place is not None:
            where = annotation.where or f"{path}, {annotation.video}"
            found.append(replace(annotation, video=place, where=where))
    missing = [str(video) for video, place in places.items() if place is None]
    if not missing:
        return found, []
    more = f" and {len(missing) - MAX_NAMED} more" if len(missing) > MAX_NAMED else ""
    shown = f"{', '.join(missing[:MAX_NAMED])}{more}"
    if not found:
        raise TransNetError(
            f"none of the {len(missing)} videos of {path} was found: {shown}. They are searched by "
            f"their path and by their file name below {path.parent}; put them there."
        )
    return found, [
        f"{len(missing)} of {len(places)} videos of {path.name} are missing: {shown}. They are "
        f"searched by their path and by their file name below {path.parent}."
    ]
