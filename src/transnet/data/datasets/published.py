"""What the published data sets have in common: official lists, and files that may be there or not.

The lists are read from the data set's own files where they are at hand, and else from tables of
the same facts that come with the package.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from transnet.data.archives import unpack_archives
from transnet.data.datasets.folder import videos_below
from transnet.data.manifest import Assignment, ClipRecord, Manifest, Subset
from transnet.errors import TransNetError

MAX_NAMED = 5

FrameRange = tuple[int | None, int | None]


@dataclass(frozen=True)
class ListedVideo:
    """A video file of an official list.

    Attributes:
        name: its file name, which no other file of the data set has.
        label: the action.
        group: what it shares with other videos (person, source video).
        subsets: its part in each of the official splits.
        ranges: first frame and frame after the last one of each clip in it, counted from 0.
    """

    name: str
    label: str
    group: str
    subsets: tuple[Subset, ...]
    ranges: tuple[FrameRange, ...] = ((None, None),)


def prepare_folder(name: str, root: Path, *, lists_only: bool) -> None:
    """See that the folder of a data set is there, and unpack the archives in it.

    Raises:
        TransNetError: there is no such folder, or an archive cannot be unpacked.
    """
    if not root.is_dir():
        raise TransNetError(f"{name}:{root}: there is no such folder.")
    if not lists_only:
        unpack_archives(root)


def shipped_table(name: str) -> Iterator[dict[str, str]]:
    """The rows of ``lists/NAME.csv`` in this package."""
    table = resources.files("transnet.data.datasets") / "lists" / f"{name}.csv"
    yield from csv.DictReader(table.read_text(encoding="utf-8").splitlines())


def read_lines(path: Path) -> list[str]:
    """The lines of an official list that are not empty.

    Raises:
        TransNetError: the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TransNetError(f"{path} cannot be read: {error}.") from error
    return [line.strip() for line in lines if line.strip()]


def published_manifest(
    title: str,
    root: Path,
    listed: Sequence[ListedVideo],
    split_names: Sequence[str],
    *,
    lists_only: bool,
) -> Manifest:
    """The listed clips whose videos are below ``root``, or all of them with ``lists_only``.

    Raises:
        TransNetError: none of the listed videos is there.
    """
    if lists_only:
        found = {video.name: root / video.label / video.name for video in listed}
    else:
        found = {path.name: path for path in videos_below(root)}
    splits: dict[str, dict[ClipRecord, Subset]] = {name: {} for name in split_names}
    for video in listed:
        if video.name not in found:
            continue
        for start, end in video.ranges:
            clip = ClipRecord(found[video.name], video.label, video.group, start, end)
            for name, subset in zip(split_names, video.subsets, strict=True):
                splits[name][clip] = subset
    clips: Assignment = next(iter(splits.values()))
    if not clips:
        raise TransNetError(
            f"{title}: {root} holds none of its {len(listed)} videos, like {listed[0].name}; "
            "accepted: the published archives, or what was in them, at any depth."
        )
    missing = [video for video in listed if video.name not in found]
    return Manifest(title, tuple(sorted(clips)), splits, notes=_notes(title, listed, missing))


def _notes(
    title: str, listed: Sequence[ListedVideo], missing: Sequence[ListedVideo]
) -> tuple[str, ...]:
    if not missing:
        return ()
    of_class: dict[str, list[ListedVideo]] = defaultdict(list)
    for video in listed:
        of_class[video.label].append(video)
    absent = {video.name for video in missing}
    empty = [
        label for label, videos in of_class.items() if all(video.name in absent for video in videos)
    ]
    single = [video.name for video in missing if video.label not in empty]
    text = (
        f"only a part of {title} is here: {len(listed) - len(missing)} of {len(listed)} videos, "
        f"{len(of_class) - len(empty)} of {len(of_class)} classes."
    )
    if empty:
        text += f" Classes without a video: {_first_of(sorted(empty))}."
    if single:
        text += f" Videos missing of the others: {_first_of(sorted(single))}."
    return (f"{text} Figures do not compare with the whole data set.",)


def _first_of(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MAX_NAMED])
    return f"{shown} and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else shown
