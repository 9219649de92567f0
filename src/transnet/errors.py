"""Exceptions that reach the user."""


class TransNetError(Exception):
    """An error that the user can fix.

    The message names the thing, its value, what is accepted and what to do next. The command line
    prints it without a traceback and exits with status 1.
    """


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
    """A video that cannot be read or trusted."""


class PhotoError(FileError):
    """A photo, or its mask, that cannot be read or trusted."""
