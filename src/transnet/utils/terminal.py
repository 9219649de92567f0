"""Text for a terminal: names of files and labels cannot control it."""

from __future__ import annotations

import re
import sys
from typing import Any, TextIO

# C0 and C1 without tab and newline, and the marks that turn the direction of what follows.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_OF_BARS = re.compile(r"(?:\n|\x1b\[A)*")  # how tqdm moves between bars


class ShownText:
    """A stream whose control characters are escaped; everything else is that of the stream.

    Carriage returns at either end of what is written stay, as progress bars begin with one.

    Example:
        >>> shown = ShownText(sys.stdout).write("walk" + chr(27) + "[31m" + chr(10))
        walk\\x1b[31m
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if not _OF_BARS.fullmatch(text):
            inner = text.strip("\r")
            text = text.replace(inner, _CONTROL.sub(lambda found: repr(found[0])[1:-1], inner))
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def guard_terminal() -> None:
    """Escape control characters on those of the standard streams that are terminals."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and stream.isatty() and not isinstance(stream, ShownText):
            setattr(sys, name, ShownText(stream))
