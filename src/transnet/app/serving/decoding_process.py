"""The process that decodes uploads: limited memory, no files written, killed when it takes long.

A request is a line of JSON on standard input; an answer on standard output is the length of a
JSON header (four bytes), the header, and ``bytes`` bytes of pixels. ``clip`` gives the sampled
frames of a clip, ``frames`` the square of every due frame of a long video, one answer a frame.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import av
import numpy as np

from transnet.checkpoints.backbone_record import from_dict
from transnet.config import ClipConfig
from transnet.data.clips import read_clip
from transnet.data.preprocessing import Preprocessor
from transnet.data.video.frames import Pixels
from transnet.data.video.pacing import FramePacer
from transnet.data.video.reader import VideoFile
from transnet.data.views import CENTER
from transnet.errors import TransNetError, VideoError

Answer = tuple[dict[str, Any], bytes]


def main() -> None:
    """Answer requests until standard input ends."""
    limit_process(int(sys.argv[1]) * 2**20)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else writes between two answers
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            for answer in _KINDS[request["kind"]](request):
                _send(out, *answer)
        except MemoryError:
            _send(out, {"error": "the video needs too much memory to decode."}, b"")
        except TransNetError as error:
            _send(out, {"error": error.reason if isinstance(error, VideoError) else str(error)})


def limit_process(memory: int) -> None:
    """Limit this process's memory in bytes, and let it write nothing."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(kind, (limit, limit))


def _send(out: BinaryIO, header: dict[str, Any], pixels: bytes = b"") -> None:
    text = json.dumps({**header, "bytes": len(pixels)}).encode()
    out.write(len(text).to_bytes(4, "big") + text + pixels)
    out.flush()


def _clip(request: dict[str, Any]) -> Iterator[Answer]:
    _check(request)
    config = from_dict(ClipConfig, request["clip"])
    clip = read_clip(request["path"], config, allow_partial=True)
    yield _described(clip.frames, times_s=clip.times_s.tolist(), damage=clip.damage)


def _frames(request: dict[str, Any]) -> Iterator[Answer]:
    duration_s = _check(request)
    pacer = FramePacer(request["every_s"])
    config = from_dict(ClipConfig, request["clip"])
    preprocess = Preprocessor(config.size, config.region)
    first_s: float | None = None
    with VideoFile(request["path"]) as video:
        for frame, time_s in video.timed_frames():
            first_s = time_s if first_s is None else first_s
            if time_s - first_s > request["max_s"]:
                raise TransNetError(_too_long(time_s - first_s, request["max_s"]))
            if pacer.is_due(time_s):
                square = preprocess([frame], CENTER)
                yield _described(square, times_s=[time_s], duration_s=duration_s)
        damage = video.damage(reached_end=True)
    yield {"end": True, "damage": damage}, b""


def _described(pixels: Pixels, **values: Any) -> Answer:
    return {"shape": pixels.shape, **values}, np.ascontiguousarray(pixels).tobytes()


_KINDS = {"clip": _clip, "frames": _frames}


def _check(request: dict[str, Any]) -> float:
    """Refuse what is too large or too long by its own packets; returns its length in seconds."""
    path = request["path"]
    VideoFile(path).close()  # says what is wrong with a file that is no video
    with av.open(path, metadata_errors="ignore", options={"protocol_whitelist": "file"}) as file:
        stream = file.streams.video[0]
        if stream.width * stream.height > request["max_pixels"]:
            raise TransNetError(
                f"the video has {stream.width} x {stream.height} pixels; accepted: "
                f"{request['max_pixels']} pixels at most."
            )
        first = last = None
        try:
            for packet in file.demux(stream):
                stamp = packet.dts if packet.pts is None else packet.pts
                if stamp is not None:
                    first = stamp if first is None else min(first, stamp)
                    last = stamp if last is None else max(last, stamp)
        except (av.FFmpegError, ValueError):
            pass  # what is wrong is found by decoding
        base = stream.time_base or 0
    if first is None or last is None:
        return 0.0
    length_s = float((last - first) * base)
    if length_s > request["max_s"]:
        raise TransNetError(_too_long(length_s, request["max_s"]))
    return length_s


def _too_long(length_s: float, most_s: float) -> str:
    return f"the video lasts {length_s:.0f} s; accepted: up to {most_s:.0f} s."


if __name__ == "__main__":
    main()
