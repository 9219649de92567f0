"""Addresses of videos: listed, divided among machines, and brought to this one.

An address is a path on this machine or anything that ``fsspec`` opens: ``s3://bucket/a.mp4``,
``gs://...``, ``hf://datasets/...``. The unit of work is always one address.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transnet.errors import FileError, TransNetError

LISTS = (".txt", ".csv")
FETCH_TRIES = 3
FETCH_PAUSE_S = 1.0


class UnreachableError(FileError):
    """A file that could not be brought here: it is missing, or its storage does not answer."""


@dataclass(frozen=True)
class Shard:
    """One of ``count`` parts of a list, numbered from 1.

    An item belongs to a shard by a hash of its name, so it stays there when the list grows.
    """

    number: int = 1
    count: int = 1

    @staticmethod
    def parse(text: str) -> Shard:
        """Read ``I/N``.

        Raises:
            TransNetError: it is not ``1/N`` to ``N/N``.
        """
        number, _, count = text.partition("/")
        if number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count):
            return Shard(int(number), int(count))
        raise TransNetError(
            f"--shard is {text!r}; accepted: I/N, from 1/N to N/N (--shard 3/8 is the third of "
            "eight)."
        )

    def __contains__(self, name: str) -> bool:
        digest = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest()
        return int.from_bytes(digest) % self.count == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def is_remote(address: str) -> bool:
    """Whether an address names a file system of ``fsspec``."""
    return "://" in address


def file_system(address: str) -> tuple[Any, str]:
    """The ``fsspec`` file system of an address, and the path in it.

    Raises:
        TransNetError: the protocol is unknown, or its package is not installed.
    """
    import fsspec

    try:
        return fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise TransNetError(f"{address} cannot be opened ({error}).") from error


def list_videos(source: str) -> list[str]:
    """The addresses of the videos of a source, each once, in a fixed order.

    Args:
        source: a folder, a video, a ``.txt`` file with an address a line, or a ``.csv`` file with a
            column ``path``; on this machine or on a file system of ``fsspec``. Relative paths in a
            list are relative to the list.

    Returns:
        Absolute paths and full addresses.

    Raises:
        TransNetError: there is no such source, or it names no video.
    """
    suffix = os.path.splitext(source)[1].lower()
    if suffix in LISTS:
        found = _listed(source, suffix)
    elif is_remote(source):
        found = _find_remote(source)
    else:
        found = _find_local(source)
    if not found:
        raise TransNetError(f"SOURCE is {source!r}, which names no video.")
    return list(dict.fromkeys(found))


def _find_local(source: str) -> list[str]:
    from transnet.data.datasets.folder import videos_below

    path = Path(os.path.abspath(os.path.expanduser(source)))
    if path.is_dir():
        return [str(video) for video in videos_below(path)]
    if path.is_file():
        return [str(path)]
    raise TransNetError(
        f"SOURCE is {source!r}, which does not exist; accepted: a folder, a video, a .txt or .csv "
        "list, or an address such as s3://bucket/folder."
    )


def _find_remote(source: str) -> list[str]:
    from transnet.data.video.reader import VIDEO_SUFFIXES

    system, path = file_system(source)
    try:
        found = system.glob(path) if "*" in path else system.find(path)
    except Exception as error:  # what file systems raise has no common base
        raise TransNetError(f"SOURCE is {source!r}, which cannot be listed ({error}).") from error
    return sorted(
        system.unstrip_protocol(name)
        for name in found
        if os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES
    )


def _listed(source: str, suffix: str) -> list[str]:
    try:
        if is_remote(source):
            system, path = file_system(source)
            content = system.cat_file(path)
        else:
            content = Path(source).expanduser().read_bytes()
    except Exception as error:  # what file systems raise has no common base
        raise TransNetError(f"SOURCE is {source!r}, which cannot be read ({error}).") from error
    text = content.decode("utf-8-sig", "surrogateescape")
    if suffix == ".csv":
        rows = csv.DictReader(io.StringIO(text))
        if "path" not in (rows.fieldnames or ()):
            raise TransNetError(
                f"{source} has the columns {', '.join(rows.fieldnames or ())}; accepted: a column "
                "path, and any others."
            )
        names = [row["path"] or "" for row in rows]
    else:
        names = text.splitlines()
    return [_absolute(name.strip(), source) for name in names if name.strip()]


def _absolute(name: str, source: str) -> str:
    if is_remote(name):
        return name
    if is_remote(source):
        return name if name.startswith("/") else f"{source.rpartition('/')[0]}/{name}"
    folder = os.path.dirname(os.path.abspath(os.path.expanduser(source)))
    return os.path.normpath(os.path.join(folder, os.path.expanduser(name)))


@dataclass(frozen=True)
class LocalFile:
    """A file on this machine.

    Attributes:
        path: where it lies.
        size: bytes.
        is_copy: whether it was fetched, and is to be deleted after use.
    """

    path: str
    size: int
    is_copy: bool = False

    def release(self) -> None:
        """Delete a copy."""
        if self.is_copy:
            Path(self.path).unlink(missing_ok=True)


def fetch(address: str, folder: str | None = None) -> LocalFile:
    """Bring a file to this machine; one that lies here is used in place.

    Args:
        address: a path, or an address of ``fsspec``.
        folder: where copies are made; by default the folder for temporary files.

    Raises:
        UnreachableError: it is missing, or could not be read in three tries.
    """
    if not is_remote(address):
        try:
            return LocalFile(address, os.stat(address).st_size)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UnreachableError(address, f"cannot be opened ({reason}).") from None
    for remaining in reversed(range(FETCH_TRIES)):
        try:
            return _download(address, folder)
        except FileNotFoundError:
            raise UnreachableError(address, "does not exist.") from None
        except Exception as error:  # what file systems raise has no common base
            if not remaining:
                raise UnreachableError(address, f"cannot be fetched ({error}).") from error
            time.sleep(FETCH_PAUSE_S)
    raise AssertionError


def _download(address: str, folder: str | None) -> LocalFile:
    system, path = file_system(address)
    with _temporary(os.path.splitext(path)[1], folder) as copy:
        system.get_file(path, copy)
        return LocalFile(copy, os.path.getsize(copy), is_copy=True)


@contextmanager
def _temporary(suffix: str, folder: str | None) -> Iterator[str]:
    """The name of a new file, which is removed if an exception leaves the block."""
    handle, name = tempfile.mkstemp(suffix, "transnet-", folder)
    os.close(handle)
    try:
        yield name
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def in_shard(names: Sequence[str], shard: Shard) -> list[str]:
    """Those of the names that belong to a shard, in order."""
    return list(names) if shard.count == 1 else [name for name in names if name in shard]
