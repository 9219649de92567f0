"""JPEG pictures of a stream: their size before decoding, and their decoded frame.

FFmpeg's decoder gives the frame, as it does for a Matroska file of the same JPEGs, so a picture
has the same pixels whether it is watched or was recorded.
"""

from __future__ import annotations

import av
from av.error import FFmpegError

from transnet.app.serving.settings import FRAME_BYTES, FRAME_PIXELS
from transnet.errors import TransNetError

_SIZES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length


class JpegError(TransNetError):
    """A picture that is no JPEG, or too large."""


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height of a JPEG, from its header.

    Raises:
        JpegError: it is no JPEG, or larger than a stream accepts.
    """
    if len(data) > FRAME_BYTES:
        raise JpegError(f"the frame has {len(data)} bytes; accepted: up to {FRAME_BYTES}.")
    position = 2
    while data[:2] == b"\xff\xd8" and position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker in _SIZES:
            height = int.from_bytes(data[position + 5 : position + 7])
            width = int.from_bytes(data[position + 7 : position + 9])
            if min(width, height) < 16 or width * height > FRAME_PIXELS:
                raise JpegError(
                    f"the frame has {width} x {height} pixels; accepted: sides of 16 or more, "
                    f"{FRAME_PIXELS} pixels at most."
                )
            return width, height
        length = int.from_bytes(data[position + 2 : position + 4])
        position += 2 if marker in _BARE else 2 + length
    raise JpegError("the frame is not a JPEG picture; accepted: JPEG, as canvas.toBlob gives it.")


class JpegDecoder:
    """Decodes the pictures of one stream; not for several threads."""

    def __init__(self) -> None:
        self._codec = av.CodecContext.create("mjpeg", "r")

    def decode(self, data: bytes) -> av.VideoFrame:
        """The frame of one JPEG.

        Raises:
            JpegError: it is no JPEG, too large or damaged.
        """
        jpeg_size(data)
        try:
            frames = self._codec.decode(av.Packet(data))
        except (FFmpegError, ValueError) as error:
            self._codec = av.CodecContext.create("mjpeg", "r")
            raise JpegError(f"the frame cannot be decoded ({error}).") from error
        if len(frames) != 1:
            raise JpegError("the frame cannot be decoded.")
        return frames[0]
