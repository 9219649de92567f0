"""Something-Something's JSON: lists of id, label and template, one for each part.

https://developer.qualcomm.com/software/ai-datasets/something-something
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transnet.data.annotations.annotation import SUBSETS, Annotation
from transnet.data.annotations.parts import sibling_parts
from transnet.data.annotations.reading import Reading
from transnet.data.annotations.tables import read_text


def is_something(content: Any) -> bool:
    """Whether JSON values are a list of Something-Something."""
    if not isinstance(content, list) or not content or not isinstance(content[0], dict):
        return False
    return "id" in content[0] and "template" in content[0]


def read_something(path: Path) -> Reading:
    """Read a list and, as the dataset's own split, those of the other parts next to it.

    The class is the template without brackets. A part without templates is not used.
    """
    found = []
    used = []
    parts = sibling_parts(path)
    for part, file in parts.items():
        content = json.loads(read_text(file))
        if not is_something(content):
            continue
        used.append(file.name)
        subset = SUBSETS[part] if len(parts) > 1 else None
        for entry in content:
            label = str(entry["template"]).replace("[", "").replace("]", "")
            name = str(entry["id"])
            found.append(Annotation(Path(name), label, name, subset=subset))
    notes = [f"its parts are {', '.join(used)}."] if len(used) > 1 else []
    return found, notes
