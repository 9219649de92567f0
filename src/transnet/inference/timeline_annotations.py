"""Timelines as annotations that a person corrects in ELAN, Label Studio, or CVAT.

:mod:`transnet.data.annotations` reads them back, to the same segments.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

from transnet.data.annotations.seconds import frame_at, frame_times
from transnet.data.labels import printable
from transnet.data.video.frames import FrameConverter
from transnet.data.video.reader import VideoFile
from transnet.errors import VideoError
from transnet.inference.prediction import Segment
from transnet.inference.timeline import Timeline

# The system's table is incomplete, and .ts is a text of a translator there.
MIME_TYPES = {
    **dict.fromkeys((".264", ".h264"), "video/h264"),
    **dict.fromkeys((".265", ".h265", ".hevc"), "video/h265"),
    **dict.fromkeys((".3gp", ".3g2"), "video/3gpp"),
    **dict.fromkeys((".asf", ".wmv"), "video/x-ms-wmv"),
    **dict.fromkeys((".avi", ".divx"), "video/x-msvideo"),
    **dict.fromkeys((".m2t", ".m2ts", ".mts", ".ts"), "video/mp2t"),
    **dict.fromkeys((".m2v", ".mpeg", ".mpg", ".tod", ".vob"), "video/mpeg"),
    **dict.fromkeys((".m4v", ".mp4", ".f4v"), "video/mp4"),
    **dict.fromkeys((".mjpeg", ".mjpg"), "video/x-motion-jpeg"),
    **dict.fromkeys((".mov", ".qt"), "video/quicktime"),
    **dict.fromkeys((".ogm", ".ogv"), "video/ogg"),
    **dict.fromkeys((".rm", ".rmvb"), "application/vnd.rn-realmedia"),
    ".dv": "video/x-dv",
    ".flv": "video/x-flv",
    ".gif": "image/gif",
    ".mkv": "video/x-matroska",
    ".mxf": "application/mxf",
    ".nut": "video/x-nut",
    ".webm": "video/webm",
    ".y4m": "video/x-yuv4mpeg",
}


def elan_document(timeline: Timeline) -> str:
    """ELAN's format 3.0: one annotation per segment, times in milliseconds.

    There is one tier, ``action``; where segments overlap, one of each class, ``action@CLASS``.
    """
    schema = "http://www.w3.org/2001/XMLSchema-instance"
    ElementTree.register_namespace("xsi", schema)
    document = ElementTree.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "transnet",
            "DATE": datetime.now().astimezone().isoformat(timespec="seconds"),
            "FORMAT": "3.0",
            "VERSION": "3.0",
            f"{{{schema}}}noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd",
        },
    )
    add = ElementTree.SubElement
    header = add(document, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    video = Path(timeline.path).resolve()
    mime = MIME_TYPES.get(video.suffix.lower(), "video/*")
    add(header, "MEDIA_DESCRIPTOR", MEDIA_URL=video.as_uri(), MIME_TYPE=mime)
    order = add(document, "TIME_ORDER")
    tiers: dict[str, ElementTree.Element] = {}
    if not timeline.overlaps:
        tiers[""] = add(document, "TIER", LINGUISTIC_TYPE_REF="action", TIER_ID="action")
    for number, segment in enumerate(timeline.known(), start=1):
        slots = {}
        for end, time_s in (("1", segment.start_s), ("2", segment.end_s)):
            name = f"ts{2 * number - 2 + int(end)}"
            slots[f"TIME_SLOT_REF{end}"] = name
            add(order, "TIME_SLOT", TIME_SLOT_ID=name, TIME_VALUE=str(round(1000 * time_s)))
        slots["ANNOTATION_ID"] = f"a{number}"
        name = printable(segment.label) if timeline.overlaps else ""
        if name not in tiers:
            tiers[name] = add(
                document, "TIER", LINGUISTIC_TYPE_REF="action", TIER_ID=f"action@{name}"
            )
        annotation = add(add(tiers[name], "ANNOTATION"), "ALIGNABLE_ANNOTATION", slots)
        add(annotation, "ANNOTATION_VALUE").text = printable(segment.label)
    kind = {
        "GRAPHIC_REFERENCES": "false",
        "LINGUISTIC_TYPE_ID": "action",
        "TIME_ALIGNABLE": "true",
    }
    add(document, "LINGUISTIC_TYPE", kind)
    return _xml(document)


def label_studio_tasks(timeline: Timeline) -> str:
    """A task of Label Studio with a prediction, to import into a project with TimelineLabels.

    The control is called ``action`` and the video ``video``. Frames count from 1.
    """
    results = [
        {
            "id": f"s{number}",
            "type": "timelinelabels",
            "from_name": "action",
            "to_name": "video",
            "value": {
                "ranges": [{"start": start + 1, "end": end}],
                "timelinelabels": [segment.label],
            },
            "score": segment.score,
        }
        for number, (segment, start, end) in enumerate(_in_frames(timeline), start=1)
    ]
    scores = [segment.score for segment in timeline.known()]
    path = Path(timeline.path).resolve().as_posix().lstrip("/")
    task = {
        "data": {"video": f"/data/local-files/?d={quote(path)}"},
        "predictions": [
            {
                "model_version": "transnet",
                "score": sum(scores) / max(1, len(scores)),
                "result": results,
            }
        ],
    }
    return json.dumps([task], indent=1) + "\n"


def cvat_document(timeline: Timeline) -> str:
    """CVAT's XML for video 1.1: each segment is a track, a box around the whole picture.

    Raises:
        VideoError: the video cannot be read.
    """
    with VideoFile(timeline.path) as video:
        first = next(video.frames(), None)
        if first is None:
            raise VideoError(timeline.path, "holds no frame that can be decoded.")
        height, width = FrameConverter()(first).shape[:2]
    frames = len(frame_times(Path(timeline.path)))
    document = ElementTree.Element("annotations")
    add = ElementTree.SubElement
    add(document, "version").text = "1.1"
    task = add(add(document, "meta"), "task")
    name = printable(Path(timeline.path).name)
    for tag, text in (
        ("name", name),
        ("size", str(frames)),
        ("mode", "interpolation"),
        ("start_frame", "0"),
        ("stop_frame", str(frames - 1)),
    ):
        add(task, tag).text = text
    labels = add(task, "labels")
    for label in sorted({segment.label for segment in timeline.known()}):
        add(add(labels, "label"), "name").text = printable(label)
    size = add(task, "original_size")
    add(size, "width").text, add(size, "height").text = str(width), str(height)
    add(task, "source").text = name
    whole = {"xtl": "0.00", "ytl": "0.00", "xbr": f"{width}.00", "ybr": f"{height}.00"}
    for number, (segment, start, end) in enumerate(_in_frames(timeline)):
        label = printable(segment.label)
        track = add(document, "track", id=str(number), label=label, source="auto")
        # A segment that ends within the video ends by a box that is outside.
        marks = {start: "0", min(end, frames - 1): "0" if end >= frames else "1"}
        for frame, outside in marks.items():
            place = {"frame": str(frame), "keyframe": "1", "outside": outside, "occluded": "0"}
            add(track, "box", {**place, **whole, "z_order": "0"})
    return _xml(document)


def _in_frames(timeline: Timeline) -> Iterator[tuple[Segment, int, int]]:
    """Each known segment, its first frame, and the frame after its last one."""
    times_s = frame_times(Path(timeline.path))
    for segment in timeline.known():
        start, end = (frame_at(time_s, times_s) for time_s in (segment.start_s, segment.end_s))
        yield segment, start, max(min(end, len(times_s)), start + 1)


def _xml(document: ElementTree.Element) -> str:
    ElementTree.indent(document)
    text = ElementTree.tostring(document, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'
