"""The videos that an annotation file names, found on this machine."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from transnet.data.video.reader import VIDEO_SUFFIXES
from transnet.errors import TransNetError
from transnet.utils.paths import files_below

_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:/")
# Label Studio puts eight digits before the name of an uploaded file.
_UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-(?=.)")


class VideoFinder:
    """Finds videos by the paths, addresses or names that an annotation file gives them.

    A path is tried as it is, then relative to the folder, then its file name anywhere below the
    folder, with or without its ending.

    Args:
        folder: the folder of the annotation file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, name: str) -> Path | None:
        """The file of a video; ``None`` if there is none.

        Raises:
            TransNetError: several files have that name.
        """
        path = _local_path(name)
        for direct in (self.folder / path, Path("/", path)):  # Label Studio leaves out the root
            if direct.suffix.lower() in VIDEO_SUFFIXES and os.path.isfile(direct):
                return direct
        base = PurePosixPath(path).name
        for known in dict.fromkeys((base, _UPLOAD_PREFIX.sub("", base))):
            for wanted in (known, f"v_{known}"):
                if found := self._by_name.get(wanted.casefold()):
                    return self._nearest(found, path)
        return None

    def _nearest(self, found: list[Path], path: str) -> Path:
        """The file whose folders are most like those that the annotation names."""
        folders = PurePosixPath(path).parts[-2::-1]

        def shared(file: Path) -> int:
            pairs = zip(file.parts[-2::-1], folders, strict=False)
            return next((n for n, (a, b) in enumerate(pairs) if a != b), len(folders))

        ranked = sorted(found, key=lambda file: -shared(file))
        if len(ranked) > 1 and shared(ranked[0]) == shared(ranked[1]):
            raise TransNetError(
                f"the annotations name {path!r}, but {ranked[0]} and {ranked[1]} both have that "
                "name; rename one of them, or give its path in the annotations."
            )
        return ranked[0]

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        """Videos below the folder by name, with and without their ending, in lower case."""
        names: dict[str, list[Path]] = defaultdict(list)
        for file in files_below(self.folder, VIDEO_SUFFIXES):
            names[file.name.casefold()].append(file)
            if file.stem.casefold() != file.name.casefold():
                names[file.stem.casefold()].append(file)
        return names


def _local_path(name: str) -> str:
    """The path of a file in a path, a file address, or the address of a service."""
    if _ADDRESS.match(name) or name.startswith("/data/"):
        address = urlsplit(name)
        inner = parse_qs(address.query).get("d", [""])[0]  # Label Studio: /data/local-files/?d=
        path = inner or unquote(address.path)
        if os.name == "nt":
            path = re.sub(r"^/(?=[a-zA-Z]:)", "", path)
        return path
    return name if os.path.lexists(name) else name.replace("\\", "/")
