"""Files that take their name only once they are complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

from transnet.errors import TransNetError


def save_fixed(path: Path, table: bytes, what: str) -> None:
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
