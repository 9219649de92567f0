"""One writer of a folder at a time, by a lock that the system frees when its process ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from transnet.errors import TransNetError

NAME = ".lock"


@contextmanager
def only_writer(folder: Path, option: str = "--out") -> Iterator[None]:
    """Hold the lock of a folder, which exists, in the block.

    A process that was killed holds no lock. Where the file system has no locks, nothing is held.

    Args:
        folder: the folder.
        option: the option that names it, for errors.

    Raises:
        TransNetError: another process writes to the folder.
    """
    path = folder / NAME
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise TransNetError(
            f"{option} is {str(folder)!r}, which cannot be written ({error})."
        ) from error
    try:
        try:
            _lock(handle)
        except BlockingIOError:
            raise TransNetError(
                f"{option} is {str(folder)!r}, to which another process is writing; wait until it "
                "has ended, or choose another folder."
            ) from None
        yield
        with suppress(OSError):
            path.unlink()
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    """Lock an open file, or raise ``BlockingIOError``."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError as error:
            raise BlockingIOError from error
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return  # a network disk without locks
