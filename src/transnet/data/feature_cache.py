"""Frame features that were computed once, kept on disk.

An entry is named by everything that it depends on: the bytes of the video, the frame range, the
preprocessing, the view and the backbone's weights. So nothing ever has to be thrown away because
it might be stale, and a moved or copied video is found again. Entries are written in LMDB
transactions: after a crash or a full disk an entry is there as a whole, or not at all.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
from numpy.typing import NDArray

from transnet.errors import TransNetError, VideoError

FORMAT = 1
FIRST_MAP_BYTES = 2**30


class FeatureCache:
    """A store of arrays by description.

    Args:
        folder: where it lives; made if need be. Several processes may share it, on a local disk.

    Raises:
        TransNetError: the folder cannot be used, or holds something else.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder).expanduser()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            data = self.folder / "data.mdb"
            size = max(FIRST_MAP_BYTES, 2 * data.stat().st_size if data.exists() else 0)
            self._database = lmdb.open(os.fspath(self.folder), map_size=size, max_readers=512)
        except (OSError, lmdb.Error) as error:
            raise TransNetError(
                f"the feature cache at {self.folder} cannot be used ({error}); "
                "choose another folder with --cache, or delete it: it holds copies only."
            ) from error

    def get(self, key: str) -> NDArray[Any] | None:
        """The array of a key, or ``None``."""
        with self._transaction() as transaction:
            value = transaction.get(key.encode())
        return None if value is None else np.load(io.BytesIO(value), allow_pickle=False)

    def __contains__(self, key: str) -> bool:
        with self._transaction() as transaction:
            return transaction.get(key.encode()) is not None

    def put(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep some arrays: all of them or, if it fails, none.

        Raises:
            TransNetError: the disk is full or cannot be written.
        """
        self._put({key: _to_bytes(array) for key, array in arrays.items()})

    def video_digest(self, path: Path | str) -> str:
        """A hash of a file's bytes, remembered for as long as its size and date stay the same.

        Raises:
            VideoError: the file cannot be read.
        """
        try:
            status = os.stat(path)
            where = f"{Path(path).resolve()}|{status.st_size}|{status.st_mtime_ns}"
            key = "digest|" + hashlib.blake2b(where.encode(), digest_size=16).hexdigest()
            with self._transaction() as transaction:
                known = transaction.get(key.encode())
            if known is not None:
                return bytes(known).decode()
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "blake2b").hexdigest()[:32]
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise VideoError(path, f"cannot be opened ({reason}).") from None
        self._put({key: digest.encode()})
        return digest

    def __enter__(self) -> FeatureCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files; the cache cannot be used afterwards."""
        self._database.close()

    def _transaction(self) -> Any:
        try:
            return self._database.begin(buffers=False)
        except lmdb.MapResizedError:  # another process made it larger
            self._database.set_mapsize(0)
            return self._database.begin(buffers=False)

    def _put(self, values: Mapping[str, bytes]) -> None:
        while True:
            try:
                with self._database.begin(write=True) as transaction:
                    for key, value in values.items():
                        transaction.put(key.encode(), value)
                return
            except lmdb.MapResizedError:
                self._database.set_mapsize(0)
            except lmdb.MapFullError:
                self._database.set_mapsize(2 * self._database.info()["map_size"])
            except (OSError, lmdb.Error) as error:
                raise TransNetError(
                    f"the feature cache at {self.folder} cannot be written ({error}). "
                    "Is the disk full? Free some space and start again: what is there is kept. "
                    "Or choose another folder with --cache."
                ) from error


def feature_key(**depends_on: Any) -> str:
    """The name of an entry: a hash of everything that it depends on (JSON values)."""
    text = json.dumps({"format": FORMAT, **depends_on}, sort_keys=True)
    return "features|" + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _to_bytes(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
