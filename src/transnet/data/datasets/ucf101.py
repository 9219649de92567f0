"""UCF101 (Soomro et al., 2012): 101 classes, 25 groups each, three official splits.

A file is called ``v_<class>_g<group>_c<clip>.avi``; clips of one group come from one video.
"""

from __future__ import annotations

import re
from pathlib import Path

from transnet.data.datasets.folder import videos_below
from transnet.data.manifest import ClipRecord, Manifest, OfficialSplit, Subset
from transnet.errors import TransNetError

_CLIP_NAME = re.compile(r"v_(?P<label>\w+)_g(?P<group>\d+)_c\d+\.avi")


def read_ucf101(root: Path) -> Manifest:
    """Read the clips that are there and the official lists.

    Args:
        root: a folder that holds, at any depth, the class folders and ``trainlist01.txt`` and
            its sisters (published in ``ucfTrainTestlist``).

    Raises:
        TransNetError: no video or no list is found, or a list does not look as published.
    """
    if not root.is_dir():
        raise TransNetError(f"ucf101:{root}: there is no such folder.")
    lists = next((found.parent for found in sorted(root.rglob("trainlist01.txt"))), None)
    if lists is None:
        raise TransNetError(
            f"ucf101:{root}: trainlist01.txt is missing; unpack the official lists "
            "(UCF101TrainTestSplits-RecognitionTask.zip) into this folder."
        )
    splits = [_read_lists(lists, number) for number in (1, 2, 3)]
    # The lists' folder is the label: one class is spelt differently in its file names.
    labels = {Path(line).name: Path(line).parent.name for line in splits[0]}
    clips: dict[str, ClipRecord] = {}
    for path in videos_below(root):
        match = _CLIP_NAME.fullmatch(path.name)
        if match:
            label = labels.get(path.name, match["label"])
            clips[path.name] = ClipRecord(path, label, f"{label}_g{match['group']}")
    if not clips:
        raise TransNetError(f"ucf101:{root}: holds no file like v_PushUps_g01_c01.avi.")
    official: list[OfficialSplit] = []
    for split in splits:
        subsets = {Path(line).name: subset for line, subset in split.items()}
        official.append({clip: subsets.get(name, "unused") for name, clip in clips.items()})
    return Manifest(
        "UCF101",
        tuple(sorted(clips.values())),
        tuple(official),
        notes=_missing(labels, clips),
    )


def _read_lists(folder: Path, number: int) -> dict[str, Subset]:
    """The clips of one split, ``class/file``, in the order of the lists."""
    subsets: dict[str, Subset] = {}
    kinds: tuple[tuple[str, Subset], ...] = (("trainlist", "train"), ("testlist", "test"))
    for prefix, subset in kinds:
        path = folder / f"{prefix}{number:02}.txt"
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise TransNetError(f"{path} cannot be read: {error}.") from error
        for line in filter(None, (line.strip() for line in lines)):
            subsets[line.split()[0]] = subset
    return subsets


def _missing(labels: dict[str, str], clips: dict[str, ClipRecord]) -> tuple[str, ...]:
    if labels.keys() <= clips.keys():
        return ()
    here = {clip.label for clip in clips.values()}
    return (
        f"only a part of UCF101 is here: {len(clips)} of {len(labels)} clips, {len(here)} of "
        f"{len(set(labels.values()))} classes. Figures do not compare with the whole data set.",
    )
