"""Names of clips for people: what tells a clip apart, ``squat/anna/01``, not only its file name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

NAMED_PARTS = 3


def clip_names(paths: Sequence[Path | str]) -> list[str]:
    """A short name for each video: the last parts of its path, without the ending.

    Three parts name the class, the person and the take in most folders. If that leaves two videos
    with one name, all get more parts, and their endings if need be.

    Args:
        paths: the videos; equal paths have equal names.

    Example:
        >>> clip_names(["/data/squat/anna/01.mp4", "/data/squat/ben/01.mp4"])
        ['squat/anna/01', 'squat/ben/01']
    """
    whole = [Path(os.path.abspath(path)) for path in paths]
    different = len(set(whole))
    longest = max((len(path.parts) for path in whole), default=0)
    for with_ending in (False, True):
        shown = [(*path.parts[1:-1], path.name if with_ending else path.stem) for path in whole]
        for count in range(NAMED_PARTS, max(longest, NAMED_PARTS + 1)):
            names = ["/".join(parts[-count:]) for parts in shown]
            if len(set(names)) == different:
                return names
    return [path.as_posix() for path in whole]
