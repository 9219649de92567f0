"""Opening video files: what is not a plain file with a plausible video stream is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from transnet.errors import VideoError

# A damaged header can ask for any amount of memory. 8K cameras fit, in the wider 17:9 as well.
MAX_PIXELS = 8192 * 4352
MAX_ASPECT = 64
# Containers and raw streams of video only. Playlists, text and numbered pictures, which FFmpeg
# would open as well, make it read other files or draw what is no video.
FORMATS = (
    "apng,asf,avi,dv,flv,gif,gxf,h261,h263,h264,hevc,ivf,m4v,matroska,mjpeg,mov,mpeg,mpegts,"
    "mpegvideo,mxf,nut,obu,ogg,rm,vc1,wtv,yuv4mpegpipe"
)
# Without it decoders hide damage. Clean files decode to the same pixels.
NOTICE_DAMAGE = "crccheck+bitstream+buffer+explode"

_ANIMATED_WEBP = (
    "is a WebP picture or animation, which is not read as video; convert it, for example with "
    "ImageMagick: magick NAME.webp NAME.gif"
)


def open_video(path: Path | str) -> tuple[InputContainer, VideoStream]:
    """Open a video file and choose its video stream; the caller closes the container.

    Raises:
        VideoError: the file is missing, unreadable, or not a video.
    """
    _check_file(path)
    try:
        container = av.open(
            os.fspath(os.path.abspath(path)),
            metadata_errors="ignore",
            options={
                "protocol_whitelist": "file",
                "format_whitelist": FORMATS,
                "max_pixels": str(MAX_PIXELS),
            },
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
    stream = _shown_stream(container)
    if stream is None:
        raise VideoError(path, "holds no video stream.")
    if stream.codec_context is None:
        raise VideoError(path, "uses an unknown codec.")
    if not is_plausible(stream.width, stream.height):
        raise VideoError(
            path,
            f"claims frames of {stream.width} x {stream.height} pixels; accepted: up to "
            f"{MAX_PIXELS / 1e6:.0f} million pixels, and sides of at most 1:{MAX_ASPECT}.",
        )
    stream.codec_context.options = {"err_detect": NOTICE_DAMAGE, "max_pixels": str(MAX_PIXELS)}
    return stream


def _shown_stream(container: InputContainer) -> VideoStream | None:
    """The stream that players show: the default one, else the largest; never a cover picture."""
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails)
    ]

    def rank(stream: VideoStream) -> tuple[bool, int]:
        size = stream.width * stream.height if stream.codec_context is not None else 0
        return bool(stream.disposition & Disposition.default), size

    return max(streams, key=rank, default=None)


def is_plausible(width: int, height: int) -> bool:
    """Whether a frame of this size in pixels can be what was filmed."""
    shorter, longer = sorted((width, height))
    return width * height <= MAX_PIXELS and longer <= MAX_ASPECT * max(shorter, 1)


def _check_file(path: Path | str) -> None:
    try:
        status = os.stat(path)
        head = b""
        if stat.S_ISREG(status.st_mode):
            with open(path, "rb") as file:
                head = file.read(12)
    except FileNotFoundError:
        raise VideoError(path, "does not exist.") from None
    except PermissionError:
        raise VideoError(path, "cannot be opened: permission denied.") from None
    except (OSError, ValueError) as error:
        raise VideoError(path, f"cannot be opened ({error}).") from None
    if stat.S_ISDIR(status.st_mode):
        raise VideoError(
            path,
            "is not a file. A folder of frames is read after it was made a video, for example "
            "with: ffmpeg -framerate 25 -pattern_type glob -i 'FOLDER/*.jpg' NAME.mp4",
        )
    if not stat.S_ISREG(status.st_mode):
        raise VideoError(path, "is not a file.")
    if status.st_size == 0:
        raise VideoError(path, "is empty (0 bytes).")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        raise VideoError(path, _ANIMATED_WEBP)
