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
    """Write a video: MPEG-4 into ``.avi``, as KTH and UCF101 are, else H.264 as browsers want it.

    Equal frames make equal ``.avi`` files; x264 does not promise that.

    Args:
        path: the file; its suffix is the container.
        frames: uint8 RGB ``(H, W, 3)`` each, of one size; odd sides lose a row or column.
        fps: frames a second.

    Raises:
        TransNetError: the file cannot be written.
    """
    codec, options = "mpeg4", {"b": "2000000"}
    if Path(path).suffix.lower() != ".avi" and "libx264" in av.codecs_available:
        codec, options = "libx264", {"preset": "veryfast", "crf": "20"}
    try:
        with av.open(str(path), "w") as container:
            stream: VideoStream | None = None
            for pixels in frames:
                even = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
                if stream is None:
                    stream = cast(
                        VideoStream, container.add_stream(codec, rate=fps, options=options)
                    )
                    stream.height, stream.width = even.shape[:2]
                    stream.pix_fmt = "yuv420p"
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
                container.mux(stream.encode(frame))
            if stream is not None:
                container.mux(stream.encode())
    except (OSError, av.FFmpegError) as error:
        raise TransNetError(f"{path} cannot be written ({error}).") from error
