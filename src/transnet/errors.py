"""Exceptions that reach the user."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

# An option and its value; or a command with its options, which stays as it is.
_OPTION = re.compile(
    r"\b(?:docker|ffmpeg|npm|pip|transnet) [^,;)]*"
    r"|(?<![\w-])--(?P<name>[a-z][a-z0-9-]*[a-z0-9])"
    r"(?: (?P<word>none|on|off|auto|best|wrong|cpu|cuda|mps)\b| (?P<value>true|false|\d+)\b)?"
    r"|^(?P<place>DATA|MODEL|RUN|SOURCE)(?= (?:is|or) )"
)


class TransNetError(Exception):
    """An error that the user can fix.

    The message names the thing, its value, what is accepted and what to do next. The command line
    prints it without a traceback and exits with status 1. Messages are written with options
    (``--batch-size 8``); in Python they are read with arguments (``batch_size=8``).

    Example:
        >>> try:
        ...     transnet.ClipConfig(frames=1)
        ... except TransNetError as error:
        ...     print(error)
        frames is 1; accepted: 2 to 1024 (pairs of neighbors need 2).
    """

    _with_options = False

    def __str__(self) -> str:
        message = super().__str__()
        return message if TransNetError._with_options else _OPTION.sub(_as_argument, message)

    @staticmethod
    @contextmanager
    def speaking_of_options() -> Iterator[None]:
        """Show messages with options: this process runs a command."""
        before, TransNetError._with_options = TransNetError._with_options, True
        try:
            yield
        finally:
            TransNetError._with_options = before


def _as_argument(found: re.Match[str]) -> str:
    """``--batch-size 8`` as ``batch_size=8``, ``--weights none`` as ``weights='none'``."""
    if place := found["place"]:
        return place.lower()
    if not (name := found["name"]):
        return found[0]
    name = name.replace("-", "_")
    if found["word"]:
        return f"{name}={found['word']!r}"
    return f"{name}={found['value'].capitalize()}" if found["value"] else name


class FileError(TransNetError):
    """A file that cannot be read or trusted.

    Args:
        path: the file.
        reason: what is wrong with it, as the end of a sentence that begins with the path.
    """

    def __init__(self, path: object, reason: str = "") -> None:
        super().__init__(f"{path}: {reason}" if reason else str(path))
        self.path = str(path)
        self.reason = reason


class VideoError(FileError):
    """A video that cannot be read or trusted.

    Example:
        >>> try:
        ...     transnet.read_clip("missing.mp4", transnet.ClipConfig())
        ... except VideoError as error:
        ...     print(error.path)
        missing.mp4
    """


class PhotoError(FileError):
    """A photo, or its mask, that cannot be read or trusted."""
