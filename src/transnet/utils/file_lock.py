"""One writer of a folder at a time, by a lock that the system frees when its process ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from transnet.errors import TransNetError
from transnet.utils.paths import output_folder

NAME = ".lock"


@contextmanager
def only_writer(folder: Path, option: str = "--out") -> Iterator[None]:
    """Create a folder if it is missing, and hold its lock in the block.

    A process that was killed holds no lock. Where the file system has no locks, nothing is held.

    Args:
        folder: the folder; it is removed at the end if nothing was written to it.
        option: the option that names it, for errors.

    Raises:
        TransNetError: another process writes to the folder.
    """
    path = output_folder(folder, option) / NAME
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise TransNetError(
            f"{option} is {str(folder)!r}, which cannot be written ({error})."
        ) from error
    try:
        try:
            _lock(handle)
            if not os.path.samestat(os.fstat(handle), os.stat(path)):
                raise BlockingIOError  # the one before has removed it, and another made it anew
        except (BlockingIOError, FileNotFoundError):
            raise TransNetError(
                f"{option} is {str(folder)!r}, to which another process is writing; wait until it "
                "has ended, or choose another folder."
            ) from None
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()
            with suppress(OSError):
                folder.rmdir()  # fails unless it is empty
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
