"""From what a user types as DATA to a manifest."""

from __future__ import annotations

from pathlib import Path

from transnet.data.datasets.csv import read_csv
from transnet.data.datasets.folder import read_folder
from transnet.data.datasets.hmdb51 import HMDB51
from transnet.data.datasets.kth import KTH
from transnet.data.datasets.ucf101 import UCF101
from transnet.data.manifest import Manifest
from transnet.errors import TransNetError

_PUBLISHED = {publication.name: publication for publication in (KTH, UCF101, HMDB51)}

ACCEPTED = "a folder of class folders, a CSV file with columns path and label, or " + ", ".join(
    f"{name}:DIR" for name in _PUBLISHED
)


def resolve_dataset(data: str | Path) -> str:
    """What a user typed as DATA, so that it means the same from every folder."""
    name, colon, rest = str(data).partition(":")
    if colon and name in _PUBLISHED:
        return f"{name}:{Path(rest).expanduser().resolve()}"
    return str(Path(data).expanduser().resolve())


def open_dataset(data: str | Path, *, lists_only: bool = False) -> Manifest:
    """Read the list of clips of a dataset; no video is opened.

    Args:
        data: a folder of class folders, a CSV file, ``kth:DIR``, ``ucf101:DIR`` or
            ``hmdb51:DIR``. Archives in the folder of a published dataset are unpacked there.
        lists_only: all clips that a published dataset has by its official lists, whether the
            videos are there or not.

    Raises:
        TransNetError: there is no such dataset, or it cannot be understood.
    """
    name, colon, rest = str(data).partition(":")
    if colon and name in _PUBLISHED:
        return _PUBLISHED[name].read(Path(rest).expanduser(), lists_only=lists_only)
    path = Path(data).expanduser()
    if path.is_dir():
        return read_folder(path)
    if path.is_file():
        return read_csv(path)
    raise TransNetError(f"DATA is {str(data)!r}, which does not exist; accepted: {ACCEPTED}.")
