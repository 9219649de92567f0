"""Exceptions that reach the user."""


class TransNetError(Exception):
    """An error that the user can fix.

    The message names the thing, its value, what is accepted and what to do next. The command line
    prints it without a traceback and exits with status 1.

    Example:
        >>> try:
        ...     transnet.ClipConfig(frames=1)
        ... except TransNetError as error:
        ...     print(error)
        frames is 1; accepted: 2 to 1024 (pairs of neighbors need 2).
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
