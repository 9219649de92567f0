"""A content-addressed store on disk: the base of the feature cache and the clip cache.

The key of an entry depends on everything that its value depends on, first of all the bytes of the
video. So an entry never becomes stale, and a moved or copied video is found again. Entries are
written in transactions: after a crash or on a full disk an entry is complete, or absent. A damaged
entry counts as missing, and is made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from transnet.data.cache.database import Database
from transnet.errors import TransNetError, VideoError

FORMAT = 1


class Store:
    """Bytes by key.

    Can be pickled and forked: each process opens the files for itself.

    Args:
        folder: created if missing. Several processes on one machine may share it.

    Raises:
        TransNetError: the folder cannot be used, or holds something else.
    """

    title = "store"
    alternative = "choose another folder with --cache"

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder).expanduser()
        self._open()

    def __contains__(self, key: str) -> bool:
        return self.read([key])[0] is not None

    def read(self, keys: Iterable[str]) -> list[bytes | None]:
        """The value of each key; ``None`` if there is none, or a damaged one.

        Raises:
            TransNetError: the store as a whole is damaged.
        """
        try:
            return self._database.read(list(keys))
        except (OSError, sqlite3.Error, TransNetError) as error:
            raise TransNetError(
                f"the {self.title} at {self.folder} cannot be read ({error}). If it is damaged, "
                "delete it: everything in it can be computed again. "
                f"Or {self.alternative}."
            ) from error

    def write(self, values: Mapping[str, bytes]) -> None:
        """Store entries: all of them or, if it fails, none.

        Raises:
            TransNetError: the disk is full or cannot be written.
        """
        if not self._database.writable:
            raise TransNetError(
                f"the {self.title} at {self.folder} is read-only and lacks entries; "
                f"{self.alternative}."
            )
        try:
            self._database.write(values)
        except (OSError, sqlite3.Error, TransNetError) as error:
            raise TransNetError(
                f"the {self.title} at {self.folder} cannot be written ({error}). "
                "If the disk is full, free space and start again: what was stored is kept. "
                "If it is damaged, delete it: everything in it can be computed again. "
                f"Or {self.alternative}."
            ) from error

    def video_digest(self, path: Path | str) -> str:
        """A hash of a file's bytes, remembered until its size, times, or inode changes.

        The change time cannot be set back as the modification time can, so a file that was
        overwritten in place is read again. Bytes that change beneath the file system (a failing
        disk) are not noticed; ``transnet check`` decodes.

        Raises:
            VideoError: the file cannot be read, or is a device or a pipe.
        """
        try:
            status = os.stat(path)
            if not stat.S_ISREG(status.st_mode):
                raise VideoError(path, "is not a file.")
            key = _file_key(path, status)
            known = self.read([key])[0]
            if known is not None:
                return known.decode()
            digest = file_digest(path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise VideoError(path, f"cannot be opened ({reason}).") from None
        if self._database.writable:
            self.write({key: digest.encode()})
        return digest

    def remember_digest(self, path: Path | str, digest: str, size: int, mtime_ns: int) -> bool:
        """Store a digest that another machine computed of the same file.

        Args:
            path: the file; ignored if its size or modification time differs.
            digest: the result of :meth:`video_digest`.
            size: size of the file then, in bytes.
            mtime_ns: its modification time then, in nanoseconds.

        Returns:
            Whether the file is here, with this size and modification time.
        """
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            return False
        if (status.st_size, status.st_mtime_ns) != (size, mtime_ns):
            return False
        self.write({_file_key(path, status): digest.encode()})
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files; the store cannot be used afterwards."""
        self._database.close()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_database"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._open()

    def _open(self) -> None:
        try:
            self._database = Database(self.folder)
        except (OSError, sqlite3.Error, TransNetError) as error:
            raise TransNetError(
                f"the {self.title} at {self.folder} cannot be used ({error}); "
                f"{self.alternative}. If the disk is full, free space. If the cache is damaged, "
                "delete it: everything in it can be computed again."
            ) from error


def file_digest(path: Path | str) -> str:
    """A hash of a file's bytes, as in ``clips.csv`` of a run.

    Raises:
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]


def _file_key(path: Path | str, status: os.stat_result) -> str:
    facts = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    where = os.fsencode(Path(path).resolve()) + f"|{facts}".encode()
    return "digest|" + hashlib.blake2b(where, digest_size=16).hexdigest()


def entry_key(kind: str, **depends_on: Any) -> str:
    """The key of an entry: its kind, and a hash of everything that it depends on (JSON values)."""
    text = json.dumps({"format": FORMAT, **depends_on}, sort_keys=True)
    return f"{kind}|" + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
