"""KTH (Schuldt et al., 2004): six actions of 25 people in four scenarios.

File names are ``person<NN>_<action>_d<scenario>_uncomp.avi``. A file holds three or four sequences,
whose frames are listed in the published ``00sequences.txt``; outside of them many files show an
empty scene. A clip is a sequence, its group is the person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from transnet.data.datasets.published import (
    ListedVideo,
    Publication,
    read_lines,
    shipped_table,
)
from transnet.data.manifest import Subset
from transnet.errors import TransNetError

SPLITS = ("official", "16-9")
"""The published 8 / 8 / 9 people, and the common variant that trains on its first two parts."""

VALIDATION_PEOPLE = frozenset({19, 20, 21, 23, 24, 25, 1, 4})
TEST_PEOPLE = frozenset({22, 2, 3, 5, 6, 7, 8, 9, 10})

_FILE = re.compile(r"person(?P<person>\d\d)_(?P<action>[a-z]+)_d(?P<scenario>\d)")
_RANGE = re.compile(r"(\d+)-(\d+)")


def _shipped() -> list[ListedVideo]:
    return [_listed(row["file"], _RANGE.findall(row["frames"])) for row in shipped_table("kth")]


def _own(table: Path) -> list[ListedVideo]:
    """From lines like ``person01_boxing_d1  frames  1-95, 96-185``; the header is skipped."""
    listed = []
    for line in read_lines(table):
        name, _, frames = line.partition("frames")
        ranges = _RANGE.findall(frames)
        if _FILE.fullmatch(name.strip()) and ranges:
            listed.append(_listed(name.strip(), ranges))
    if not listed:
        raise TransNetError(
            f"{table} has no line like 'person01_boxing_d1 frames 1-95, 96-185'; replace it by the "
            "published file, or remove it: the package has a copy of the list."
        )
    return listed


def _listed(name: str, ranges: Iterable[tuple[str, str]]) -> ListedVideo:
    match = _FILE.fullmatch(name)
    assert match
    person = int(match["person"])
    official = _official(person)
    merged: Subset = "train" if official == "validation" else official
    return ListedVideo(
        f"{name}_uncomp.avi",
        match["action"],
        f"person{person:02}",
        (official, merged),
        # Published from 1 with an inclusive end, kept from 0 with an exclusive end.
        tuple((int(first) - 1, int(last)) for first, last in ranges),
    )


def _official(person: int) -> Subset:
    if person in TEST_PEOPLE:
        return "test"
    return "validation" if person in VALIDATION_PEOPLE else "train"


KTH = Publication(
    name="kth",
    title="KTH",
    splits=SPLITS,
    list_pattern="00sequences.txt",
    from_file=_own,
    from_package=_shipped,
)
