"""What a command prints: a line of text or a JSON object per result, and errors the same way."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from typing import Any

from transnet.errors import FileError
from transnet.utils.progress import say


def print_json(values: Mapping[str, Any]) -> None:
    """Print a JSON object on a line of standard output."""
    say(jsonlib.dumps(values), standard_output=True)


class FileResults:
    """The results of a command that takes several files.

    A file that fails is reported and the command continues with the next one.

    Args:
        json: print JSON objects on standard output, errors included (``path`` and ``error``),
            instead of text, with errors on standard error.

    Attributes:
        failed: number of files that failed.
        json: whether JSON objects are printed.
    """

    def __init__(self, *, json: bool) -> None:
        self.json = json
        self.failed = 0

    @property
    def exit_status(self) -> int:
        """0, or 1 if any file failed."""
        return int(self.failed > 0)

    def result(self, text: object, values: Mapping[str, Any]) -> None:
        """Print a result, as text or as JSON."""
        if self.json:
            print_json(values)
        else:
            say(str(text), standard_output=True)

    def error(self, path: object, error: FileError) -> None:
        """Report a file that could not be read."""
        self.failed += 1
        if self.json:
            print_json({"path": str(path), "error": error.reason})
        else:
            say(f"error: {error}")
