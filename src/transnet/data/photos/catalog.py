"""The photos of a dataset, by what the user types as DATA of ``transnet pretrain``."""

from __future__ import annotations

from pathlib import Path

from transnet.data.photos.folder import LAYOUT, read_masked_photos
from transnet.data.photos.split import PhotoSplit, divide
from transnet.data.photos.supervisely import read_supervisely
from transnet.data.photos.synthetic import generated_photos
from transnet.errors import TransNetError

ACCEPTED = f"{LAYOUT}, supervisely:DIR, or synthetic"


def open_photos(data: str, *, validation: str = "0.15", seed: int = 0) -> PhotoSplit:
    """List the photos of a dataset and divide them; no photo is opened.

    Args:
        data: a folder with ``images/`` and ``masks/``, ``supervisely:DIR``, ``synthetic``, or
            ``synthetic:N`` for N people.
        validation: see :func:`~transnet.data.photos.split.divide`.
        seed: of every random choice.

    Raises:
        TransNetError: the dataset does not exist, or is invalid.
    """
    name, _, rest = data.partition(":")
    if name == "synthetic":
        return divide(generated_photos(rest, seed), validation, seed)
    if name == "supervisely":
        return divide(read_supervisely(Path(rest).expanduser()), validation, seed)
    path = Path(data).expanduser()
    if not path.is_dir():
        raise TransNetError(f"DATA is {data!r}, which is not a folder; accepted: {ACCEPTED}.")
    return read_masked_photos(path, validation, seed)


def resolve_photos(data: str) -> str:
    """DATA as the user typed it, with an absolute path."""
    name, _, rest = data.partition(":")
    if name == "synthetic":
        return data
    if name == "supervisely":
        return f"supervisely:{Path(rest).expanduser().resolve()}"
    return str(Path(data).expanduser().resolve())
