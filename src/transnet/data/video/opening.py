"""Opening video files: what is not a plain file with a plausible video stream is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from transnet.errors import VideoError

# A damaged header can ask for any amount of memory: no camera makes larger or longer frames.
MAX_PIXELS = 16384 * 16384
MAX_ASPECT = 64


def open_video(path: Path | str) -> tuple[InputContainer, VideoStream]:
    """Open a video file and choose its video stream; the caller closes the container.

    Raises:
        VideoError: the file is missing, unreadable, or not a video.
    """
    _check_file(path)
    try:
        # Only this file: a playlist must not make us open others, or the network.
        container = av.open(
            os.path.abspath(path), metadata_errors="ignore", options={"protocol_whitelist": "file"}
        )
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoError(path, f"is not a video that can be decoded ({reason}).") from error
    try:
        return container, _video_stream(path, container)
    except VideoError:
        container.close()
        raise


def _video_stream(path: Path | str, container: InputContainer) -> VideoStream:
    if not container.streams.video:
        raise VideoError(path, "holds no video stream.")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise VideoError(path, "uses an unknown codec.")
    if not is_plausible(stream.width, stream.height):
        raise VideoError(path, f"claims frames of {stream.width} x {stream.height} pixels.")
    return stream


def is_plausible(width: int, height: int) -> bool:
    """Whether a frame of this size in pixels can be what was filmed."""
    shorter, longer = sorted((width, height))
    return width * height <= MAX_PIXELS and longer <= MAX_ASPECT * max(shorter, 1)


def _check_file(path: Path | str) -> None:
    try:
        status = os.stat(path)
        if stat.S_ISREG(status.st_mode):
            with open(path, "rb"):  # only to learn whether it may be read
                pass
    except FileNotFoundError:
        raise VideoError(path, "does not exist.") from None
    except PermissionError:
        raise VideoError(path, "cannot be opened: permission denied.") from None
    except (OSError, ValueError) as error:
        raise VideoError(path, f"cannot be opened ({error}).") from None
    if not stat.S_ISREG(status.st_mode):
        raise VideoError(path, "is not a file.")
    if status.st_size == 0:
        raise VideoError(path, "is empty (0 bytes).")
