"""The one thread that runs the network, with a bounded queue before it.

``accelerated`` changes a backbone and the threads of the process, and a stream keeps state, so
neither is shared: every network call of every caller is made here, in order.
"""

from __future__ import annotations

import asyncio
import io
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from transnet.app.serving.problems import RequestError, busy
from transnet.config import Unknown
from transnet.errors import TransNetError
from transnet.utils.memory import return_freed_memory
from transnet.utils.progress import say

if TYPE_CHECKING:
    from transnet.app.serving.decoder import DecodedFrames
    from transnet.data.clips import Clip
    from transnet.inference.prediction import Prediction
    from transnet.inference.recognizer import Recognizer

Result = TypeVar("Result")

MEASURED_FRAMES = 2000
"""Frames ahead that a server assumes when it decides which runtimes are worth trying."""


IDLE_S = 2.0
"""Seconds without work after which the memory of the last is given back."""


@dataclass(frozen=True)
class _Work:
    call: Callable[[], Any]
    done: Future[Any]


class Engine:
    """Runs a recognizer in a thread of its own.

    torch is imported in that thread, so the server answers before it is loaded.

    Args:
        max_waiting: calls that may wait; one more is refused.
        measure: try which runtime is fastest here before it is ready, where that is not known.

    Attributes:
        recognizer: the loaded run; ``None`` before there is one.
        failure: why the run could not be loaded; empty if it could.
    """

    def __init__(self, max_waiting: int, *, measure: bool = False) -> None:
        self.recognizer: Recognizer | None = None
        self.runtime = ""
        self.failure = ""
        self._measure = measure
        self._queue: queue.Queue[_Work | None] = queue.Queue(max_waiting)
        self._needed = threading.Event()
        self._runtime_scope = ExitStack()
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self._stopping = threading.Event()

    def start(
        self, run: Path | str | None, *, at_latest_s: float = 0.0, unknown: Unknown = "auto"
    ) -> None:
        """Start the thread; its first work is to import torch and load ``run``.

        Args:
            run: the run folder; ``None``: only import torch.
            at_latest_s: seconds to wait for :meth:`need` or the first call before that, because
                the import takes processor time from the server's other answers.
            unknown: as of ``transnet.load``.
        """

        def load() -> None:
            self._needed.wait(at_latest_s)
            self._load(run, unknown)

        self._thread.start()
        self._queue.put(_Work(load, Future()))

    def need(self) -> None:
        """Load now."""
        self._needed.set()

    def stop(self) -> None:
        """End the thread after the work in its queue; later calls are refused."""
        self._stopping.set()
        self._needed.set()
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join(timeout=10)

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return self._queue.qsize()

    def require(self) -> Recognizer:
        """The recognizer.

        Raises:
            RequestError: 503, it is not loaded.
        """
        if self.recognizer is None:
            reason = self.failure or "the model is being loaded; try again in a few seconds."
            raise RequestError(503, reason, {"Retry-After": "2"})
        return self.recognizer

    async def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function in the model thread.

        Raises:
            RequestError: 429, the queue is full.
        """
        done = self._submit(lambda: function(*arguments), block=False)
        return await asyncio.wrap_future(done)

    def call_waiting(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function in the model thread from another thread; waits for room in the queue."""
        return self._submit(lambda: function(*arguments), block=True).result()

    async def load(self, run: Path | str) -> None:
        """Replace the recognizer."""
        await self.call(self._load, run)

    async def predict(self, frames: DecodedFrames, name: str) -> Prediction:
        """Score a decoded clip."""
        return await self.call(self._predict, frames, name)

    async def explain(self, frames: DecodedFrames) -> bytes:
        """What the answer for a decoded clip is based on: its frames with heat, as a PNG file.

        Raises:
            TransNetError: the backbone gives no map of a frame.
        """
        return await self.call(self._explain, frames)

    def _submit(self, call: Callable[[], Any], *, block: bool) -> Future[Any]:
        done: Future[Any] = Future()
        self._needed.set()
        try:
            if not self._stopping.is_set():
                self._queue.put(_Work(call, done), block=block)
        except queue.Full:
            raise busy() from None
        # It may have been put behind the last work, where nobody would ever answer.
        if self._stopping.is_set() and done.cancel():
            raise RequestError(503, "the server is stopping.")
        return done

    def _next_work(self) -> _Work | None:
        with suppress(queue.Empty):
            return self._queue.get(timeout=IDLE_S)
        return_freed_memory()
        return self._queue.get()

    def _work(self) -> None:
        while (work := self._next_work()) is not None:
            if not work.done.set_running_or_notify_cancel():
                continue
            try:
                work.done.set_result(work.call())
            except BaseException as error:
                work.done.set_exception(error)
        with suppress(queue.Empty):  # make room for those who wait for it, to be refused
            while True:
                self._queue.get_nowait()
        self._runtime_scope.close()

    def _load(self, run: Path | str | None, unknown: Unknown = "auto") -> None:
        from transnet.inference.recognizer import load  # imports torch

        if run is None:
            return
        try:
            recognizer = load(run, unknown=unknown)
            if self._measure:
                with recognizer.accelerated(MEASURED_FRAMES):
                    pass
            self._runtime_scope.close()
            self.runtime = self._runtime_scope.enter_context(recognizer.accelerated())
        except TransNetError as error:
            self.failure = str(error)
            say(f"error: {error}")
        else:
            self.recognizer, self.failure = recognizer, ""

    def _predict(self, frames: DecodedFrames, name: str) -> Prediction:
        return replace(self.require().predict(_clip(frames)), path=name)

    def _explain(self, frames: DecodedFrames) -> bytes:
        from PIL import Image

        from transnet.evaluation.explanation import explain_clip
        from transnet.evaluation.explanation_picture import explanation_picture

        picture = explanation_picture(explain_clip(self.require(), _clip(frames)))
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        return file.getvalue()


def _clip(frames: DecodedFrames) -> Clip:
    import numpy as np

    from transnet.data.clips import Clip

    times_s = np.asarray(frames.times_s)
    return Clip(frames.pixels, np.arange(len(times_s)), times_s, frames.damage)
