"""Takes as files: JPEG frames with their times, muxed into Matroska without encoding them anew."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image

from transnet.app.serving.decoder import Decoders
from transnet.app.serving.jpeg import jpeg_size
from transnet.config import ClipConfig
from transnet.errors import TransNetError
from transnet.utils.files import written_whole

Frame = tuple[float, bytes]
"""Time in seconds and JPEG."""

SUFFIX = ".mkv"
MIN_FRAMES = 4
_MILLISECOND = Fraction(1, 1000)
_THUMBNAIL = ClipConfig(frames=8, size=96)


def write_take(path: Path, frames: Sequence[Frame]) -> float:
    """Write the frames of a take; returns its length in seconds.

    Times are kept to the millisecond, from 0 on.

    Raises:
        TransNetError: there are too few frames, or they differ in size.
    """
    if len(frames) < MIN_FRAMES:
        raise TransNetError(
            f"the take has {len(frames)} frames; accepted: {MIN_FRAMES} or more. "
            "Does the camera run?"
        )
    sizes = {jpeg_size(jpeg) for _, jpeg in frames}
    if len(sizes) > 1:
        raise TransNetError("the camera changed its picture size during the take; record it again.")
    (width, height) = sizes.pop()
    with written_whole(path) as beside, av.open(str(beside), "w", format="matroska") as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
        stream.time_base = _MILLISECOND
        last_ms = -1
        for time_s, jpeg in frames:
            packet = av.Packet(jpeg)
            last_ms = max(last_ms + 1, round(1000 * (time_s - frames[0][0])))
            packet.pts = packet.dts = last_ms
            packet.time_base, packet.stream, packet.is_keyframe = _MILLISECOND, stream, True
            container.mux(packet)
    return last_ms / 1000


def write_thumbnail(decoders: Decoders, take: Path, thumbnail: Path) -> float:
    """Draw eight squares of a take side by side; returns the time of the last in seconds.

    Raises:
        TransNetError: the take is no video that can be decoded.
    """
    found = decoders.clip(take, _THUMBNAIL)
    if found.damage:
        raise TransNetError(f"the video {found.damage}")
    strip = Image.new("RGB", (_THUMBNAIL.size * len(found.pixels), _THUMBNAIL.size))
    for number, square in enumerate(found.pixels):
        strip.paste(Image.fromarray(square), (_THUMBNAIL.size * number, 0))
    buffer = io.BytesIO()
    strip.save(buffer, "JPEG", quality=80)
    thumbnail.parent.mkdir(exist_ok=True)
    with written_whole(thumbnail) as path:
        path.write_bytes(buffer.getvalue())
    return found.times_s[-1]
