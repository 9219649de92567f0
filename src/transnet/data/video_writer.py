"""Writing frames as a video file that players and browsers show."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.stream import VideoStream

from transnet.data.preprocessing import Pixels
from transnet.errors import TransNetError


def write_video(path: Path | str, frames: Iterable[Pixels], fps: Fraction) -> None:
    """Write an H.264 video, or MPEG-4 where FFmpeg was built without an H.264 encoder.

    Args:
        path: the file; its suffix is the container (``.mp4``).
        frames: uint8 RGB ``(H, W, 3)`` each, of one size; odd sides lose a row or column.
        fps: frames a second.

    Raises:
        TransNetError: the file cannot be written.
    """
    codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    try:
        with av.open(str(path), "w") as container:
            stream: VideoStream | None = None
            for pixels in frames:
                even = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
                if stream is None:
                    stream = cast(VideoStream, container.add_stream(codec, rate=fps))
                    stream.height, stream.width = even.shape[:2]
                    stream.pix_fmt = "yuv420p"
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
                container.mux(stream.encode(frame))
            if stream is not None:
                container.mux(stream.encode())
    except (OSError, av.FFmpegError) as error:
        raise TransNetError(f"{path} cannot be written ({error}).") from error
