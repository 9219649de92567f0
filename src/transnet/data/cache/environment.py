"""Opening an LMDB folder so that no damage, and no lack of space, ends the process with a signal.

LMDB maps its files into memory. Where a mapped file is shorter than its content claims, or has no
room on the disk, an access ends in a bus error. Both are excluded before the files are mapped.
"""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

import lmdb

FIRST_MAP_BYTES = 2**30
_SMALL_MAP_BYTES = 2**26
_LOCK_BYTES = 2**16
_MAX_READERS = 512

# A meta page: 16 bytes of header, then magic, version, address, map size, two trees of 48 bytes of
# which the first begins with the page size, the last page, the transaction.
_META = struct.Struct("<16x I I 8x 8x I 44x 48x Q Q")
_MAGIC = 0xBEEFC0DE
_NO_WRITE = (errno.EROFS, errno.EACCES, errno.EPERM)


def open_environment(folder: Path) -> tuple[lmdb.Environment, bool]:
    """Open or create an LMDB folder.

    Returns:
        The environment, and whether it can be written. One on a read-only disk is only read.

    Raises:
        OSError, lmdb.Error: it cannot be opened.
    """
    data = folder / "data.mdb"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _reserve(folder / "lock.mdb", _LOCK_BYTES)
        if data.exists():
            _reserve(data, claimed_bytes(data))
        return _mapped(folder, data), True
    except (OSError, lmdb.Error) as error:
        if not (data.exists() and _is_read_only(folder, error)):
            raise
    if data.stat().st_size < claimed_bytes(data):
        raise OSError(errno.EIO, "data.mdb has been cut")
    size = max(data.stat().st_size, 2**20)
    return lmdb.open(os.fspath(folder), map_size=size, readonly=True, lock=False), False


def _mapped(folder: Path, data: Path) -> lmdb.Environment:
    used = data.stat().st_size if data.exists() else 0
    for size in (max(FIRST_MAP_BYTES, 2 * used), used + _SMALL_MAP_BYTES):
        try:
            return lmdb.open(os.fspath(folder), map_size=size, max_readers=_MAX_READERS)
        except lmdb.Error as error:  # a limit of addresses, as of ulimit -v
            if "allocate memory" not in str(error):
                raise
            failure = error
    raise failure


def _is_read_only(folder: Path, error: Exception) -> bool:
    number = getattr(error, "errno", None)
    return number in _NO_WRITE or not os.access(folder, os.W_OK) or "Read-only" in str(error)


def claimed_bytes(data: Path) -> int:
    """How long a data file is by its own account; 0 if it has none."""
    with open(data, "rb") as file:
        first = file.read(_META.size)
        metas = [_META.unpack(first)] if len(first) == _META.size else []
        if metas and metas[0][0] == _MAGIC and 512 <= metas[0][2] <= 2**16:
            file.seek(metas[0][2])
            second = file.read(_META.size)
            metas += [_META.unpack(second)] if len(second) == _META.size else []
    valid = [m for m in metas if m[0] == _MAGIC and 512 <= m[2] <= 2**16]
    if not valid:
        return 0
    _, _, page, last, _ = max(valid, key=lambda meta: meta[4])
    return (last + 1) * page if last < 2**40 else 0


def _reserve(path: Path, size: int) -> None:
    """Give a file its size on the disk, with zeros where it has none; its content is kept."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    try:
        found = os.fstat(handle)
        size = max(size, found.st_size) if path.name != "lock.mdb" else found.st_size or size
        if hasattr(os, "posix_fallocate"):
            # Never makes a file shorter, as another process may be enlarging it.
            if found.st_blocks * 512 < size or found.st_size < size:
                os.posix_fallocate(handle, 0, size)
        elif found.st_size < size:
            os.truncate(handle, size)
    finally:
        os.close(handle)
