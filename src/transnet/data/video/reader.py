"""Video files, decoded in order and to the end: what comes out is what the file shows.

Seeking is not exact in files with B-frames (most ``.avi`` of this field), so a clip is always
decoded from the first frame on. Errors of FFmpeg become :class:`~transnet.errors.VideoError`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from transnet.data.video.frames import rgb_pixels
from transnet.errors import VideoError

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".3gp", ".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg",
    ".mpg", ".mts", ".ogv", ".ts", ".webm", ".wmv",
})
# fmt: on

# A damaged header can ask for any amount of memory: no camera makes pictures larger or longer.
MAX_PIXELS = 16384 * 16384
MAX_ASPECT = 64
# Containers may promise a few frames too many; a file that was cut off lacks more than these.
MISSING_FRAMES = 2
MISSING_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class Footage:
    """The frames of a video that a sampler chose, as the decoder gave them.

    Attributes:
        frames: one decoded frame for each index, in the video's own pixel format.
        indices: the chosen frame numbers, relative to the start of the range, never decreasing.
        times_s: presentation time of every frame of the range, in seconds of the file.
        rotation: degrees counter-clockwise by which the frames must be turned to stand upright.
        damage: what is wrong with the file, empty when nothing is.
    """

    frames: list[av.VideoFrame]
    indices: NDArray[np.int64]
    times_s: NDArray[np.float64]
    rotation: int
    damage: str = ""


def read_footage(
    path: Path | str,
    choose: Callable[[NDArray[np.float64]], NDArray[np.int64]],
    *,
    start: int | None = None,
    end: int | None = None,
    allow_partial: bool = False,
    min_frames: int = 2,
) -> Footage:
    """Decode a video and keep the frames that ``choose`` asks for.

    Args:
        path: the file.
        choose: takes the presentation times of all frames in seconds, returns frame indices. It is
            asked twice: for what the file promises, so that no other frame is held in memory, and
            for what it turns out to hold.
        start: first frame of the range, counted from 0; the beginning if not given.
        end: frame after the last one of the range; the end of the file if not given.
        allow_partial: take the good frames of a damaged file and say so in ``damage``.
        min_frames: frames that a whole file must have.

    Raises:
        VideoError: the file is missing, unreadable, no video, a single picture, damaged or
            shorter than the range.
    """
    first, stop = start or 0, end
    if first < 0 or (stop is not None and stop <= first):
        raise VideoError(
            path, f"has no frames {first} to {stop}; accepted: 0 <= start < end, counted from 0."
        )
    reader = FrameReader(path)
    wanted: set[int] = set()
    held: dict[int, av.VideoFrame] = {}
    times: list[float] = []
    rotation = 0
    for number, frame in enumerate(reader.frames(stop)):
        if number < first:
            continue
        if not times:
            rotation = frame.rotation
            promised_s = reader.promised_times()[first:stop]
            wanted = set((choose(promised_s) + first).tolist()) if len(promised_s) else set()
        times.append(_time_s(frame, number, reader.rate))
        if number in wanted:
            held[number] = frame
    damage = reader.damage(reached_end=stop is None)
    _check_frames(path, len(times), first, stop, damage, allow_partial)
    if stop is None and len(times) < min_frames:
        raise VideoError(path, "holds a single frame; an action needs two or more.")
    times_s = np.maximum.accumulate(np.asarray(times, dtype=np.float64))
    indices = choose(times_s)
    numbers = (indices + first).tolist()
    if not held.keys() >= set(numbers):
        held = _frames_at(path, numbers)
    return Footage([held[number] for number in numbers], indices, times_s, rotation, damage)


def decode_frames(path: Path | str) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Every frame of a video in order: upright uint8 RGB ``(H, W, 3)``, and its time in seconds.

    Holds one frame at a time, whatever the length of the video. A damaged file gives its good
    frames.

    Raises:
        VideoError: the file cannot be opened, or is no video.
    """
    to_rgb = VideoReformatter()
    for frame, time_s in FrameReader(path).timed_frames():
        yield rgb_pixels(frame, to_rgb), time_s


def read_times(path: Path | str) -> NDArray[np.float64]:
    """Presentation times in seconds of a video's frames, ``(T,)``, without decoding them.

    Right to the frame where the file is; a damaged one may show fewer frames than it has times.

    Raises:
        VideoError: the file cannot be opened, is no video, or says no times.
    """
    with _open(path) as (container, stream):
        try:
            # An .avi has no presentation times: the decoding times are the same moments, reordered.
            stamps = [
                packet.dts if packet.pts is None else packet.pts
                for packet in container.demux(stream)
                if packet.size and not packet.is_discard
            ]
        except (av.FFmpegError, ValueError) as error:
            raise VideoError(path, f"cannot be read to its end ({error}).") from error
        known = sorted(stamp for stamp in stamps if stamp is not None)
        if not known or stream.time_base is None:
            raise VideoError(path, "says no times.")
        return np.asarray(known, dtype=np.float64) * float(stream.time_base)


def _check_frames(
    path: Path | str, found: int, first: int, stop: int | None, damage: str, allow_partial: bool
) -> None:
    if found == 0 and first == 0:
        raise VideoError(path, damage or "holds no frame that can be decoded.")
    if stop is not None and found < stop - first:
        reason = f"ends after frame {first + found}; the clip's range is {first} to {stop}"
        if not (damage and allow_partial):
            raise VideoError(path, f"{reason}. {damage}".strip())
    if damage and not allow_partial:
        raise VideoError(path, damage)
    if found == 0:
        raise VideoError(path, f"ends before frame {first}, where the clip starts.")


def _frames_at(path: Path | str, numbers: Sequence[int]) -> dict[int, av.VideoFrame]:
    """A second pass over a video that promised other frames than it holds."""
    wanted = set(numbers)
    frames = enumerate(FrameReader(path).frames(max(numbers) + 1))
    return {number: frame for number, frame in frames if number in wanted}


class FrameReader:
    """Decodes one file a packet at a time, so that damage costs a packet and not the file.

    Args:
        path: the file.

    Attributes:
        rate: frames a second on the average, once the file was opened.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = path
        self.rate = 25.0
        self._declared = 0
        self._even = False
        self._declared_s: float | None = None
        self._decoded = 0
        self._last_s = 0.0
        self._damaged = 0

    def promised_times(self) -> NDArray[np.float64]:
        """Times in seconds of the frames that an opened file promises to hold, ``(T,)``."""
        if self._even:  # the header says it all
            return np.arange(self._declared) / self.rate
        try:
            return read_times(self.path)
        except VideoError:  # what is wrong is found by decoding
            return np.empty(0)

    def declared_s(self) -> float | None:
        """Open the file and see how long its header says that it is, in seconds.

        Raises:
            VideoError: it cannot be opened, or is no video.
        """
        with _open(self.path) as (container, stream):
            return _declared_s(container, stream)

    def timed_frames(self) -> Iterator[tuple[av.VideoFrame, float]]:
        """Every frame with its time in seconds, which never decreases."""
        last_s = -np.inf
        for number, frame in enumerate(self.frames(None)):
            last_s = max(last_s, _time_s(frame, number, self.rate))
            yield frame, last_s

    def frames(self, stop: int | None) -> Iterator[av.VideoFrame]:
        """The frames before ``stop``, in order, as the decoder gives them.

        Raises:
            VideoError: the file cannot be opened, or is no video.
        """
        with _open(self.path) as (container, stream):
            self._declared, self._declared_s = stream.frames, _declared_s(container, stream)
            if stream.average_rate:
                self.rate = float(stream.average_rate)
            # More frames than would fit into the file are a lie.
            fitting = os.path.getsize(self.path) // 8
            self._even = container.format.name == "avi" and 0 < stream.frames <= fitting
            packets = container.demux(stream)
            while True:
                try:
                    packet = next(packets, None)
                except (av.FFmpegError, ValueError):
                    self._damaged += 1
                    return
                if packet is None:
                    return
                self._damaged += packet.is_corrupt
                try:
                    decoded = packet.decode()
                except (av.FFmpegError, ValueError):
                    self._damaged += 1
                    continue
                for frame in decoded:
                    if frame.is_corrupt or not _is_plausible(frame.width, frame.height):
                        self._damaged += 1
                        continue
                    if stop is not None and self._decoded >= stop:
                        return
                    self._last_s = _time_s(frame, self._decoded, self.rate)
                    self._decoded += 1
                    yield frame

    def damage(self, *, reached_end: bool) -> str:
        """What is wrong with the file, as far as it was read; empty when nothing is."""
        good = f"{self._decoded} good frames"
        if self._damaged:
            return f"is damaged: {self._damaged} broken pieces beside {good}."
        if reached_end and self._is_short():
            promised = f"{self._declared} frames" if self._declared else f"{self._declared_s:.1f} s"
            return f"is cut off: its header promises {promised}, and there are {good}."
        return ""

    def _is_short(self) -> bool:
        """Whether all is missing that the header promises.

        A trimmed file still counts the frames that it hides, but its duration is right.
        """
        short = []
        if self._declared:
            missing = self._declared - self._decoded
            short.append(missing > max(MISSING_FRAMES, MISSING_SHARE * self._declared))
        if self._declared_s is not None:
            missing_s = self._declared_s - self._last_s
            few_s = (MISSING_FRAMES + 1) / self.rate
            short.append(missing_s > max(few_s, MISSING_SHARE * self._declared_s))
        return bool(short) and all(short)


@contextmanager
def _open(path: Path | str) -> Iterator[tuple[InputContainer, VideoStream]]:
    _check_file(path)
    try:
        # Only this file: a playlist must not make us open others, or the network.
        container = av.open(
            os.path.abspath(path), metadata_errors="ignore", options={"protocol_whitelist": "file"}
        )
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoError(path, f"is not a video that can be decoded ({reason}).") from error
    with container:
        if not container.streams.video:
            raise VideoError(path, "holds no video stream.")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise VideoError(path, "uses a codec that is not known here.")
        if not _is_plausible(stream.width, stream.height):
            raise VideoError(path, f"claims frames of {stream.width} x {stream.height} pixels.")
        yield container, stream


def _declared_s(container: InputContainer, stream: VideoStream) -> float | None:
    """How long the header says that the video is, in seconds; the file may say it of its sound."""
    if stream.duration is not None and stream.time_base is not None:
        return float((stream.start_time or 0) + stream.duration) * float(stream.time_base)
    if container.duration is not None and len(container.streams) == 1:
        return ((container.start_time or 0) + container.duration) / av.time_base
    return None


def _is_plausible(width: int, height: int) -> bool:
    shorter, longer = sorted((width, height))
    return width * height <= MAX_PIXELS and longer <= MAX_ASPECT * max(shorter, 1)


def _check_file(path: Path | str) -> None:
    try:
        status = os.stat(path)
        with open(path, "rb") if stat.S_ISREG(status.st_mode) else _nothing():
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


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _time_s(frame: av.VideoFrame, number: int, rate: float) -> float:
    return number / rate if frame.pts is None else float(frame.time)
