"""Frames of a camera, a network stream, a file or a pipe, one after the other.

Files and pipes yield every frame. Live sources cannot wait: a thread reads them, keeps only the
newest frame, and counts the frames that were dropped.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Self

import av
import numpy as np

from transnet.data.video.cameras import Camera, is_camera
from transnet.data.video.frames import rgb_frame
from transnet.data.video.opening import MAX_PIXELS, is_plausible
from transnet.data.video.pacing import FramePacer
from transnet.data.video.reader import VideoFile
from transnet.errors import TransNetError


@dataclass(frozen=True, eq=False)
class SourceFrame:
    """A frame of a source.

    Attributes:
        picture: the decoded frame.
        time_s: presentation time in seconds.
        due: whether it is to be classified; other frames are for display only.
        is_first: whether it is the first frame, or the first after a reconnection.
    """

    picture: av.VideoFrame
    time_s: float
    due: bool
    is_first: bool


class FrameSource:
    """An opened source and every frame of it: iterate once, in a ``with`` block.

    Attributes:
        name: the source as it may be shown, without a password.
        due: number of frames so far that were due.
        dropped: how many of them were dropped because this machine was too slow.
    """

    def __init__(self, feed: _File | _Pipe | Camera, pacer: FramePacer) -> None:
        self.name = feed.name
        self.due = 0
        self.dropped = 0
        self._feed, self._pacer = feed, pacer
        self._stop = threading.Event()

    @property
    def damage(self) -> str:
        """What is wrong with a file, known once it was read; empty if nothing is."""
        return self._feed.damage

    def __iter__(self) -> Iterator[SourceFrame]:
        for picture, time_s, is_first in self._feed.frames(self._stop):
            due = self._pacer.is_due(time_s) or is_first
            self.due += due
            yield SourceFrame(picture, time_s, due, is_first)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._feed.close()


def open_source(
    source: str | Path | int,
    *,
    every_s: float = 0.0,
    realtime: bool = False,
    input_size: str | None = None,
    fps: float = 25.0,
) -> FrameSource:
    """Open a source of frames.

    Args:
        source: number of a webcam, an RTSP or HTTP address, a video file, or ``-`` for raw rgb24
            frames on standard input.
        every_s: seconds between two frames that are due; 0 for every frame.
        realtime: play a file or a pipe at its own speed, and drop frames that come too fast.
        input_size: ``WIDTHxHEIGHT`` of raw frames.
        fps: frames per second of raw frames.

    Raises:
        TransNetError: it cannot be opened.
    """
    source = str(source)
    feed: _File | _Pipe | Camera
    if source == "-":
        feed = _Pipe(sys.stdin.buffer, _parse_size(input_size), fps)
    elif is_camera(source):
        feed = Camera(source)
    else:
        feed = _File(source)
    kind = _LatestFrames if feed.is_live or realtime else FrameSource
    return kind(feed, FramePacer(every_s))


class _LatestFrames(FrameSource):
    """Yields the newest frame whenever one is asked for; a thread of its own reads the source."""

    def __init__(self, feed: _File | _Pipe | Camera, pacer: FramePacer) -> None:
        super().__init__(feed, pacer)
        self._changed = threading.Condition()
        self._waiting: SourceFrame | None = None
        self._ended = False
        self._error: BaseException | None = None
        # A daemon: a camera may block it for long, and the program must be able to end.
        self._thread = threading.Thread(target=self._read, name=f"reads {self.name}", daemon=True)

    def __iter__(self) -> Iterator[SourceFrame]:
        self._thread.start()
        while True:
            with self._changed:
                # With a timeout, so that Ctrl-C works on Windows too.
                while not (self._waiting or self._ended):
                    self._changed.wait(timeout=0.2)
                frame, self._waiting = self._waiting, None
            if frame is not None:
                yield frame
            elif self._error is not None:
                raise self._error
            else:
                return

    def _read(self) -> None:
        began_s: float | None = None
        try:
            for frame in super().__iter__():
                if not self._feed.is_live:  # play it at its own speed
                    began_s = began_s or time.monotonic() - frame.time_s
                    self._stop.wait(max(0.0, began_s + frame.time_s - time.monotonic()))
                if self._stop.is_set():
                    return
                self._offer(frame)
        except BaseException as error:  # raised to the consumer
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify()

    def _offer(self, frame: SourceFrame) -> None:
        with self._changed:
            before = self._waiting
            if before is not None and before.due:
                if not frame.due:
                    return  # it is for display only
                self.dropped += 1
                frame = replace(frame, is_first=frame.is_first or before.is_first)
            self._waiting = frame
            self._changed.notify()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)
        if not self._thread.is_alive():
            self._feed.close()


_Timed = Iterator[tuple[av.VideoFrame, float, bool]]


class _File:
    is_live = False

    def __init__(self, path: str) -> None:
        self.name = path
        self.damage = ""
        self._video = VideoFile(path)

    def frames(self, stop: threading.Event) -> _Timed:
        for number, (picture, time_s) in enumerate(self._video.timed_frames()):
            yield picture, time_s, number == 0
        self.damage = self._video.damage(reached_end=True)

    def close(self) -> None:
        self._video.close()


class _Pipe:
    is_live = False
    name = "-"

    def __init__(self, pipe: IO[bytes], size: tuple[int, int], fps: float) -> None:
        if not fps > 0:
            raise TransNetError(f"--fps is {fps}; accepted: above 0 frames per second.")
        self._pipe, self._fps = pipe, fps
        self._shape = (size[1], size[0], 3)
        self.damage = ""

    def frames(self, stop: threading.Event) -> _Timed:
        number, length = 0, int(np.prod(self._shape))
        while not stop.is_set() and (content := self._pipe.read(length)):
            if len(content) < length:
                self.damage = (
                    f"ends within frame {number}: {len(content)} of its {length} bytes; "
                    "check --input-size, and that the pixels are rgb24."
                )
                return
            picture = rgb_frame(np.frombuffer(content, np.uint8).reshape(self._shape))
            yield picture, number / self._fps, number == 0
            number += 1

    def close(self) -> None:
        pass


def _parse_size(text: str | None) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{1,5})[x:]([0-9]{1,5})", text or "")
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (min(size) > 0 and is_plausible(*size)):
        raise TransNetError(
            f"--input-size is {text!r}; accepted: WIDTHxHEIGHT of the raw frames, like 640x480, "
            f"and at most {MAX_PIXELS / 1e6:.0f} million pixels."
        )
    return size
