"""Paths: the user's cache, output folders, files that a user names, names of files to write."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from transnet.errors import TransNetError

_LONGEST = 200  # bytes; a name may have 255


def cache_folder() -> Path:
    """The folder of the caches and of fetched weights: ``TRANSNET_CACHE`` if it is set."""
    if chosen := os.environ.get("TRANSNET_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "transnet"


def output_folder(out: str | Path, option: str = "--out") -> Path:
    """The folder that an option names, made if it is not there.

    Raises:
        TransNetError: it cannot be made.
    """
    folder = Path(out).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TransNetError(f"{option} is {str(out)!r}, which cannot be made ({error}).") from error
    return folder


def files_below(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """The files of some kinds in a folder and the folders in it, sorted, without hidden ones."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def expanded(named: Iterable[str], below: Callable[[Path], list[Path]], kind: str) -> list[str]:
    """The files among what a user named, and those in the folders among it.

    Args:
        named: files and folders.
        below: finds the files in a folder.
        kind: what such a file is called, ``video``.

    Raises:
        TransNetError: a folder has none.
    """
    paths: list[str] = []
    for path in named:
        if os.path.isdir(path):  # Path.is_dir raises where a name is too long
            inside = below(Path(path))
            if not inside:
                raise TransNetError(f"{kind.upper()} is {path!r}, a folder without {kind}s.")
            paths.extend(map(str, inside))
        else:
            paths.append(path)
    return paths


def unused_name(stem: str, names: set[str]) -> str:
    """``stem``, or ``stem_2`` and so on if it is among ``names``, to which it is added.

    A long one is cut, so that there is room for more in the name of a file.
    """
    stem = os.fsdecode(os.fsencode(stem)[:_LONGEST])
    name, number = stem, 2
    while name in names:
        name, number = f"{stem}_{number}", number + 1
    names.add(name)
    return name
