"""The file of a store: an SQLite database whose damage costs entries, never the process.

SQLite reads pages with system calls, not through a memory map, and validates what it follows, so a
damaged or cut file is an error of one read. Each value is kept with a digest of itself and its key;
a value that does not agree with it counts as missing. A file too damaged to be written is made anew
from the entries that can still be read.
"""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from transnet.utils.files import written_whole
from transnet.utils.progress import say

NAME = "entries.sqlite"

_DIGEST_BYTES = 16
_PAGE_BYTES = 2**14  # entries of a megabyte are read seven times as fast as from pages of 4 KiB
_LONGEST_BYTES = 2**28  # a damaged length must not make it allocate more
_MOST_ROWS = 2**21  # to look for where the end cannot be read: some ten seconds
_WAIT_S = 60.0  # for the transactions of other processes
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_TOOBIG)
_TABLE = (
    "CREATE TABLE IF NOT EXISTS entries "
    "(key BLOB PRIMARY KEY, digest BLOB NOT NULL, value BLOB NOT NULL)"
)
_GET = "SELECT digest, value FROM entries WHERE key = ?"
_PUT = "INSERT OR REPLACE INTO entries VALUES (?, ?, ?)"

# SQLite forbids even closing a connection that was opened before a fork, so they stay open.
_INHERITED: list[sqlite3.Connection] = []


class Database:
    """Bytes by key, in one file of a folder; any thread and, after a fork, any process may use it.

    Args:
        folder: created if missing.

    Raises:
        OSError, sqlite3.Error: the file cannot be opened or made.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        with suppress(FileExistsError):  # of a file; what that means is said when it is opened
            folder.mkdir(parents=True, exist_ok=True)
        self.writable = os.access(folder, os.W_OK) and (
            not self._path.exists() or os.access(self._path, os.W_OK)
        )
        if not (self.writable or self._path.exists()):
            raise PermissionError(errno.EACCES, "the folder is read-only, and holds no entries")
        self._open()

    def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """The value of each key; ``None`` if there is none, or a damaged one.

        Raises:
            sqlite3.Error: the file cannot be read.
        """
        with self._lock_of_this_process():
            if len(keys) == 1:
                return [self._value(keys[0])]
            # One transaction, as each takes and frees a lock of the file.
            try:
                self._connection.execute("BEGIN")
                return [self._value(key) for key in keys]
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                return [None for _ in keys]
            finally:
                self._roll_back()

    def write(self, values: Mapping[str, bytes]) -> None:
        """Store entries: all of them or, if it fails, none.

        Raises:
            OSError, sqlite3.Error: the disk is full or cannot be written.
        """
        rows = [
            (key.encode(), _digest(key.encode(), value), value) for key, value in values.items()
        ]
        with self._lock_of_this_process():
            if not self._inserted(rows):
                self._make_anew()
                self._insert(rows)

    def close(self) -> None:
        """Close the file; the database cannot be used afterwards."""
        if self._opened_by == os.getpid():
            self._connection.close()

    def _open(self) -> None:
        self._opened_by = os.getpid()
        self._lock = threading.Lock()
        try:
            self._connection = self._connected()
        except sqlite3.DatabaseError as error:
            if not (self.writable and _is_damage(error)):
                raise
            self._make_anew()

    def _lock_of_this_process(self) -> threading.Lock:
        if self._opened_by != os.getpid():
            _INHERITED.append(self._connection)
            self._open()
        return self._lock

    def _connected(self) -> sqlite3.Connection:
        connection = _connect(self._path, "rwc" if self.writable else "ro")
        try:
            connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")  # of a new file
            if self.writable:
                connection.execute(_TABLE)
            connection.execute(_GET, (b"",)).fetchone()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _value(self, key: str) -> bytes | None:
        try:
            found = self._connection.execute(_GET, (key.encode(),)).fetchone()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            return None
        return found[1] if found and _agrees(key.encode(), *found) else None

    def _inserted(self, rows: Sequence[tuple[bytes, bytes, bytes]]) -> bool:
        """Whether the entries are stored, and found again: a damaged index may hide them."""
        try:
            self._insert(rows)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            return False
        return all(self._value(key.decode()) is not None for key, _, _ in rows)

    def _insert(self, rows: Sequence[tuple[bytes, bytes, bytes]]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(_PUT, rows)
            self._connection.execute("COMMIT")
        finally:
            self._roll_back()

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _make_anew(self) -> None:
        """Replace the file by one with the entries that can be read and agree with their digests.

        Other processes keep the old file until they open it again.
        """
        with suppress(AttributeError):  # not opened yet
            self._connection.close()
        kept = 0
        with written_whole(self._path) as beside:
            beside.unlink(missing_ok=True)
            new = _connect(beside, "rwc")
            try:
                new.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
                new.execute("PRAGMA journal_mode = MEMORY")  # the file has no name to lose yet
                new.execute(_TABLE)
                new.execute("BEGIN")
                for row in _readable(self._path):
                    new.execute(_PUT, row)
                    kept += 1
                new.execute("COMMIT")
            finally:
                new.close()
            # Of the damaged file; it would be rolled back into the new one.
            Path(f"{self._path}-journal").unlink(missing_ok=True)
        say(
            f"{self._path.parent} was damaged; {kept} entries of it are kept, the others made anew."
        )
        self._connection = self._connected()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=_WAIT_S,
        isolation_level=None,
        check_same_thread=False,  # the lock keeps threads apart
    )
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_BYTES)
    for setting in (
        *("mmap_size = 0", "cell_size_check = ON", "trusted_schema = OFF"),
        "synchronous = NORMAL",
    ):
        connection.execute(f"PRAGMA {setting}")
    return connection


def _readable(path: Path) -> Iterator[tuple[bytes, bytes, bytes]]:
    """The undamaged rows of a damaged file."""
    try:
        old = _connect(path, "ro")
    except sqlite3.DatabaseError:
        return
    try:
        for number in range(1, _last_row(old, path) + 1):
            with suppress(sqlite3.DatabaseError):
                where = "SELECT key, digest, value FROM entries WHERE rowid = ?"
                row = old.execute(where, (number,)).fetchone()
                if row and isinstance(row[0], bytes) and _agrees(*row):
                    yield row
    finally:
        old.close()


def _last_row(old: sqlite3.Connection, path: Path) -> int:
    """The number of the last row, or one above it where that cannot be read."""
    most = path.stat().st_size // 32  # no row is shorter
    try:
        (last,) = old.execute("SELECT max(rowid) FROM entries").fetchone()
        return min(last or 0, most)
    except sqlite3.DatabaseError as error:
        return 0 if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB else min(most, _MOST_ROWS)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # raised by the module itself: a value of a kind that nothing here writes
        return isinstance(error, sqlite3.DataError | sqlite3.OperationalError)
    # A plain SQLITE_ERROR is a statement that does not fit the table.
    return code & 0xFF in (*_DAMAGE, sqlite3.SQLITE_ERROR)


def _agrees(key: bytes, digest: object, value: object) -> bool:
    return isinstance(value, bytes) and digest == _digest(key, value)


def _digest(key: bytes, value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=_DIGEST_BYTES, key=key[-64:]).digest()
