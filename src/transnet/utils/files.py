"""Files and folders that take their name only once they are complete."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

from transnet.errors import TransNetError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A place to write a file, which takes its name only once it is complete.

    Raises:
        TransNetError: it cannot be written, because the disk is full, say.
    """
    beside = path.with_name(f".{path.name[:40]}.{os.getpid()}")
    try:
        yield beside
        os.replace(beside, path)
    except (OSError, SafetensorError) as error:
        raise TransNetError(f"{path} cannot be written ({error}).") from error
    finally:
        with suppress(OSError):
            beside.unlink()


@contextmanager
def whole_folder(folder: Path, option: str = "--out") -> Iterator[Path]:
    """A folder to fill, which takes its name, in place of an older one, only once it is complete.

    Args:
        folder: its name.
        option: what the user calls it, for errors.

    Raises:
        TransNetError: it cannot be made.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise TransNetError(
            f"{option} is {str(folder)!r}, which cannot be made ({error})."
        ) from error
    try:
        yield beside
        beside.chmod(0o777 & ~_umask())
        if folder.is_dir():
            shutil.rmtree(folder)
        os.replace(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_once(path: Path, table: bytes, what: str) -> None:
    """Write a list that stays what it is for the whole of a training.

    Raises:
        TransNetError: there is one already, and it is another one.
    """
    if path.exists():
        if path.read_bytes() != table:
            raise TransNetError(other_list(path.parent, what))
        return
    with written_whole(path) as beside:
        beside.write_bytes(table)


def other_list(run: Path, what: str) -> str:
    """What to say where a list is not the one that a training was started with."""
    return (
        f"the {what} of {run} are not those that its training was started with, so it cannot be "
        "continued; start anew with --overwrite, or in another --out folder."
    )
