"""The manifest of a dataset, by what the user types as DATA."""

from __future__ import annotations

from pathlib import Path

from transnet.data.datasets.csv import read_csv_dataset
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
    """DATA as the user typed it, with an absolute path."""
    name, colon, rest = str(data).partition(":")
    if colon and name in _PUBLISHED:
        return f"{name}:{Path(rest).expanduser().resolve()}"
    return str(Path(data).expanduser().resolve())


def open_dataset(data: str | Path, *, lists_only: bool = False) -> Manifest:
    """Read the list of clips of a dataset; no video is opened.

    Args:
        data: a folder of class folders, a CSV file, ``kth:DIR``, ``ucf101:DIR`` or
            ``hmdb51:DIR``. Archives in the folder of a published dataset are unpacked there.
        lists_only: include every clip of the official lists of a published dataset, whether its
            video exists or not.

    Raises:
        TransNetError: the dataset does not exist, or is invalid.
    """
    name, colon, rest = str(data).partition(":")
    if colon and name in _PUBLISHED:
        return _PUBLISHED[name].read(Path(rest).expanduser(), lists_only=lists_only)
    path = Path(data).expanduser()
    if path.is_dir():
        return read_folder(path)
    if path.is_file():
        return read_csv_dataset(path)
    raise TransNetError(f"DATA is {str(data)!r}, which does not exist; accepted: {ACCEPTED}.")
