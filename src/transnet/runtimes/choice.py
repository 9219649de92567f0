"""The runtime in which an image network is fastest on this machine: measured once, and kept.

What is kept lies in ``runtimes`` of the cache folder: the network as an ONNX graph, and the times.
They belong to the network's weights, so all recognizers with the same frozen backbone share them.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from torch import Tensor, nn

from transnet.errors import TransNetError
from transnet.model.backbone import Backbone
from transnet.runtimes.engines import RUNTIMES, Engine, Runtime, installed_runtimes, open_engine
from transnet.utils.files import written_whole
from transnet.utils.paths import cache_folder
from transnet.utils.progress import say
from transnet.utils.threads import MAX_CONCURRENCY

VARIABLE = "TRANSNET_RUNTIME"
"""Set to a runtime's name it decides; ``auto`` or not set: what was measured decides."""

TOLERANCE = 1e-4
"""By how much a feature may differ from PyTorch's, of the largest one."""

OTHERS: tuple[Runtime, ...] = ("onnx", "openvino")
"""Those that bring threads of their own."""

MEASURED_FRAMES = 12
MEASURED_ROUNDS = 5
# Seconds that it takes, about, to find out what a runtime is worth.
_EFFORT_S = {"onnx": 10.0, "openvino": 10.0, "compiled": 40.0}


@dataclass(frozen=True)
class Speed:
    """What a runtime costs.

    Attributes:
        open_s: seconds until it is ready, each time.
        frame_s: seconds a frame.
    """

    open_s: float
    frame_s: float

    def of(self, num_frames: int | None) -> float:
        """Seconds for so many frames; without a number, what counts where there is no end."""
        return self.frame_s if num_frames is None else self.open_s + num_frames * self.frame_s


@contextmanager
def accelerated(backbone: nn.Module, num_frames: int | None) -> Iterator[Runtime]:
    """Let an image network run where it is fastest, for a piece of work without gradients.

    Runtimes that were never tried are tried if the work ahead is so much that it may pay. For much
    work ONNX Runtime and OpenVINO get a core a call, and several calls at once
    (``backbone.at_once``), which wastes less than one call on all cores; for a stream, all cores.
    PyTorch, which has only small things left to do then, gets one thread of the process: its
    others would wait at full speed, in their way.

    Args:
        backbone: a :class:`~transnet.model.backbone.Backbone`, in evaluation mode, whose weights
            do not change meanwhile; anything else, and whatever is on a GPU, is left alone.
        num_frames: frames ahead; ``None`` if nobody can tell (a stream): nothing is tried then,
            but what is known is used.

    Yields:
        Where it runs.

    Raises:
        TransNetError: the variable TRANSNET_RUNTIME names no runtime, or one that fails.
    """
    wanted = os.environ.get(VARIABLE) or "auto"
    if wanted not in ("auto", *RUNTIMES):
        raise TransNetError(
            f"the variable {VARIABLE} is {wanted!r}; accepted: auto, {', '.join(RUNTIMES)}."
        )
    if not isinstance(backbone, Backbone) or next(backbone.parameters()).is_cuda:
        yield "eager"
        return
    before, threads = (backbone.engine, backbone.at_once), torch.get_num_threads()
    try:
        runtime = _choose(_Trial(backbone), wanted, num_frames)
        if runtime in OTHERS:
            torch.set_num_threads(1)
        yield runtime
    finally:
        torch.set_num_threads(threads)
        backbone.run_in(before[0], at_once=before[1])


def _choose(trial: _Trial, wanted: str, num_frames: int | None) -> Runtime:
    stream = num_frames is None
    for runtime in RUNTIMES:
        if runtime == wanted:
            return trial.use(runtime, stream=stream)
    if num_frames is not None:
        trial.measure(num_frames)
    try:
        return trial.use(trial.best(num_frames), stream=stream)
    except TransNetError as error:
        trial.forget()
        say(f"{error} PyTorch is used instead.")
        return trial.use("eager", stream=stream)


class _Trial:
    """What is known of the runtimes of one network on this machine."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self._threads = torch.get_num_threads()
        name = _digest(backbone.fingerprint(), backbone.size)
        self._graph = cache_folder() / "runtimes" / f"{name}.onnx"
        here = _digest(platform.node(), platform.machine(), self._threads, *_versions())
        self._record = self._graph.with_name(f"{name}-{here}.json")
        self._speeds = _read(self._record)

    def best(self, num_frames: int | None) -> Runtime:
        """The runtime that is done first with so many frames."""
        usable = {r: s for r, s in self._speeds.items() if r in installed_runtimes()}
        return min(usable, key=lambda r: usable[r].of(num_frames)) if usable else "eager"

    def use(self, runtime: Runtime, *, stream: bool) -> Runtime:
        """Let the network run there from now on."""
        if runtime == "eager":
            self._backbone.run_in(None)
        else:
            at_once = 1 if stream else self._at_once(runtime)
            self._backbone.run_in(self._open(runtime, at_once), at_once=at_once)
        return runtime

    def _at_once(self, runtime: Runtime) -> int:
        """Calls that do best together: PyTorch's own threads are those of the whole process."""
        return min(self._threads, MAX_CONCURRENCY) if runtime in OTHERS else 1

    def forget(self) -> None:
        """Remove what is kept: it does not work."""
        for path in (self._graph, self._record):
            path.unlink(missing_ok=True)

    def measure(self, num_frames: int) -> None:
        """Try what is unknown and may save more time than finding out takes."""
        untried = [r for r in installed_runtimes() if r not in self._speeds and r != "eager"]
        if not untried:
            return
        size = self._backbone.size
        chance = torch.Generator().manual_seed(0)  # of its own: trainings go on with the global one
        frames = torch.rand(MEASURED_FRAMES, 3, size, size, generator=chance)
        frames = frames.to(memory_format=torch.channels_last)
        self._backbone.run_in(None)
        eager = self._open("eager", 1)
        eager_s = _seconds(eager, frames, 1)
        # Half of PyTorch's time is about what there is to be won.
        worth: list[Runtime] = [r for r in untried if num_frames * eager_s / 2 > _EFFORT_S[r]]
        if not worth:
            return
        say(f"trying {', '.join(worth)} for {self._backbone.name}, this once")
        expected = eager(frames)
        engines: dict[Runtime, Engine] = {"eager": eager}
        opened_s: dict[Runtime, float] = {"eager": 0.0}
        for runtime in worth:
            try:
                at_once = self._at_once(runtime)
                if runtime != "compiled":
                    self._open(runtime, at_once)  # writes the graph, which the next time finds
                started = time.perf_counter()
                engine = self._open(runtime, at_once)
                opened_s[runtime] = time.perf_counter() - started
                _refuse_if_other(engine(frames), expected)
                engines[runtime] = engine
            except TransNetError as error:
                say(f"{runtime} is no use here: {error}")
        rounds: dict[Runtime, list[float]] = {runtime: [] for runtime in engines}
        for _ in range(MEASURED_ROUNDS):
            for runtime, engine in engines.items():
                rounds[runtime].append(_seconds(engine, frames, self._at_once(runtime)))
        for runtime in (*engines, *worth):
            frame_s = statistics.median(rounds.get(runtime, [float("inf")]))
            self._speeds[runtime] = Speed(opened_s.get(runtime, 0.0), frame_s)
        self._keep()
        figures = ", ".join(f"{r} {1000 * self._speeds[r].frame_s:.1f} ms" for r in engines)
        say(f"a frame takes {figures}; kept in {self._graph.parent}")

    def _open(self, runtime: Runtime, at_once: int) -> Engine:
        size = self._backbone.size
        example = torch.zeros(MEASURED_FRAMES, 3, size, size)
        example = example.to(memory_format=torch.channels_last)
        try:
            if runtime in OTHERS:
                self._graph.parent.mkdir(parents=True, exist_ok=True)
            return open_engine(
                _InPyTorch(self._backbone), example, runtime,
                threads=self._threads // at_once, graph=self._graph,
            )  # fmt: skip
        except OSError as error:
            raise TransNetError(f"{self._graph.parent} cannot be written ({error}).") from error

    def _keep(self) -> None:
        text = json.dumps({r: asdict(speed) for r, speed in self._speeds.items()}, indent=2)
        try:
            with written_whole(self._record) as path:
                path.write_text(text, encoding="utf-8")
        except (OSError, TransNetError) as error:
            say(f"the times are not kept: {error}")


class _InPyTorch(nn.Module):
    """The network that other runtimes are made from: itself without them."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self._backbone = backbone

    def forward(self, frames: Tensor) -> Tensor:
        return self._backbone.in_pytorch(frames)


def _read(record: Path) -> dict[Runtime, Speed]:
    try:
        entries = json.loads(record.read_text(encoding="utf-8"))
        return {r: Speed(**entries[r]) for r in RUNTIMES if r in entries}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _seconds(engine: Engine, frames: Tensor, at_once: int) -> float:
    with ThreadPoolExecutor(at_once) as pool:
        started = time.perf_counter()
        list(pool.map(engine, [frames] * at_once))
        return (time.perf_counter() - started) / (at_once * len(frames))


def _refuse_if_other(found: Tensor, expected: Tensor) -> None:
    difference = float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-12))
    if not difference <= TOLERANCE:
        raise TransNetError(
            f"its features differ from PyTorch's by {difference:.2g} of the largest; accepted: "
            f"{TOLERANCE:g}."
        )


def _digest(*values: object) -> str:
    return hashlib.blake2b(repr(values).encode(), digest_size=8).hexdigest()


def _versions() -> list[str]:
    found = []
    for package in ("torch", "onnxruntime", "openvino"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} -")
    return found
