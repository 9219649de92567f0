"""Paths: the cache of the user, output folders, input files, names of output files."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from transnet.errors import TransNetError

_MAX_NAME_BYTES = 200  # file systems allow 255


def cache_folder() -> Path:
    """The folder of caches and downloaded weights: ``TRANSNET_CACHE``, or the user's default."""
    if chosen := os.environ.get("TRANSNET_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "transnet"


def output_folder(out: str | Path, option: str = "--out") -> Path:
    """Create the folder that an option names, if it is missing.

    Args:
        out: the folder; ``~`` is expanded.
        option: the option that names it, for errors.

    Raises:
        TransNetError: it cannot be created.
    """
    folder = Path(out).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TransNetError(f"{option} is {str(out)!r}, which cannot be made ({error}).") from error
    return folder


def files_below(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Files with one of some lower-case suffixes, at any depth, sorted; hidden ones are skipped.

    Links to folders are followed, each folder once; links to a folder above are loops.
    """
    return sorted(path for path in visible_files(folder) if path.suffix.lower() in suffixes)


def visible_files(folder: Path) -> Iterator[Path]:
    """All files in a folder, at any depth, without hidden ones; see :func:`files_below`."""
    seen = {_identity(above) for above in folder.resolve().parents}
    for place, folders, files in os.walk(folder, followlinks=True):
        here = _identity(place)
        if here in seen:
            folders.clear()
            continue
        seen.add(here)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            path = Path(place, name)
            if not name.startswith(".") and path.is_file():
                yield path


def _identity(folder: str | Path) -> tuple[int, int]:
    found = os.stat(folder)
    return found.st_dev, found.st_ino


def expanded(named: Iterable[str], below: Callable[[Path], list[Path]], kind: str) -> list[str]:
    """Replace folders among paths by the files in them.

    Args:
        named: files and folders, as the user typed them.
        below: lists the files in a folder.
        kind: what such a file is called, like ``video``.

    Raises:
        TransNetError: a folder holds no such file.
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
    """``stem``, or ``stem_2`` and so on if it is taken; the result is added to ``names``.

    A long stem is cut, which leaves room for a suffix.

    Example:
        >>> unused_name("clip", {"clip"})
        'clip_2'
    """
    stem = os.fsdecode(os.fsencode(stem)[:_MAX_NAME_BYTES])
    name, number = stem, 2
    while name in names:
        name, number = f"{stem}_{number}", number + 1
    names.add(name)
    return name
