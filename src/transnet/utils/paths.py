"""Where things are kept between runs, and where results go."""

from __future__ import annotations

import os
from pathlib import Path

from transnet.errors import TransNetError


def cache_folder() -> Path:
    """The folder of the caches and of fetched weights: ``TRANSNET_CACHE`` if it is set."""
    if chosen := os.environ.get("TRANSNET_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "transnet"


def output_folder(out: str | Path) -> Path:
    """The folder that ``--out`` names, made if it is not there.

    Raises:
        TransNetError: it cannot be made.
    """
    folder = Path(out).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TransNetError(f"--out is {str(out)!r}, which cannot be made ({error}).") from error
    return folder
