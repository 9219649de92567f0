"""Parquet parts: tables that appear in a folder whole, or not at all.

::

    OUT/_archive.json                       what made the rows: model, settings, versions
    OUT/part-1of8-3f9c52d0a1b2c3d4.parquet  rows of shard 1/8, named by a hash of its bytes
    OUT/.part-...tmp                        being written; readers ignore it

The folder may lie on any file system of ``fsspec``. A part is written under another name and then
renamed, so what a killed run leaves is whole parts. Readers of Parquet (pyarrow, DuckDB, Spark)
skip names that begin with ``_`` or ``.``.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from transnet.archive.addresses import Shard, file_system, is_remote
from transnet.errors import TransNetError

RECORD = "_archive.json"
ROWS = 1000
SECONDS = 60.0
Row = dict[str, Any]


def import_pyarrow() -> Any:
    """The package that reads and writes Parquet.

    Raises:
        TransNetError: it is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError as error:
        raise TransNetError(
            f"archives need pyarrow, which cannot be imported ({error}); "
            "install it with: pip install 'transnet-har[archive]'"
        ) from error
    return pa


def printable(name: str) -> str:
    """A path as valid Unicode: bytes that are none become ``\\xNN``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class Parts:
    """The parts of one folder.

    Args:
        out: the folder, on this machine or on a file system of ``fsspec``; made if missing.
        key: the column that names a row.
        shard: whose parts are written.

    Raises:
        TransNetError: the folder cannot be made.
    """

    def __init__(self, out: str, key: str, shard: Shard = Shard()) -> None:
        self._arrow = import_pyarrow()
        self.out, self.key, self._shard = out, key, shard
        self._system, path = file_system(out if is_remote(out) else str(_absolute(out)))
        self._folder = path.rstrip("/")
        with _writing(out):
            self._system.makedirs(self._folder, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only writer of this shard, and clear what a killed writer left.

        A lock of a process that has died does not hold. Remote file systems have no locks.

        Raises:
            TransNetError: another process writes this shard.
        """
        if is_remote(self.out):
            self._clear()
            yield
            return
        import filelock

        name = f".lock-{self._prefix()}"
        try:
            with filelock.FileLock(f"{self._folder}/{name}", timeout=0):
                self._clear()
                yield
        except filelock.Timeout:
            raise TransNetError(
                f"another process writes shard {self._shard} of {self.out}; wait until it has "
                "ended, or choose another --out."
            ) from None

    def names(self) -> list[str]:
        """The paths of all parts, those of other shards included."""
        self._system.invalidate_cache()
        found = self._system.ls(self._folder, detail=False)
        return sorted(p for p in map(str, found) if _is_part(p.rpartition("/")[2]))

    def keys(self) -> set[str]:
        """The keys of all rows that are written; reads no other column.

        Raises:
            TransNetError: a part cannot be read.
        """
        found: set[str] = set()
        for name in self.names():
            with self._reading(name), self._system.open(name, "rb") as file:
                column = self._parquet(file).read(columns=[self.key])
                found.update(column[self.key].to_pylist())
        return found

    def read(self, name: str) -> Any:
        """A part as a ``pyarrow.Table``, checked against the digest in its name.

        Raises:
            TransNetError: it is damaged.
        """
        with self._reading(name):
            content = self._system.cat_file(name)
            if _digest(content) not in name:
                raise ValueError("its bytes do not have the digest in its name")
            return self._parquet(io.BytesIO(content)).read()

    def write(self, table: Any) -> None:
        """Write a table as a part; equal tables are the same part.

        Raises:
            TransNetError: it cannot be written.
        """
        buffer = io.BytesIO()
        self._arrow.parquet.write_table(table, buffer, compression="zstd", write_page_checksum=True)
        content = buffer.getvalue()
        self._move_in(f"part-{self._prefix()}-{_digest(content)}.parquet", content)

    def drop(self, column: str) -> int:
        """Remove the rows in which a column is not null, and return how many there were.

        Raises:
            TransNetError: a part cannot be read or written.
        """
        dropped = 0
        for name in self.names():
            table = self.read(name)
            kept = table.filter(self._arrow.compute.is_null(table[column]))
            if kept.num_rows == table.num_rows:
                continue
            dropped += table.num_rows - kept.num_rows
            with _writing(self.out):
                self._system.rm_file(name)  # first: a kill in between costs rows, and doubles none
            if kept.num_rows:
                self.write(kept)
        return dropped

    def settle(self, record: dict[str, Any], *, adopt: Sequence[str] = ()) -> dict[str, Any]:
        """Say what makes the rows, or find that what is there was made by the same.

        Args:
            record: JSON values.
            adopt: keys whose value may differ from the recorded one, which then holds.

        Returns:
            What is recorded.

        Raises:
            TransNetError: the folder holds rows of another model or of other settings.
        """
        path = f"{self._folder}/{RECORD}"
        try:
            found = json.loads(self._system.cat_file(path))
        except FileNotFoundError:
            self._move_in(RECORD, (json.dumps(record, indent=2) + "\n").encode())
            return record
        except (OSError, ValueError) as error:
            raise TransNetError(f"{path} cannot be understood ({error}).") from error
        wanted = json.loads(json.dumps(record))
        for name, value in wanted.items():
            if name not in adopt and found.get(name) != value:
                raise TransNetError(
                    f"{self.out} was made with {name} {found.get(name)!r}, and now {name} is "
                    f"{value!r}; use the same, or choose another --out."
                )
        return found

    def _prefix(self) -> str:
        return f"{self._shard.number}of{self._shard.count}"

    def _clear(self) -> None:
        start = f".part-{self._prefix()}-"
        for path in map(str, self._system.ls(self._folder, detail=False)):
            if path.rpartition("/")[2].startswith(start):
                with suppress(OSError):
                    self._system.rm_file(path)

    def _parquet(self, file: Any) -> Any:
        return self._arrow.parquet.ParquetFile(file, page_checksum_verification=True)

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except (OSError, KeyError, ValueError, self._arrow.ArrowException) as error:
            raise TransNetError(
                f"{name} cannot be read as a part ({error}); delete it, and its rows are made anew."
            ) from error

    def _move_in(self, name: str, content: bytes) -> None:
        beside = f"{self._folder}/.{name}.tmp"
        with _writing(self.out):
            try:
                self._system.pipe_file(beside, content)
                self._system.mv(beside, f"{self._folder}/{name}")
            except BaseException:
                with suppress(OSError):
                    self._system.rm_file(beside)
                raise


class PartWriter:
    """Collects rows and writes a part when there are enough of them, or every minute.

    Use as a context manager: what is collected is written at the end, after an exception, too.

    Args:
        parts: where they go.
        schema: of the rows, a ``pyarrow.Schema``.
        rows: rows of a part.
        seconds: after which a smaller part is written: what a kill costs at most.

    Attributes:
        written: parts written.
    """

    def __init__(
        self, parts: Parts, schema: Any, *, rows: int = ROWS, seconds: float = SECONDS
    ) -> None:
        self._parts, self._schema = parts, schema
        self._max_rows, self._max_s = rows, seconds
        self._rows: list[Row] = []
        self._since = time.monotonic()
        self.written = 0

    def add(self, row: Row) -> None:
        """Take one row.

        Raises:
            TransNetError: a part cannot be written.
        """
        self._rows.append(row)
        full = len(self._rows) >= self._max_rows
        if full or time.monotonic() - self._since >= self._max_s:
            self.flush()

    def flush(self) -> None:
        """Write what is collected."""
        rows, self._rows, self._since = self._rows, [], time.monotonic()
        if rows:
            table = import_pyarrow().Table.from_pylist(rows, schema=self._schema)
            self._parts.write(table)
            self.written += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _is_part(name: str) -> bool:
    return name.startswith("part-") and name.endswith(".parquet")


def _absolute(out: str) -> Path:
    return Path(out).expanduser().absolute()


@contextmanager
def _writing(out: str) -> Iterator[None]:
    try:
        yield
    except TransNetError:
        raise
    except Exception as error:  # what file systems raise has no common base
        raise TransNetError(
            f"{out} cannot be written ({error}). Start the same command again once it can: what "
            "is written is kept."
        ) from error
