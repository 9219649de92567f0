"""Published datasets: official lists, and videos that may or may not be on disk.

The lists are read from the dataset's own files if they exist, otherwise from copies in this
package.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from transnet.data.datasets.archives import unpack_archives
from transnet.data.datasets.folder import videos_below
from transnet.data.manifest import ClipRecord, Manifest, Subset
from transnet.errors import TransNetError

MAX_NAMED = 5

FrameRange = tuple[int | None, int | None]


@dataclass(frozen=True)
class ListedVideo:
    """A video file of an official list.

    Attributes:
        name: its file name, unique in the dataset.
        label: the action.
        group: the origin that it shares with other videos (person, source video).
        subsets: its subset in each of the official splits.
        ranges: first frame and frame after the last one of each clip in it, counted from 0.
    """

    name: str
    label: str
    group: str
    subsets: tuple[Subset, ...]
    ranges: tuple[FrameRange, ...] = ((None, None),)


@dataclass(frozen=True)
class Publication:
    """A published dataset.

    Attributes:
        name: as the user types it.
        title: its name in reports.
        splits: names of its official splits, the default first.
        list_pattern: file name pattern of its official lists.
        from_file: reads the lists, given such a file.
        from_package: reads the copy of the lists in this package.
    """

    name: str
    title: str
    splits: tuple[str, ...]
    list_pattern: str
    from_file: Callable[[Path], list[ListedVideo]]
    from_package: Callable[[], list[ListedVideo]]

    def read(self, root: Path, *, lists_only: bool = False) -> Manifest:
        """List the clips whose videos are somewhere below a folder.

        Args:
            root: the folder; archives in it are unpacked if a video is missing.
            lists_only: include every clip of the lists, whether its video exists or not.

        Raises:
            TransNetError: the folder does not exist or holds none of the videos, an archive cannot
                be unpacked, or a list differs in form from the published one.
        """
        if not root.is_dir():
            raise TransNetError(f"data is {self.name}:{root}, but there is no such folder.")
        listed, found = self._scan(root)
        if lists_only:
            found = {video.name: root / video.label / video.name for video in listed}
        elif any(video.name not in found for video in listed):
            unpack_archives(root)
            listed, found = self._scan(root)
        return self._manifest(root, listed, found)

    def _scan(self, root: Path) -> tuple[list[ListedVideo], dict[str, Path]]:
        """The official lists, and the videos below a folder by name."""
        own = next(iter(sorted(root.rglob(self.list_pattern))), None)
        listed = self.from_package() if own is None else self.from_file(own)
        return listed, {path.name: path for path in videos_below(root)}

    def _manifest(
        self, root: Path, listed: Sequence[ListedVideo], found: Mapping[str, Path]
    ) -> Manifest:
        splits: dict[str, dict[ClipRecord, Subset]] = {name: {} for name in self.splits}
        for video in listed:
            if video.name not in found:
                continue
            for start, end in video.ranges:
                clip = ClipRecord(found[video.name], video.label, video.group, start, end)
                for name, subset in zip(self.splits, video.subsets, strict=True):
                    splits[name][clip] = subset
        clips = splits[self.splits[0]]
        if not clips:
            raise TransNetError(
                f"{self.title}: {root} holds none of its {len(listed)} videos, like "
                f"{listed[0].name}; accepted: the published archives or their content, at any "
                "depth."
            )
        missing = [video for video in listed if video.name not in found]
        partial = _partial(listed, missing)
        notes = _notes(self.title, listed, missing)
        return Manifest(self.title, tuple(sorted(clips)), splits, notes, partial)


def shipped_table(name: str) -> Iterator[dict[str, str]]:
    """The rows of ``lists/NAME.csv`` in this package."""
    table = resources.files("transnet.data.datasets") / "lists" / f"{name}.csv"
    yield from csv.DictReader(table.read_text(encoding="utf-8").splitlines())


def read_lines(path: Path) -> list[str]:
    """The nonempty lines of an official list, stripped.

    Raises:
        TransNetError: the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TransNetError(f"{path} cannot be read: {error}.") from error
    return [line.strip() for line in lines if line.strip()]


def _partial(listed: Sequence[ListedVideo], missing: Sequence[ListedVideo]) -> str:
    """What is on disk, if not all of it."""
    if not missing:
        return ""
    absent = {video.name for video in missing}
    present = {video.label for video in listed if video.name not in absent}
    return (
        f"{len(present)} of {len({video.label for video in listed})} classes, "
        f"{len(listed) - len(missing)} of {len(listed)} videos"
    )


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
        f"only part of {title} is on disk: {len(listed) - len(missing)} of {len(listed)} videos, "
        f"{len(of_class) - len(empty)} of {len(of_class)} classes."
    )
    if empty:
        text += f" Classes without a video: {_first_of(sorted(empty))}."
    if single:
        text += f" Missing videos of other classes: {_first_of(sorted(single))}."
    return (f"{text} Results are not comparable with those on the whole dataset.",)


def _first_of(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MAX_NAMED])
    return f"{shown} and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else shown
