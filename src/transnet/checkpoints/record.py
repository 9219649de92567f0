"""The JSON file that says what a folder is: written by one version, read by that or a newer one."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from transnet.errors import TransNetError

Record = TypeVar("Record")

_VERSIONED = ("transnet-har", "torch", "torchvision", "timm", "pytorch-lightning", "av", "numpy")


def read_record(
    path: Path,
    understand: Callable[[dict[str, Any]], Record],
    *,
    newest_format: int,
    missing: str,
) -> Record:
    """Read such a file.

    Args:
        path: the file; it holds ``format``, a number, and ``versions``.
        understand: makes the record of the file's values.
        newest_format: the newest format that can be read.
        missing: what to say if there is no such file.

    Raises:
        TransNetError: it is missing, damaged, or of a newer version.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] > newest_format:
            raise TransNetError(
                f"{path.parent} was made by a newer version "
                f"({values['versions']['transnet-har']}); "
                "upgrade with: pip install --upgrade transnet-har"
            )
        return understand(values)
    except (FileNotFoundError, NotADirectoryError):
        raise TransNetError(missing) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TransNetError(f"{path} cannot be understood ({error!r}).") from error


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result."""
    found = {"python": platform.python_version()}
    for name in _VERSIONED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found
