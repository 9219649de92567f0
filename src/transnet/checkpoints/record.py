"""The JSON file that describes a folder: readable by the version that wrote it and newer ones."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from transnet.errors import TransNetError

Info = TypeVar("Info")

_VERSIONED = ("transnet-har", "torch", "torchvision", "timm", "pytorch-lightning", "av", "numpy")


def read_record(
    path: Path,
    parse: Callable[[dict[str, Any]], Info],
    *,
    newest_format: int,
    missing: str,
) -> Info:
    """Read the JSON file of a folder.

    Args:
        path: the file; it holds ``format``, a number, and ``versions``.
        parse: converts the file's values.
        newest_format: the newest format that this version reads.
        missing: the error message if there is no such file.

    Raises:
        TransNetError: the file is missing, damaged, or written by a newer version.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] > newest_format:
            raise TransNetError(
                f"{path.parent} was made by a newer version "
                f"({values['versions']['transnet-har']}); "
                "upgrade with: pip install --upgrade transnet-har"
            )
        return parse(values)
    except (FileNotFoundError, NotADirectoryError):
        raise TransNetError(missing) from None
    except (AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError) as error:
        raise TransNetError(f"{path} cannot be understood ({error!r}).") from error


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that influence a result."""
    found = {"python": platform.python_version()}
    for name in _VERSIONED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found
