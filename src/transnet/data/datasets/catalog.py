"""The manifest of a dataset, by what the user types as DATA."""

from __future__ import annotations

from pathlib import Path

from transnet.data.annotations.formats import ACCEPTED as FORMATS
from transnet.data.annotations.formats import read_annotation_file
from transnet.data.datasets.csv import read_csv_dataset
from transnet.data.datasets.folder import annotated_manifest, read_folder
from transnet.data.datasets.hmdb51 import HMDB51
from transnet.data.datasets.kth import KTH
from transnet.data.datasets.ucf101 import UCF101
from transnet.data.manifest import Manifest
from transnet.data.video.reader import VIDEO_SUFFIXES
from transnet.errors import TransNetError

_PUBLISHED = {publication.name: publication for publication in (KTH, UCF101, HMDB51)}
_GAPS = "gaps"

ACCEPTED = (
    "a folder of class folders, a CSV file with columns path and label, annotations of "
    f"{FORMATS}, {_GAPS}:FILE (annotations, and the stretches between them as _none), or "
    + ", ".join(f"{name}:DIR" for name in _PUBLISHED)
)


def resolve_dataset(data: str | Path) -> str:
    """DATA as the user typed it, with an absolute path."""
    name, colon, rest = str(data).partition(":")
    if colon and (name in _PUBLISHED or name == _GAPS):
        return f"{name}:{Path(rest).expanduser().resolve()}"
    return str(Path(data).expanduser().resolve())


def open_dataset(data: str | Path, *, lists_only: bool = False) -> Manifest:
    """Read the list of clips of a dataset; no video is decoded.

    Where an annotation states seconds, the frame times of its video are read.

    Args:
        data: a folder of class folders (in ``train``, ``val`` and ``test``, if it has these), a
            CSV file or a list of ``path label``, an annotation file of CVAT, Label Studio, ELAN,
            VIA 3, Create ML, ActivityNet, Kinetics or Something-Something, ``kth:DIR``,
            ``ucf101:DIR`` or ``hmdb51:DIR``. Archives in the folder of a published dataset are
            unpacked there. ``gaps:FILE`` adds the stretches of each video between its segments,
            as clips of the label ``_none``.
        lists_only: include every clip of the official lists of a published dataset, whether its
            video exists or not.

    Raises:
        TransNetError: the dataset does not exist, or is invalid.

    Example:
        >>> open_dataset("clips").classes
        ('boxing', 'handwaving', 'walking')
    """
    name, colon, rest = str(data).partition(":")
    if colon and name in _PUBLISHED:
        return _PUBLISHED[name].read(Path(rest).expanduser(), lists_only=lists_only)
    gaps = bool(colon) and name == _GAPS
    path = Path(rest if gaps else data).expanduser()
    if path.is_dir():
        return read_folder(path, gaps=gaps)
    if path.is_file():
        if path.suffix.lower() in VIDEO_SUFFIXES:
            raise TransNetError(f"data is {str(data)!r}, a video; accepted: {ACCEPTED}.")
        annotated = read_annotation_file(path)
        if annotated is not None:
            return annotated_manifest(path.stem, [annotated], gaps=gaps)
        return read_csv_dataset(path, gaps=gaps)
    raise TransNetError(f"data is {str(data)!r}, which does not exist; accepted: {ACCEPTED}.")
