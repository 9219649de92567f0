"""How fast a backbone is in each runtime on this machine: measured once, kept in the cache folder.

``runtimes`` in the cache folder holds the network as an ONNX graph, and its times. Both are keyed
by the weights, so all recognizers with the same frozen backbone share them.
"""

from __future__ import annotations

import hashlib
import json
import platform
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from torch import Tensor, nn

from transnet.errors import TransNetError
from transnet.model.backbone import Backbone, FrameMaps
from transnet.model.motion import VERSION as MOTION_VERSION
from transnet.runtimes.engines import RUNTIMES, Engine, Runtime, installed_runtimes, open_engine
from transnet.utils.files import written_whole
from transnet.utils.paths import cache_folder
from transnet.utils.progress import say
from transnet.utils.threads import MAX_CONCURRENCY

TOLERANCE = 1e-4
"""Largest accepted difference from PyTorch's features, relative to the largest feature."""

THREADED: tuple[Runtime, ...] = ("onnx", "openvino")
"""Runtimes that bring their own threads and answer several calls at once."""

METHOD = 2
"""Part of the name of kept times: increase it when something else is measured."""

MEASURED_FRAMES = 12
MEASURED_ROUNDS = 5
# Approximate seconds that measuring a runtime takes.
_EFFORT_S = {"onnx": 10.0, "openvino": 10.0, "compiled": 40.0}


@dataclass(frozen=True)
class Speed:
    """The cost of a runtime.

    Attributes:
        open_s: seconds to open it, each time.
        frame_s: seconds per frame.
    """

    open_s: float
    frame_s: float

    def total_s(self, num_frames: int | None) -> float:
        """Seconds for this many frames; ``None``: seconds per frame of an endless stream."""
        return self.frame_s if num_frames is None else self.open_s + num_frames * self.frame_s


class RuntimeSpeeds:
    """The measured runtimes of one backbone on this machine."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self._threads = torch.get_num_threads()
        # A graph that was kept before the maps changed would give the maps of then.
        outputs = () if backbone.inner is None else (*FrameMaps._fields, MOTION_VERSION)
        name = _digest(backbone.fingerprint(), backbone.size, *outputs)
        self._graph = cache_folder() / "runtimes" / f"{name}.onnx"
        where = platform.node(), platform.machine(), self._threads
        machine = _digest(METHOD, *where, *_versions())
        self._record = self._graph.with_name(f"{name}-{machine}.json")
        self._speeds = _read(self._record)

    def fastest(self, num_frames: int | None) -> Runtime:
        """The runtime that processes this many frames first."""
        usable = {r: s for r, s in self._speeds.items() if r in installed_runtimes()}
        return min(usable, key=lambda r: usable[r].total_s(num_frames)) if usable else "eager"

    def max_concurrency(self, runtime: Runtime) -> int:
        """Number of calls at a time that is fastest; PyTorch's threads are the process's."""
        return min(self._threads, MAX_CONCURRENCY) if runtime in THREADED else 1

    def open(self, runtime: Runtime, max_concurrency: int) -> Engine:
        """The backbone in a runtime, whose threads are shared by this many calls at a time.

        Raises:
            TransNetError: it cannot run there, or the cache folder cannot be written.
        """
        size = self._backbone.size
        example = torch.zeros(MEASURED_FRAMES, 3, size, size)
        network = InPyTorch(self._backbone)
        try:
            if runtime in THREADED:
                self._graph.parent.mkdir(parents=True, exist_ok=True)
            return open_engine(
                network,
                example,
                runtime,
                threads=self._threads,
                calls=max_concurrency,
                graph=self._graph,
            )
        except OSError as error:
            raise TransNetError(f"{self._graph.parent} cannot be written ({error}).") from error

    def forget(self) -> None:
        """Remove the kept files of this backbone, because they are unusable."""
        for path in (self._graph, self._record):
            path.unlink(missing_ok=True)

    def measure(self, num_frames: int) -> None:
        """Measure the unmeasured runtimes that may save more time than measuring them takes.

        The backbone must run in PyTorch meanwhile.
        """
        unmeasured = [r for r in installed_runtimes() if r not in self._speeds and r != "eager"]
        if not unmeasured:
            return
        frames = self._random_frames()
        eager = self.open("eager", 1)
        eager_s = _seconds(eager, frames, 1)
        # A runtime saves about half of PyTorch's time.
        promising = [r for r in unmeasured if num_frames * eager_s / 2 > _EFFORT_S[r]]
        if not promising:
            return
        say(f"measuring {', '.join(promising)} for {self._backbone.name} (once)")
        engines: dict[Runtime, Engine] = {"eager": eager}
        opened_s = self._open_all(promising, frames, engines)
        frame_s = self._frame_seconds(engines, frames)
        for runtime in (*engines, *promising):
            self._speeds[runtime] = Speed(
                opened_s.get(runtime, 0.0), frame_s.get(runtime, float("inf"))
            )
        self._keep()
        figures = ", ".join(f"{r} {1000 * frame_s[r]:.1f} ms" for r in engines)
        say(f"per frame: {figures}; kept in {self._graph.parent}")

    def _random_frames(self) -> Tensor:
        size = self._backbone.size
        # A generator of its own: training continues with the global one.
        generator = torch.Generator().manual_seed(0)
        return torch.rand(MEASURED_FRAMES, 3, size, size, generator=generator)

    def _open_all(
        self, runtimes: Sequence[Runtime], frames: Tensor, engines: dict[Runtime, Engine]
    ) -> dict[Runtime, float]:
        """Add those that agree with PyTorch to ``engines``; returns the seconds to open each."""
        expected = engines["eager"](frames)
        opened_s: dict[Runtime, float] = {}
        for runtime in runtimes:
            try:
                max_concurrency = self.max_concurrency(runtime)
                if runtime != "compiled":
                    self.open(runtime, max_concurrency)  # writes the graph, which is kept
                started = time.perf_counter()
                engine = self.open(runtime, max_concurrency)
                opened_s[runtime] = time.perf_counter() - started
                _require_equal(engine(frames), expected)
                engines[runtime] = engine
            except TransNetError as error:
                say(f"{runtime} cannot be used: {error}")
        return opened_s

    def _frame_seconds(
        self, engines: dict[Runtime, Engine], frames: Tensor
    ) -> dict[Runtime, float]:
        """Medians over interleaved rounds."""
        rounds: dict[Runtime, list[float]] = {runtime: [] for runtime in engines}
        for _ in range(MEASURED_ROUNDS):
            for runtime, engine in engines.items():
                rounds[runtime].append(_seconds(engine, frames, self.max_concurrency(runtime)))
        return {runtime: statistics.median(times) for runtime, times in rounds.items()}

    def _keep(self) -> None:
        text = json.dumps({r: asdict(speed) for r, speed in self._speeds.items()}, indent=2)
        try:
            with written_whole(self._record) as path:
                path.write_text(text, encoding="utf-8")
        except (OSError, TransNetError) as error:
            say(f"the times are not kept: {error}")


class InPyTorch(nn.Module):
    """The network that other runtimes are made from: never itself in another runtime."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self._backbone = backbone

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        return self._backbone.in_pytorch(frames)


def _read(record: Path) -> dict[Runtime, Speed]:
    try:
        entries = json.loads(record.read_text(encoding="utf-8"))
        return {r: Speed(**entries[r]) for r in RUNTIMES if r in entries}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _seconds(engine: Engine, frames: Tensor, max_concurrency: int) -> float:
    with ThreadPoolExecutor(max_concurrency) as pool:
        started = time.perf_counter()
        list(pool.map(engine, [frames] * max_concurrency))
        return (time.perf_counter() - started) / (max_concurrency * len(frames))


def _require_equal(found: Sequence[Tensor], expected: Sequence[Tensor]) -> None:
    difference = max(
        float((one - other).abs().max() / other.abs().max().clamp(min=1e-12))
        for one, other in zip(found, expected, strict=True)
    )
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
