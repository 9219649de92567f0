"""Decoding of uploads in processes of their own, which may crash, hang or run out of memory."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transnet.app.serving.settings import ServerConfig
from transnet.config import ClipConfig
from transnet.data.video.frames import Pixels
from transnet.errors import TransNetError

MODULE = "transnet.app.serving.decoding_process"
_USES = 200  # files after which a process is replaced, so that a leak stays small


@dataclass(frozen=True, eq=False)
class DecodedFrames:
    """Frames as the network sees them.

    Attributes:
        pixels: uint8 RGB ``(T, size, size, 3)``.
        times_s: presentation time of each, in seconds.
        damage: what is wrong with the file; empty when nothing is.
        duration_s: length of the whole video, where it is known.
    """

    pixels: Pixels
    times_s: tuple[float, ...]
    damage: str = ""
    duration_s: float = 0.0


class Decoders:
    """A few decoding processes, each for one file at a time; for several threads.

    Args:
        config: how many, and their limits.
    """

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._idle: queue.LifoQueue[_Decoder | None] = queue.LifoQueue()
        for _ in range(config.decoders):
            self._idle.put(None)
        self._closed = False

    def clip(self, path: Path, clip: ClipConfig) -> DecodedFrames:
        """The sampled frames of a short video.

        Raises:
            TransNetError: the file is no video, too large, too long, or takes too much.
        """
        request = self._request("clip", path, clip, self._config.max_clip_s)
        with self._decoder() as decoder:
            header, pixels = next(decoder.answers(request, self._config.decode_timeout_s))
        return _decoded(header, pixels)

    def frames(self, path: Path, clip: ClipConfig, every_s: float) -> Iterator[DecodedFrames]:
        """The frames of a long video that are ``every_s`` seconds apart, one by one.

        Raises:
            TransNetError: as for :meth:`clip`.
        """
        request = self._request("frames", path, clip, self._config.max_video_s, every_s=every_s)
        with self._decoder() as decoder:
            for header, pixels in decoder.answers(request, self._config.decode_timeout_s):
                if "end" in header:
                    return
                yield _decoded(header, pixels)

    def warm(self) -> None:
        """Start the processes before the first upload."""
        with ExitStack() as stack:
            for _ in range(self._config.decoders):
                stack.enter_context(self._decoder())

    def close(self) -> None:
        """End the processes that are idle; the others end with their work."""
        self._closed = True
        with suppress(queue.Empty):
            while True:
                if decoder := self._idle.get_nowait():
                    decoder.stop()

    def _request(
        self, kind: str, path: Path, clip: ClipConfig, max_s: float, **more: Any
    ) -> dict[str, Any]:
        return {
            "kind": kind,
            "path": os.fspath(path),
            "clip": asdict(clip),
            "max_s": max_s,
            "max_pixels": self._config.max_pixels,
            **more,
        }

    @contextmanager
    def _decoder(self) -> Iterator[_Decoder]:
        decoder = self._idle.get()
        if decoder is None or not decoder.alive:
            decoder = _Decoder(self._config.decoder_memory_mb)
        try:
            yield decoder
        finally:
            # A process with an answer half read is of no use to the next caller.
            if self._closed or decoder.in_use or decoder.uses >= _USES:
                decoder.stop()
            self._idle.put(decoder if decoder.alive else None)


class _Decoder:
    """One process."""

    def __init__(self, memory_mb: int) -> None:
        self.uses, self.in_use = 0, False
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(memory_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **threads},
            start_new_session=True,
        )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def answers(
        self, request: dict[str, Any], timeout_s: float
    ) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Send a request; the answers to it, each within ``timeout_s`` seconds."""
        assert self._process.stdin
        self.uses, self.in_use = self.uses + 1, True
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            while True:
                header, pixels = self._receive(timeout_s)
                last = request["kind"] == "clip" or "end" in header or "error" in header
                self.in_use = not last
                if "error" in header:
                    raise TransNetError(f"the upload {_sentence(header['error'])}")
                yield header, pixels
                if last:
                    return
        except (OSError, EOFError) as error:
            raise TransNetError(
                "the upload cannot be decoded: it took too much time or memory."
            ) from error

    def _receive(self, timeout_s: float) -> tuple[dict[str, Any], bytes]:
        stuck = threading.Timer(timeout_s, self._process.kill)
        stuck.start()
        try:
            header = json.loads(self._read(int.from_bytes(self._read(4), "big")))
            return header, self._read(header["bytes"])
        finally:
            stuck.cancel()

    def _read(self, count: int) -> bytes:
        assert self._process.stdout
        data = self._process.stdout.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()


def _sentence(reason: str) -> str:
    return reason.removeprefix("the video ")


def _decoded(header: dict[str, Any], pixels: bytes) -> DecodedFrames:
    return DecodedFrames(
        np.frombuffer(pixels, np.uint8).reshape(header["shape"]),
        tuple(header["times_s"]),
        header.get("damage", ""),
        header.get("duration_s", 0.0),
    )
