"""Webcams and network streams, opened with FFmpeg, and reopened when the connection is lost."""

from __future__ import annotations

import os
import re
import stat
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit, urlunsplit

import av
from av.container import InputContainer

from transnet.data.video.display import set_pixel_aspect, usable_aspect
from transnet.errors import TransNetError, VideoError
from transnet.utils.progress import say

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
OPEN_TIMEOUT_S = 15.0
READ_TIMEOUT_S = 10.0
# A stream's timestamps are trusted while they agree with the wall clock this well.
CLOCK_TOLERANCE_S = 2.0

_ACCEPTED = (
    "Accepted: the number of a webcam that is connected, from 0, and not in use; the address of a "
    "stream, like rtsp://HOST/NAME or http://HOST/NAME."
)
# A playlist from the network must not open files of this machine.
_NETWORK_PROTOCOLS = "http,https,httpproxy,hls,tcp,tls,udp,rtp,rtcp,rtsp,rtsps,srtp,rtmp,srt,crypto"
_SCHEMES = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp", "rtp", "srt")


def is_camera(source: str) -> bool:
    """Whether a source is the number of a webcam, a capture device or a network address."""
    return source.isdecimal() or _is_network(source) or _is_device(source)


def public_name(source: str) -> str:
    """The name of a source as it may be shown: without the password in its address."""
    if source.isdecimal():
        return f"webcam {source}"
    if not _is_network(source):
        return source
    parts = urlsplit(source)
    return urlunsplit(parts._replace(netloc=re.sub(r":[^@/]*@", ":***@", parts.netloc)))


class Camera:
    """An opened webcam or network stream.

    Args:
        source: number of a webcam, its device file, or a network address.

    Attributes:
        name: the source as it may be shown.
        is_live: whether frames arrive at their own pace; false for a recording of known length.
        damage: why a recording ended early; empty if it did not, and for live sources.

    Raises:
        TransNetError: the first connection fails.
    """

    def __init__(self, source: str) -> None:
        self.damage = ""
        self.name = public_name(source)
        self._source = source
        self._started_s = time.monotonic()
        try:
            self._container: InputContainer | None = self._connect()
        except VideoError as error:
            raise VideoError(self.name, f"{error.reason}. {_ACCEPTED}") from error
        self.is_live = not (_is_network(source) and self._container.duration is not None)

    def frames(self, stop: threading.Event) -> Iterator[tuple[av.VideoFrame, float, bool]]:
        """Yield decoded frames until the recording ends or ``stop`` is set.

        A lost connection is retried after a pause, which doubles up to half a minute until frames
        arrive again.

        Args:
            stop: ends the iteration, and any pause, when it is set.

        Yields:
            The frame, its time in seconds since the start, and whether it is the first of a
            connection.
        """
        pause_s = FIRST_PAUSE_S
        while not stop.is_set():
            reason = "the stream has ended"
            try:
                container = self._container or self._connect()
                self._container = None
                with closing(container):
                    for number, (frame, time_s) in enumerate(self._decode(container)):
                        pause_s = FIRST_PAUSE_S
                        yield frame, time_s, number == 0
                        if stop.is_set():
                            return
            except VideoError as error:
                reason = error.reason
            except (TransNetError, av.FFmpegError, OSError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                if not self.is_live:
                    self.damage = f"ended early: {reason}."
            if not self.is_live:
                return
            say(f"{self.name}: {reason}; retrying in {pause_s:g} s")
            stop.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def close(self) -> None:
        """Close a connection whose frames were never iterated."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def _decode(self, container: InputContainer) -> Iterator[tuple[av.VideoFrame, float]]:
        clock = _Clock(self._started_s, trust=not self.is_live)
        aspect = usable_aspect(container.streams.video[0].sample_aspect_ratio)
        for packet in container.demux(video=0):
            try:
                frames = packet.decode()
            except av.InvalidDataError:  # a packet was lost; later ones are good
                continue
            for frame in frames:
                if not frame.is_corrupt:
                    if aspect != 1:
                        set_pixel_aspect(frame, aspect)
                    yield frame, clock.time_s(frame.time)

    def _connect(self) -> InputContainer:
        file, form, options = _address(self._source)
        try:
            container = av.open(
                file,
                format=form,
                options=options,
                timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S),
                metadata_errors="ignore",
            )
        except (av.FFmpegError, OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise VideoError(self.name, f"cannot be opened ({why})") from error
        if not container.streams.video:
            container.close()
            raise VideoError(self.name, "holds no video stream")
        return container


class _Clock:
    """Seconds since the start, from a stream's timestamps, which jitter less than arrivals do."""

    def __init__(self, started_s: float, *, trust: bool) -> None:
        self._started_s, self._trust = started_s, trust
        self._offset_s: float | None = None
        self._last_s = 0.0

    def time_s(self, stamp_s: float | None) -> float:
        arrived_s = time.monotonic() - self._started_s
        if stamp_s is None:
            shown_s = arrived_s
        else:
            if self._offset_s is None:
                self._offset_s = arrived_s - stamp_s
            shown_s = stamp_s + self._offset_s
            if abs(shown_s - arrived_s) > CLOCK_TOLERANCE_S and not self._trust:
                self._offset_s, shown_s = arrived_s - stamp_s, arrived_s
        self._last_s = max(self._last_s, shown_s)
        return self._last_s


def _address(source: str) -> tuple[str, str | None, dict[str, str]]:
    """A source in FFmpeg's terms: file, format, options."""
    if _is_network(source):
        options = {"protocol_whitelist": _NETWORK_PROTOCOLS}
        if source.startswith("rtsp"):
            options["rtsp_transport"] = "tcp"  # a lost UDP packet smears the picture
        return source, None, options
    if _is_device(source):
        return source, "v4l2", {}
    if sys.platform.startswith("linux"):
        return f"/dev/video{source}", "v4l2", {}
    if sys.platform == "darwin":
        return f"{source}:none", "avfoundation", {"framerate": "30"}
    return f"video={_windows_camera(int(source))}", "dshow", {}


def _windows_camera(number: int) -> str:
    """The name of a camera: DirectShow accepts no numbers."""
    listing = getattr(av, "enumerate_input_devices", None)
    found = listing("dshow") if listing else []
    names = [device.name for device in found if "video" in device.media_types]
    if number >= len(names):
        raise TransNetError(
            f"SOURCE is {number}, but there are {len(names)} cameras; accepted: "
            f"{', '.join(f'{i} ({name})' for i, name in enumerate(names)) or 'a connected one'}."
        )
    return names[number]


def _is_network(source: str) -> bool:
    return source.partition("://")[0].lower() in _SCHEMES and "://" in source


def _is_device(source: str) -> bool:
    try:
        return source.startswith("/dev/video") and stat.S_ISCHR(os.stat(source).st_mode)
    except OSError:
        return False
