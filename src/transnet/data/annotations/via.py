"""Projects of the VGG Image Annotator, version 3: JSON, and its CSV export.

https://gitlab.com/vgg/via/-/blob/master/via-3.x.y/CodeDoc.md
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transnet.data.annotations.annotation import Annotation
from transnet.data.annotations.reading import ACTION_NAMES, Reading
from transnet.data.labels import SEPARATOR

_HEADER = re.compile(r"^#\s*CSV_HEADER\s*=\s*(.+)$", re.MULTILINE)
_ATTRIBUTES = re.compile(r"^#\s*ATTRIBUTES?\s*=\s*(\{.*\})\s*$", re.MULTILINE)

_Mark = tuple[str, Sequence[float], Sequence[float], Mapping[str, Any]]
"""A file, times, a shape, and the values of attributes."""


def read_via(project: Mapping[str, Any]) -> Reading:
    """Read the temporal segments of a project, or the labels of whole files if it has none."""
    files, views = project["file"], project["view"]
    marks: list[_Mark] = []
    for mark in project["metadata"].values():
        for fid in views[mark["vid"]]["fid_list"]:
            file = files[str(fid)]
            name = str(file.get("src") or file["fname"])
            if name.startswith(("blob:", "data:")):  # a file that was chosen in the browser
                name = str(file["fname"])
            marks.append((name, mark.get("z") or [], mark.get("xy") or [], mark.get("av") or {}))
    return _reading(marks, project.get("attribute", {}))


def is_via_csv(text: str) -> bool:
    """Whether a text is a CSV export of version 3."""
    return bool(_HEADER.search(text))


def read_via_csv(text: str) -> Reading:
    """Read the temporal segments of a CSV export, or the labels of whole files."""
    header = _HEADER.search(text)
    attributes = _ATTRIBUTES.search(text)
    assert header
    columns = [name.strip() for name in header[1].strip().rstrip(",").split(",")]
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    marks: list[_Mark] = []
    for row in csv.reader(lines, skipinitialspace=True):
        values = dict(zip(columns, row, strict=False))
        if "temporal_coordinates" in values:
            z = json.loads(values["temporal_coordinates"])
        else:
            z = [float(values[f"temporal_segment_{end}"]) for end in ("start", "end")]
        # The export leaves out the first quote of the list of files.
        names = re.findall(r'([^"\[\],][^"]*)"', values["file_list"].replace('""', '"'))
        xy = json.loads(values.get("spatial_coordinates") or "[]")
        labels = json.loads(values["metadata"] or "{}")
        marks.extend((name, z, xy, labels) for name in names)
    return _reading(marks, json.loads(attributes[1]) if attributes else {})


def _reading(
    marks: Sequence[_Mark],
    attributes: Mapping[str, Any],
) -> Reading:
    segments = [mark for mark in marks if len(mark[1]) == 2]
    used = segments or [mark for mark in marks if not mark[1] and not mark[2]]
    found = []
    for name, z, _, values in used:
        label = _label(values, attributes)
        start_s, end_s = (float(z[0]), float(z[1])) if z else (None, None)
        if label:
            found.append(Annotation(Path(name), label, name, start_s=start_s, end_s=end_s))
    left = len(marks) - len(found)
    notes = [f"{left} annotations are no labeled segments and are not used."] if left else []
    return found, notes


def _label(values: Mapping[str, Any], attributes: Mapping[str, Any]) -> str:
    """The value of the attribute that names the action, or of the first one that has a value."""
    texts = {}
    for number, value in values.items():
        attribute = attributes.get(number, {})
        text = _chosen(str(value), attribute.get("options", {}))
        if text and text != "_DEFAULT":
            texts[str(attribute.get("aname", number)).casefold()] = text
    named = next((texts[name] for name in ACTION_NAMES if name in texts), None)
    return named or next(iter(texts.values()), "")


def _chosen(value: str, options: Mapping[str, Any]) -> str:
    """The name of an option; of a checkbox, the names of several."""
    several = value.split(",")
    if value not in options and all(number in options for number in several):
        return SEPARATOR.join(str(options[number]).strip() for number in several)
    return str(options.get(value, value)).strip()
