"""Atomic files and folders: they take their name only once they are complete."""

from __future__ import annotations

import glob
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

from transnet.errors import TransNetError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path to write to; the file takes its name, atomically, when the block ends.

    What killed processes left of the same file is removed.

    Raises:
        TransNetError: it cannot be written, for example because the disk is full.
    """
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}")
    try:
        yield temporary
        with suppress(OSError):
            temporary.chmod(0o666 & ~_umask())  # safetensors writes files for their owner only
        os.replace(temporary, path)
        _remove_temporaries(path)
    except (OSError, SafetensorError) as error:
        raise TransNetError(f"{path} cannot be written ({error}).") from error
    except RuntimeError as error:
        # torch.save raises it for a full disk; its text is about positions in the archive.
        if "inline_container" not in str(error) and "PytorchStreamWriter" not in str(error):
            raise
        raise TransNetError(
            f"{path} cannot be written. Is the disk full? ({str(error).splitlines()[0]})"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def whole_folder(folder: Path, option: str = "--out") -> Iterator[Path]:
    """A temporary folder to fill; it takes its name, in place of an older one, when the block ends.

    What a killed process left of the same folder is removed.

    Args:
        folder: the folder to create.
        option: the option that names it, for errors.

    Raises:
        TransNetError: it cannot be created.
    """
    started_by = f".{folder.name}.{platform.node()}."
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder.parent, started_by)
        temporary = Path(tempfile.mkdtemp(prefix=f"{started_by}{os.getpid()}.", dir=folder.parent))
    except OSError as error:
        raise TransNetError(
            f"{option} is {str(folder)!r}, which cannot be made ({error})."
        ) from error
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        if folder.is_dir():
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_leftovers(parent: Path, started_by: str) -> None:
    """Remove the folders in ``parent`` whose process has ended on this machine."""
    for leftover in parent.glob(f"{glob.escape(started_by)}*.*"):
        pid = leftover.name.removeprefix(started_by).partition(".")[0]
        if pid.isdecimal() and not _is_running(int(pid)):
            shutil.rmtree(leftover, ignore_errors=True)


def _remove_temporaries(path: Path) -> None:
    """Remove what killed processes left of a file."""
    prefix = f".{path.name[:40]}."
    for leftover in path.parent.glob(f"{glob.escape(prefix)}*"):
        pid = leftover.name.removeprefix(prefix)
        if pid.isdecimal() and not _is_running(int(pid)):
            with suppress(OSError):
                leftover.unlink()


def _is_running(pid: int) -> bool:
    if os.name == "nt":  # os.kill would end it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_once(path: Path, table: bytes, what: str) -> None:
    """Write a list that must not change in the course of a training.

    Args:
        path: the file, in the folder of the run.
        table: its content.
        what: what it lists, for the error.

    Raises:
        TransNetError: the file exists and has another content.
    """
    if path.exists():
        if path.read_bytes() != table:
            raise TransNetError(other_list(path.parent, what))
        return
    with written_whole(path) as temporary:
        temporary.write_bytes(table)


def other_list(run: Path, what: str) -> str:
    """The error message for a list that differs from the one that a training started with."""
    return (
        f"the {what} of {run} are not those that its training was started with, so it cannot be "
        "continued; start over with --overwrite, or in another --out folder."
    )
