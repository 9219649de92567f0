"""Lists of ``path label`` without a header, as Kinetics and mmaction2 have them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from transnet.data.annotations.annotation import SUBSETS, Annotation
from transnet.data.annotations.parts import sibling_parts
from transnet.data.annotations.tables import Table, named_file, open_text, read_text
from transnet.data.labels import SEPARATOR, clean_text
from transnet.data.video.reader import VIDEO_SUFFIXES
from transnet.errors import TransNetError

_SUFFIX = "|".join(re.escape(suffix) for suffix in sorted(VIDEO_SUFFIXES, reverse=True))
_LINE = re.compile(
    rf"[\"']?(?P<path>.+(?:{_SUFFIX}))[\"']?[\s,;|]+[\"']?(?P<label>.+?)[\"']?", re.IGNORECASE
)
_NUMBERED = re.compile(r"(\d{1,9})[\s,;:]+(.+)|(.+?)[\s,;:]+(\d{1,9})")
_CLASS_LIST = re.compile(
    r"(^|[_-])(class_?ind|class(es)?(_?names)?|class_?list|label_?(map|list)|labels)[^/]*\.(txt|csv)$"
)


def is_list(table: Table) -> bool:
    """Whether the first line of a table is a video and its label, and no header."""
    known = {"path", "label"} & {*table.columns}
    return not known and bool(_LINE.fullmatch(" ".join(table.columns)))


def read_list(path: Path) -> tuple[list[Annotation], list[str]]:
    """Read a list of videos and labels; the lists of the other parts next to it as well.

    ``kinetics_train.txt`` is read with ``kinetics_val.txt`` and ``kinetics_test.txt``, if they are
    there, as the dataset's own split. Labels that are numbers get the names of a class list next to
    the file (``classInd.txt``, ``label_map.txt``).

    Returns:
        The annotations, and notes.

    Raises:
        TransNetError: a line has another form; it is named.
    """
    parts = sibling_parts(path)
    annotations = [
        replace(annotation, subset=SUBSETS[part] if len(parts) > 1 else None)
        for part, file in parts.items()
        for annotation in _lines(file)
    ]
    notes = [
        f"{path.name} has no groups, so each file is a group of its own; a CSV with a group column "
        "keeps clips of one person or one recording together."
    ]
    if len(parts) > 1:
        notes.append(f"its parts are {', '.join(file.name for file in parts.values())}.")
    labels = {label for one in annotations for label in one.label.split(SEPARATOR)}
    if labels and all(label.isdecimal() for label in labels):
        names, source = _class_names(path, max(int(label) for label in labels))
        if names:
            notes.append(f"the names of the classes are from {source}.")
            annotations = [_named(one, names) for one in annotations]
        else:
            notes.append(
                "its labels are numbers; put a class list next to it (classes.txt, one name a "
                "line, in order) to name them."
            )
    return annotations, notes


def _named(annotation: Annotation, names: Sequence[str]) -> Annotation:
    numbers = annotation.label.split(SEPARATOR)
    return replace(annotation, label=SEPARATOR.join(names[int(number)] for number in numbers))


def _lines(path: Path) -> Iterator[Annotation]:
    try:
        with open_text(path) as file:
            for number, line in enumerate(file, start=1):
                text = line.strip()
                if not text:
                    continue
                match = _LINE.fullmatch(text)
                if not match:
                    raise TransNetError(
                        f"{path}, line {number} is {clean_text(text)[:80]!r}; accepted: a video "
                        "and its label."
                    )
                name, where = match["path"], f"{path}, line {number}"
                yield Annotation(named_file(path.parent, name), match["label"], name, where=where)
    except (OSError, UnicodeError) as error:
        raise TransNetError(f"{path} cannot be read as a list: {error}.") from error


def _class_names(path: Path, highest: int) -> tuple[list[str], str]:
    """The names of classes by number, from a list next to a file, and the name of that list."""
    for other in sorted(path.parent.iterdir()):
        if not _CLASS_LIST.search(other.name.lower()):
            continue
        lines = [line.strip() for line in read_text(other).splitlines() if line.strip()]
        if any(_LINE.fullmatch(line) or _LINE.match(line + " 0") for line in lines):
            continue  # another list of videos
        names = _numbered(lines) or dict(enumerate(lines))
        if set(range(highest + 1)) <= names.keys():
            return [names[number] for number in range(highest + 1)], other.name
        if set(range(1, highest + 1)) <= names.keys():  # counted from 1, as UCF101 does
            return ["", *(names[number] for number in range(1, highest + 1))], other.name
    return [], ""


def _numbered(lines: list[str]) -> dict[int, str]:
    """Names by number of lines like ``1 ApplyEyeMakeup`` or ``ApplyEyeMakeup 1``."""
    names = {}
    for line in lines:
        match = _NUMBERED.fullmatch(line)
        if not match:
            return {}
        number, name = (match[1], match[2]) if match[1] else (match[4], match[3])
        names[int(number)] = name
    return names if len(names) == len(lines) else {}
