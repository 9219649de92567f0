"""Strangers' files decoded in a child process, with limits of memory and time.

A hostile file can make a decoder use any amount of either, or crash it. In a child that costs one
file: the child is ended, the file is named, and the next file gets a new child.

::

    parent                                   child, kept for the next file
    Isolation(limits).call(function, ...)    limits its memory
      request, JSON        ---------------->   calls the function
      waits, seconds at most
      result, or an error  <----------------   JSON, and plain bytes

Nothing that the child sends is unpickled. The child is no sandbox: it has the rights of its user.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import queue
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from transnet.errors import TransNetError, VideoError

_LENGTH = struct.Struct(">Q")
_MAX_REPLY = 2**31
_START_S = 120.0

Task = Callable[[str, dict[str, Any]], tuple[dict[str, Any], bytes]]
"""Called in a child with a path and JSON values; returns JSON values and bytes."""


@dataclass(frozen=True)
class Limits:
    """What one file may cost.

    Attributes:
        memory_mb: MiB of memory that the file may take, 100 or more, where the system can limit
            it.
        seconds: seconds to decode one file, above 0.
        seconds_per_mb: seconds in addition for each MB of the file, 0 or more.
    """

    memory_mb: int = 800
    seconds: float = 9.0
    seconds_per_mb: float = 1.0

    def __post_init__(self) -> None:
        if self.memory_mb < 100 or not (self.seconds > 0 and self.seconds_per_mb >= 0):
            raise TransNetError(
                f"the limits are {self.memory_mb} MiB and {self.seconds} s; accepted: 100 MiB or "
                "more, and above 0 s."
            )

    def seconds_for(self, path: Path | str) -> float:
        """Seconds that a file may take."""
        try:
            return self.seconds + self.seconds_per_mb * os.path.getsize(path) / 1e6
        except (OSError, ValueError):  # the child says what is wrong
            return self.seconds


class Isolation:
    """Calls functions in child processes; usable from several threads, each call has a child.

    Use as a context manager, which ends the children.

    Args:
        limits: memory and time of one file.
    """

    def __init__(self, limits: Limits = Limits()) -> None:
        self.limits = limits
        self._idle: queue.LifoQueue[_Child] = queue.LifoQueue()
        atexit.register(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the children that wait for a file."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().end()

    def call(
        self, path: Path | str, function: Task, request: dict[str, Any]
    ) -> tuple[dict[str, Any], bytes]:
        """Call a function in a child.

        Args:
            path: the file that it decodes, the first argument of the function.
            function: a function of a module; takes the path and the request, and returns JSON
                values and bytes.
            request: JSON values.

        Raises:
            VideoError: the function raised it, or a limit was reached.
        """
        try:
            child = self._idle.get_nowait()
        except queue.Empty:
            child = _Child(self.limits)
        message = {
            "path": os.fsencode(path).hex(),
            "function": [function.__module__, function.__name__],
            "request": request,
        }
        try:
            head, body = child.ask(message, self.limits.seconds_for(path))
        except _LimitError as error:
            child.end()
            raise VideoError(path, f"cannot be decoded: it {error}.") from None
        except BaseException:
            child.end()
            raise
        self._idle.put(child)
        if "error" in head:
            raise VideoError(path, str(head["error"]))
        return head["result"], body


class _LimitError(Exception):
    pass


class _Child:
    """One child process, which answers one request after the other."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "transnet.data.video.isolation", str(limits.memory_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self._ready = False
        self._late_s = 0.0

    def ask(self, message: dict[str, Any], seconds: float) -> tuple[dict[str, Any], bytes]:
        assert self._process.stdin is not None
        if not self._ready:  # the start of an interpreter is not the file's time
            self._receive(_START_S)
            self._ready = True
        try:
            _send(self._process.stdin, message)
        except OSError:
            raise _LimitError(self._cause()) from None
        return self._receive(seconds)

    def end(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        self._process.wait()

    def _receive(self, seconds: float) -> tuple[dict[str, Any], bytes]:
        timer = threading.Timer(seconds, self._stop, [seconds])
        timer.daemon = True
        timer.start()
        try:
            sizes = [_LENGTH.unpack(self._exactly(_LENGTH.size))[0] for _ in range(2)]
            if sum(sizes) > _MAX_REPLY:
                raise _LimitError("made the isolated decoder send nonsense")
            return json.loads(self._exactly(sizes[0])), self._exactly(sizes[1])
        finally:
            timer.cancel()

    def _stop(self, seconds: float) -> None:
        self._late_s = seconds
        self._process.kill()

    def _exactly(self, count: int) -> bytes:
        assert self._process.stdout is not None
        content = self._process.stdout.read(count)
        if len(content) < count:
            raise _LimitError(self._cause())
        return content

    def _cause(self) -> str:
        if self._late_s:
            return f"takes longer than {self._late_s:.3g} s"
        status = self._process.wait()
        return f"ended the decoder (status {status}), or needs over {self._limits.memory_mb} MiB"


def _send(pipe: IO[bytes], head: dict[str, Any], body: bytes = b"") -> None:
    text = json.dumps(head).encode()
    pipe.write(_LENGTH.pack(len(text)) + _LENGTH.pack(len(body)) + text + body)
    pipe.flush()


def _limit_memory(megabytes: int) -> None:
    """Limit the memory that this process may still map; only POSIX systems can."""
    try:
        import resource
    except ImportError:
        return
    mapped = 0
    with contextlib.suppress(OSError, ValueError):
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = mapped + megabytes * 2**20
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _requests(pipe: IO[bytes]) -> Iterator[dict[str, Any]]:
    while header := pipe.read(2 * _LENGTH.size):
        yield json.loads(pipe.read(_LENGTH.unpack(header[: _LENGTH.size])[0]))


def _answer(message: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    path = os.fsdecode(bytes.fromhex(message["path"]))
    module, name = message["function"]
    function: Task = getattr(importlib.import_module(module), name)
    try:
        result, body = function(path, message["request"])
    except VideoError as error:
        return {"error": error.reason}, b""
    except MemoryError:
        return {"error": "cannot be decoded: it needs more memory than an isolated file may."}, b""
    return {"result": result}, body


def _serve(memory_mb: int) -> None:
    # A library that prints must not garble the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    importlib.import_module("transnet.data.clips")  # its memory is not the file's
    _limit_memory(memory_mb)
    _send(answers, {"ready": True})
    for message in _requests(sys.stdin.buffer):
        _send(answers, *_answer(message))


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
