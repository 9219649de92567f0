"""Writing frames to a video file that players and browsers can play."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Self, cast

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from transnet.data.video.frames import Pixels
from transnet.errors import TransNetError

FRAGMENTED = {
    "movflags": "frag_keyframe+empty_moov+default_base_moof",
    "frag_duration": "1000000",  # microseconds
    "flush_packets": "1",
}
"""Options of MP4 without an index at its end: each second is complete once it is written."""

_MILLISECOND = Fraction(1, 1000)


def write_video(path: Path | str, frames: Iterable[Pixels], fps: Fraction) -> None:
    """Write a video with a fixed frame rate; see :class:`VideoWriter`.

    Args:
        path: the file; its suffix selects the container.
        frames: uint8 RGB ``(H, W, 3)`` each, of one size; odd sides lose a row or column.
        fps: frames per second.

    Raises:
        TransNetError: the file cannot be written.
    """
    with VideoWriter(path, fps) as writer:
        for pixels in frames:
            writer.write(pixels)


class VideoWriter:
    """Writes MPEG-4 to ``.avi``, as in KTH and UCF101, and H.264, which browsers play, elsewhere.

    Equal frames give equal ``.avi`` files; x264 does not guarantee that. ``.mp4`` and ``.mov`` are
    fragmented: what was written plays even if the process is killed or the disk is full. Use as a
    context manager: leaving it completes the file, also after an exception.

    Args:
        path: the file; its suffix selects the container.
        fps: frames per second; if not given, each frame is written with its own time, which
            ``.avi`` cannot store.

    Raises:
        TransNetError: the file cannot be written.
    """

    def __init__(self, path: Path | str, fps: Fraction | None = None) -> None:
        self.path, self._fps = Path(path), fps
        if fps is None and self.path.suffix.lower() not in (".mp4", ".mkv", ".mov"):
            raise TransNetError(f"--out is {str(path)!r}; accepted: a .mp4, .mkv or .mov file.")
        self._stream: VideoStream | None = None
        self._began_s: float | None = None
        self._last_ms = -1
        self._failed = False
        options = FRAGMENTED if self.path.suffix.lower() in (".mp4", ".mov") else {}
        try:
            # Unbuffered, so that a killed process has written what the container has.
            self._file = open(path, "wb", buffering=0)  # noqa: SIM115
            self._container: OutputContainer = av.open(self._file, "w", container_options=options)
        except (OSError, ValueError, av.FFmpegError) as error:
            raise TransNetError(f"{path} cannot be written ({error}).") from error

    def write(self, pixels: Pixels, time_s: float = 0.0) -> None:
        """Add a frame.

        Args:
            pixels: uint8 RGB ``(H, W, 3)``; resized to the size of the first frame.
            time_s: presentation time in seconds; ignored if there is a fixed frame rate.
        """
        if self._failed:  # a container must not be used after a failed write
            return
        even = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
        try:
            if self._stream is None:
                self._stream = self._begin(*even.shape[:2])
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
            if self._fps is None:
                self._began_s = time_s if self._began_s is None else self._began_s
                self._last_ms = max(self._last_ms + 1, round(1000 * (time_s - self._began_s)))
                frame.pts, frame.time_base = self._last_ms, _MILLISECOND
            self._container.mux(self._stream.encode(frame))
        except (OSError, av.FFmpegError) as error:
            raise self._failure(error) from error

    def _begin(self, height: int, width: int) -> VideoStream:
        codec, options = "mpeg4", {"b": "2000000"}
        if self.path.suffix.lower() != ".avi" and "libx264" in av.codecs_available:
            codec, options = "libx264", {"preset": "veryfast", "crf": "20"}
            if self._fps is None:  # a recording: no frames wait in the encoder
                options["tune"] = "zerolatency"
        rate = self._fps or 30
        stream = cast(VideoStream, self._container.add_stream(codec, rate=rate, options=options))
        stream.height, stream.width = height, width
        stream.pix_fmt = "yuv420p"
        if self._fps is None:
            stream.codec_context.time_base = _MILLISECOND
        return stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._failed:  # FFmpeg crashes when it ends a container that it could not begin
            return
        try:
            if self._stream is not None:
                self._container.mux(self._stream.encode())
            self._container.close()
            self._file.close()
        except (OSError, av.FFmpegError) as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> TransNetError:
        """Give up the file; it is kept if what was written can be played."""
        self._failed = True
        with suppress(OSError):
            self._file.close()
        played = _first_frame(self.path)
        if not played:
            with suppress(OSError):
                self.path.unlink()
        kept = "; what was written until then can be played" if played else ""
        return TransNetError(f"{self.path} cannot be written ({error}){kept}.")


def _first_frame(path: Path) -> bool:
    """Whether a video has a frame that can be decoded."""
    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}) as container:
            return next(container.decode(video=0), None) is not None
    except (LookupError, OSError, av.FFmpegError):
        return False
