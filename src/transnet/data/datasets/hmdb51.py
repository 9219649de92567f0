"""HMDB51 (Kuehne et al., 2011): 51 classes, three official splits of 70 / 30 clips per class.

File names are ``<source>_<class>_<body>_<camera>_np<people>_<view>_<quality>_<number>.avi``; clips
of one source are cut from the same film or video. Each split leaves about a quarter of the clips
unused.
"""

from __future__ import annotations

import re
from pathlib import Path

from transnet.data.datasets.published import (
    ListedVideo,
    Publication,
    read_lines,
    shipped_table,
)
from transnet.data.manifest import Subset
from transnet.errors import TransNetError

SPLITS = ("official:1", "official:2", "official:3")
_SUBSETS: dict[str, Subset] = {"0": "unused", "1": "train", "2": "test"}
_LIST = re.compile(r"(?P<label>\w+)_test_split(?P<number>[123])\.txt")
_AFTER_CLASS = r"_[fhlu]_(?:cm|nm)_np\d+_(?:ba|bo|fr|ri|le)_(?:bad|med|goo)_\d+\.avi"


def _shipped() -> list[ListedVideo]:
    return [
        _listed(f"{row['clip']}.avi", row["class"], row["splits"])
        for row in shipped_table("hmdb51")
    ]


def _own(first_list: Path) -> list[ListedVideo]:
    digits: dict[tuple[str, str], list[str]] = {}
    for path in sorted(first_list.parent.glob("*_test_split?.txt")):
        match = _LIST.fullmatch(path.name)
        if not match:
            continue
        for line in read_lines(path):
            name, _, digit = line.rpartition(" ")  # the name may hold spaces
            if digit not in _SUBSETS or not name.endswith(".avi"):
                raise TransNetError(
                    f"{path}: a line is {line!r}; accepted: NAME.avi and 0, 1 or 2."
                )
            known = digits.setdefault((match["label"], name), ["0"] * 3)
            known[int(match["number"]) - 1] = digit
    return [_listed(name, label, "".join(known)) for (label, name), known in digits.items()]


def _listed(name: str, label: str, digits: str) -> ListedVideo:
    source = re.sub(f"_{re.escape(label)}{_AFTER_CLASS}$", "", name)
    return ListedVideo(name, label, source, tuple(_SUBSETS[digit] for digit in digits))


HMDB51 = Publication(
    name="hmdb51",
    title="HMDB51",
    splits=SPLITS,
    list_pattern="*_test_split1.txt",
    from_file=_own,
    from_package=_shipped,
)
