"""UCF101 (Soomro et al., 2012): 101 classes, 25 groups each, three official splits.

File names are ``v_<class>_g<group>_c<clip>.avi``; clips of one group are cut from one video.
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
_VIDEO = re.compile(r"v_\w+_g(\d+)_c\d+\.avi")
_GROUPS_TESTED = 7
# The files of one class spell it differently from its folder.
_IN_FILE_NAMES = {"HandstandPushups": "HandStandPushups"}


def _shipped() -> list[ListedVideo]:
    """From the number of clips per group: split k tests groups 7k - 6 to 7k."""
    listed = []
    for row in shipped_table("ucf101"):
        label = row.pop("class")
        for column, count in row.items():
            group = int(column.removeprefix("g"))
            tested_in = (group - 1) // _GROUPS_TESTED
            subsets = tuple[Subset, ...]("test" if k == tested_in else "train" for k in range(3))
            for clip in range(1, int(count) + 1):
                name = f"v_{_IN_FILE_NAMES.get(label, label)}_g{group:02}_c{clip:02}.avi"
                listed.append(ListedVideo(name, label, f"{label}_g{group:02}", subsets))
    return listed


def _own(first_list: Path) -> list[ListedVideo]:
    """From ``trainlistNN.txt`` and ``testlistNN.txt``, lines of ``class/file`` and a number."""
    folder = first_list.parent
    subsets: dict[str, list[Subset]] = {}
    kinds: tuple[tuple[str, Subset], ...] = (("trainlist", "train"), ("testlist", "test"))
    for number in (1, 2, 3):
        for prefix, subset in kinds:
            for line in read_lines(folder / f"{prefix}{number:02}.txt"):
                known = subsets.setdefault(line.split()[0], ["unused"] * 3)
                known[number - 1] = subset
    listed = []
    for line, parts in subsets.items():
        label, _, name = line.partition("/")
        match = _VIDEO.fullmatch(name)
        if not match:
            raise TransNetError(
                f"{folder}: its lists name {line!r}; accepted: class/v_class_g01_c01.avi."
            )
        listed.append(ListedVideo(name, label, f"{label}_g{match[1]}", tuple(parts)))
    return listed


UCF101 = Publication(
    name="ucf101",
    title="UCF101",
    splits=SPLITS,
    list_pattern="trainlist01.txt",
    from_file=_own,
    from_package=_shipped,
)
