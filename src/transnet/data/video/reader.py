"""Video files, decoded in order and to the end: what comes out is what the file shows.

Seeking is not exact in files with B-frames (most ``.avi`` of this field), so a clip is always
decoded from the first frame. Errors of FFmpeg become :class:`~transnet.errors.VideoError`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import Self

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from transnet.data.video.deinterlacing import deinterlaced
from transnet.data.video.display import set_pixel_aspect, usable_aspect
from transnet.data.video.frames import FrameConverter, Pixels
from transnet.data.video.integrity import Integrity, check_integrity, ffv1_slices_intact
from transnet.data.video.opening import is_plausible, open_video
from transnet.data.video.packets import accept_joins
from transnet.errors import VideoError

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".264", ".265", ".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif",
    ".h264", ".h265", ".hevc", ".m2t", ".m2ts", ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov",
    ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogm", ".ogv", ".qt", ".rm",
    ".rmvb", ".tod", ".ts", ".vob", ".webm", ".wmv", ".y4m",
})
# fmt: on

DEFAULT_RATE = 25.0
# An IndexError: a damaged transport stream announces one more stream while it is read.
DECODING_ERRORS = (av.FFmpegError, ValueError, IndexError)
# Containers may declare a few frames too many; a truncated file lacks more than these.
MISSING_FRAMES = 2
MISSING_SHARE = 0.1
# More frames than would fit into the file at this size are a lie.
_MIN_FRAME_BYTES = 8
# A clock that goes back further starts anew: pieces were joined.
CLOCK_RESTART_S = 1.0
_REORDERED = 17  # packets among which the first frame is
# Pixels that a file may decode to: all that is plausible is far below, an hour of black 4K too.
_FREE_PIXELS, _PIXELS_PER_BYTE = 2**31, 2**17


class VideoFile:
    """An opened video file: header facts at once, frames when they are asked for.

    Frames are decoded packet by packet, so damage costs a packet and not the file. Use as a
    context manager.

    Args:
        path: the file.

    Attributes:
        path: the file.
        rate: average frames per second; 25 if the header does not say.
        declared_frames: number of frames according to the header; 0 if it does not say.
        declared_s: end of the video in seconds according to the header; ``None`` if it does not
            say.

    Raises:
        VideoError: the file cannot be opened, or is not a video.

    Example:
        ::

            with VideoFile("clip.mp4") as video:
                for frame in video.frames():
                    ...
            print(video.damage(reached_end=True) or "complete")
    """

    def __init__(self, path: Path | str) -> None:
        self.path = path
        self._container, self._stream = open_video(path)
        self.rate = float(self._stream.average_rate or DEFAULT_RATE)
        self.declared_frames = self._stream.frames
        self._zero_s = _zero_s(path, self._container)
        self.declared_s = _declared_s(self._container, self._stream, self._zero_s)
        self._format = self._container.format.name
        self._aspect = usable_aspect(self._stream.sample_aspect_ratio)
        self._decoded = 0
        self._last_s = 0.0
        self._damaged = 0
        self._pixels_left = _FREE_PIXELS + _PIXELS_PER_BYTE * os.path.getsize(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; header facts and :meth:`damage` stay available."""
        self._container.close()

    def frames(self, stop: int | None = None) -> Iterator[av.VideoFrame]:
        """Decode the frames before ``stop``, in order; iterate once per opened file.

        Args:
            stop: frame number, from 0, to end before; the end of the file if not given.
        """
        with closing(deinterlaced(self._intact_frames())) as shown:
            for frame in shown:
                if stop is not None and self._decoded >= stop:
                    return
                if self._aspect != 1:
                    set_pixel_aspect(frame, self._aspect)
                self._last_s = max(self._last_s, self.time_s(frame, self._decoded))
                self._decoded += 1
                yield frame

    def timed_frames(self, stop: int | None = None) -> Iterator[tuple[av.VideoFrame, float]]:
        """Decode the frames before ``stop``, each with its time in seconds, never decreasing.

        Where the clock starts anew, as in joined pieces, it is continued.
        """
        last_s, shift_s = -np.inf, 0.0
        for number, frame in enumerate(self.frames(stop)):
            time_s = self.time_s(frame, number) + shift_s
            if time_s < last_s - CLOCK_RESTART_S:
                restarted_s = last_s + 1 / self.rate
                shift_s += restarted_s - time_s
                time_s = restarted_s
            last_s = max(last_s, time_s)
            yield frame, last_s

    def _intact_frames(self) -> Iterator[av.VideoFrame]:
        """The frames as they are stored; broken packets and frames are counted and left out."""
        for packet in self._packets():
            self._damaged += packet.is_corrupt
            try:
                decoded = packet.decode()
            except DECODING_ERRORS:
                self._damaged += 1
                continue
            for frame in decoded:
                if frame.is_corrupt or not is_plausible(frame.width, frame.height):
                    self._damaged += 1
                    continue
                self._pixels_left -= frame.width * frame.height
                if self._pixels_left < 0:
                    raise VideoError(
                        self.path,
                        f"unpacks to over {self._decoded} frames of {frame.width} x "
                        f"{frame.height} pixels, far more than a file of its size can show.",
                    )
                yield frame

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        packets: Iterator[Packet[VideoStream]] = self._container.demux(self._stream)
        if self._format == "mpegts":
            packets = accept_joins(packets)
        checksums = _Ffv1Checksums() if self._stream.codec_context.name == "ffv1" else None
        while True:
            try:
                packet = next(packets, None)
            except DECODING_ERRORS:
                self._damaged += 1
                return
            if packet is None:
                return
            if checksums is not None:
                self._damaged += checksums.is_wrong(packet)
            yield packet

    def time_s(self, frame: av.VideoFrame, number: int) -> float:
        """Presentation time of frame ``number`` in seconds, from 0 where a player shows 0."""
        return number / self.rate if frame.pts is None else float(frame.time) - self._zero_s

    def packet_times(self) -> NDArray[np.float64]:
        """Presentation times in seconds, ``(T,)``, read from the packets, in place of decoding.

        Raises:
            VideoError: the file cannot be read to its end, or states no times.
        """
        try:
            # An .avi has no presentation times: decoding times are the same moments, reordered.
            stamps = [
                packet.dts if packet.pts is None else packet.pts
                for packet in self._container.demux(self._stream)
                if packet.size and not packet.is_discard
            ]
        except DECODING_ERRORS as error:
            raise VideoError(self.path, f"cannot be read to its end ({error}).") from error
        known = sorted(stamp for stamp in stamps if stamp is not None)
        if not known or self._stream.time_base is None:
            raise VideoError(self.path, "states no times.")
        return np.asarray(known, dtype=np.float64) * float(self._stream.time_base) - self._zero_s

    def declared_times(self) -> NDArray[np.float64]:
        """Times in seconds of the frames that the file claims to hold, ``(T,)``.

        Empty if the file does not say; reading its frames then tells what is wrong.
        """
        fitting = os.path.getsize(self.path) // _MIN_FRAME_BYTES
        if self._container.format.name == "avi" and 0 < self.declared_frames <= fitting:
            return np.arange(self.declared_frames) / self.rate
        try:
            return read_times(self.path)
        except VideoError:
            return np.empty(0)

    def damage(self, *, reached_end: bool) -> str:
        """What is wrong with the part that was decoded; empty if nothing is.

        Args:
            reached_end: whether every frame was asked for, so that missing ones are noticed.
        """
        good = f"{self._decoded} good frames"
        if self._damaged:
            return f"is damaged: {self._damaged} broken packets or frames, {good}."
        integrity = check_integrity(self.path, self._format) if reached_end else Integrity()
        if integrity.fault:
            return f"{integrity.fault.removesuffix('.')}; {good}."
        if reached_end and not integrity.is_whole and self._is_short():
            frames, seconds = self.declared_frames, self.declared_s
            declared = f"{frames} frames" if frames else f"{seconds:.1f} s"
            return f"is truncated: its header declares {declared}, but it holds {good}."
        return ""

    def _is_short(self) -> bool:
        """Whether the file lacks all that its header declares.

        A trimmed file still counts the frames that it hides, but its duration is right.
        """
        short = []
        if self.declared_frames:
            missing = self.declared_frames - self._decoded
            short.append(missing > max(MISSING_FRAMES, MISSING_SHARE * self.declared_frames))
        if self.declared_s is not None:
            missing_s = self.declared_s - self._last_s
            few_s = (MISSING_FRAMES + 1) / self.rate
            short.append(missing_s > max(few_s, MISSING_SHARE * self.declared_s))
        return bool(short) and all(short)


def decode_frames(path: Path | str) -> Iterator[tuple[Pixels, float]]:
    """Decode a video: each frame as upright uint8 RGB ``(H, W, 3)``, and its time in seconds.

    Holds one frame in memory at a time. A damaged file yields its good frames.

    Raises:
        VideoError: the file cannot be opened, or is not a video.
    """
    convert = FrameConverter()
    with VideoFile(path) as video:
        for frame, time_s in video.timed_frames():
            yield convert(frame), time_s


def read_times(path: Path | str) -> NDArray[np.float64]:
    """Presentation times in seconds of a video's frames, ``(T,)``, without decoding them.

    Exact for an intact file; a damaged one may hold fewer frames than times.

    Raises:
        VideoError: the file cannot be opened, is not a video, or states no times.
    """
    with VideoFile(path) as video:
        return video.packet_times()


class _Ffv1Checksums:
    """Counts wrong checksums of FFV1 frames, once a right one has shown that the file has them."""

    def __init__(self) -> None:
        self._seen = False
        self._wrong = 0

    def is_wrong(self, packet: Packet[VideoStream]) -> int:
        """Number of wrong frames that this packet reveals."""
        if not packet.size:
            return 0
        if ffv1_slices_intact(bytes(packet)):
            revealed, self._seen = (0 if self._seen else self._wrong), True
            return revealed
        self._wrong += 1
        return int(self._seen)


def _zero_s(path: Path | str, container: InputContainer) -> float:
    """The time in the container's clock that players call 0, in seconds."""
    if container.start_time is not None:
        return container.start_time / av.time_base
    # Not found while probing: the first time of the frames, which leave a decoder out of order.
    again, stream = open_video(path)
    with again, suppress(*DECODING_ERRORS):
        stamps = [packet.pts for packet in islice(again.demux(stream), _REORDERED)]
        if stream.time_base is not None:
            return min((s for s in stamps if s is not None), default=0) * float(stream.time_base)
    return 0.0


def _declared_s(container: InputContainer, stream: VideoStream, zero_s: float) -> float | None:
    """End of the video in seconds; the container's own duration may be that of the sound."""
    if stream.duration is not None and stream.time_base is not None:
        return float((stream.start_time or 0) + stream.duration) * float(stream.time_base) - zero_s
    if container.duration is not None and len(container.streams) == 1:
        return ((container.start_time or 0) + container.duration) / av.time_base - zero_s
    return None
