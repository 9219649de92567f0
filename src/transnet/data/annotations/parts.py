"""Files of the parts of a dataset, by their names: ``x_train.txt``, ``x_val.txt``."""

from __future__ import annotations

import re
from pathlib import Path

from transnet.data.annotations.annotation import SUBSETS

_PART = re.compile(r"(?<![a-z])(train(?:ing)?|val(?:id(?:ation)?)?|test(?:ing)?)(?![a-z])")


def sibling_parts(path: Path) -> dict[str, Path]:
    """The files of a dataset's parts: those of one name but for train, val, test.

    Example:
        >>> list(sibling_parts(Path("clips.txt")))
        ['']
    """
    found = list(_PART.finditer(path.name.lower()))
    if not found:
        return {"": path}
    start, end = found[-1].span()
    parts = {path.name[start:end].lower(): path}
    for part in ("train", "training", "val", "valid", "validation", "test", "testing"):
        other = path.with_name(path.name[:start] + part + path.name[end:])
        if SUBSETS[part] not in {SUBSETS[known] for known in parts} and other.is_file():
            parts[part] = other
    order = {"train": 0, "validation": 1, "test": 2}
    return dict(sorted(parts.items(), key=lambda part: order[SUBSETS[part[0]]]))
