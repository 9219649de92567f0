"""UCF101 (Soomro et al., 2012): 101 classes, 25 groups each, three official splits.

A file is called ``v_<class>_g<group>_c<clip>.avi``; clips of one group come from one video.
"""

from __future__ import annotations

import re
from pathlib import Path

from transnet.data.datasets.published import (
    ListedVideo,
    prepare_folder,
    published_manifest,
    read_lines,
    shipped_table,
)
from transnet.data.manifest import Manifest, Subset
from transnet.errors import TransNetError

SPLITS = ("official:1", "official:2", "official:3")
_VIDEO = re.compile(r"v_\w+_g(\d+)_c\d+\.avi")
_GROUPS_TESTED = 7
# The files of one class spell it otherwise than its folder does.
_IN_FILE_NAMES = {"HandstandPushups": "HandStandPushups"}


def read_ucf101(root: Path, *, lists_only: bool = False) -> Manifest:
    """Read the clips that are there and the official lists.

    Args:
        root: a folder that holds at any depth what was published: ``UCF101.rar`` or the class
            folders, and if at hand ``trainlist01.txt`` and its sisters.
        lists_only: every clip of the lists, whether its video is there or not.

    Raises:
        TransNetError: no video is found, or a list does not look as published.
    """
    prepare_folder("ucf101", root, lists_only=lists_only)
    lists = next((found.parent for found in sorted(root.rglob("trainlist01.txt"))), None)
    listed = _shipped() if lists is None else _own(lists)
    return published_manifest("UCF101", root, listed, SPLITS, lists_only=lists_only)


def _shipped() -> list[ListedVideo]:
    """From the number of clips in each group: split k tests groups 7k - 6 to 7k."""
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


def _own(folder: Path) -> list[ListedVideo]:
    """From ``trainlistNN.txt`` and ``testlistNN.txt``, lines of ``class/file`` and a number."""
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
