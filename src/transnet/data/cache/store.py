"""Things that were computed once, kept on disk: what the feature cache and the clip cache share.

An entry is named by everything that it depends on, first of all the bytes of the video. So nothing
ever has to be thrown away because it might be stale, and a moved or copied video is found again.
Entries are written in LMDB transactions: after a crash or a full disk an entry is there as a
whole, or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import lmdb

from transnet.errors import TransNetError, VideoError

FORMAT = 1
FIRST_MAP_BYTES = 2**30


class Store:
    """Bytes by name.

    It may be handed to other processes: each opens the files for itself.

    Args:
        folder: where it lives; made if need be. Several processes may share it, on a local disk.

    Raises:
        TransNetError: the folder cannot be used, or holds something else.
    """

    title = "store"
    way_out = "choose another folder with --cache"

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder).expanduser()
        self._open()

    def __contains__(self, key: str) -> bool:
        return self.read([key])[0] is not None

    def read(self, keys: Iterable[str]) -> list[bytes | None]:
        """The bytes of each key, or ``None``."""
        with self._transaction() as transaction:
            return [transaction.get(key.encode()) for key in keys]

    def write(self, values: Mapping[str, bytes]) -> None:
        """Keep some entries: all of them or, if it fails, none.

        Raises:
            TransNetError: the disk is full or cannot be written.
        """
        while True:
            try:
                with self._environment.begin(write=True) as transaction:
                    for key, value in values.items():
                        transaction.put(key.encode(), value)
                return
            except lmdb.MapResizedError:
                self._environment.set_mapsize(0)
            except lmdb.MapFullError:
                self._environment.set_mapsize(2 * self._environment.info()["map_size"])
            except (OSError, lmdb.Error) as error:
                raise TransNetError(
                    f"the {self.title} at {self.folder} cannot be written ({error}). "
                    "Is the disk full? Free some space and start again: what is there is kept. "
                    f"Or {self.way_out}."
                ) from error

    def video_digest(self, path: Path | str) -> str:
        """A hash of a file's bytes, remembered for as long as its size and date stay the same.

        Raises:
            VideoError: the file cannot be read.
        """
        try:
            key = _file_key(path, os.stat(path))
            known = self.read([key])[0]
            if known is not None:
                return known.decode()
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "blake2b").hexdigest()[:32]
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise VideoError(path, f"cannot be opened ({reason}).") from None
        self.write({key: digest.encode()})
        return digest

    def remember_digest(self, path: Path | str, digest: str, size: int, mtime_ns: int) -> bool:
        """Take over a digest that another machine computed of the same file.

        Args:
            path: the file; one of another size or date is left alone.
            digest: as :meth:`video_digest` gave it.
            size: bytes of the file then.
            mtime_ns: its date then, in nanoseconds.

        Returns:
            Whether the file is here and has this size and date.
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
        """Let go of the files; the store cannot be used afterwards."""
        self._database.close()

    def __getstate__(self) -> dict[str, Any]:
        own = ("_database", "_opened_by")
        return {name: value for name, value in vars(self).items() if name not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._open()

    def _open(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            data = self.folder / "data.mdb"
            size = max(FIRST_MAP_BYTES, 2 * data.stat().st_size if data.exists() else 0)
            self._database = lmdb.open(os.fspath(self.folder), map_size=size, max_readers=512)
            self._opened_by = os.getpid()
        except (OSError, lmdb.Error) as error:
            raise TransNetError(
                f"the {self.title} at {self.folder} cannot be used ({error}); "
                f"{self.way_out}, or delete it: it holds copies only."
            ) from error

    @property
    def _environment(self) -> lmdb.Environment:
        if self._opened_by != os.getpid():  # LMDB forbids the use of what a fork inherited
            self._database.close()
            self._open()
        return self._database

    def _transaction(self) -> Any:
        try:
            return self._environment.begin(buffers=False)
        except lmdb.MapResizedError:  # another process made it larger
            self._environment.set_mapsize(0)
            return self._environment.begin(buffers=False)


def _file_key(path: Path | str, status: os.stat_result) -> str:
    where = f"{Path(path).resolve()}|{status.st_size}|{status.st_mtime_ns}"
    return "digest|" + hashlib.blake2b(where.encode(), digest_size=16).hexdigest()


def entry_key(kind: str, **depends_on: Any) -> str:
    """The name of an entry: its kind, and a hash of everything that it depends on (JSON values)."""
    text = json.dumps({"format": FORMAT, **depends_on}, sort_keys=True)
    return f"{kind}|" + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
