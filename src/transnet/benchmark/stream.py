"""A new frame of a stream, against the bare backbone and against recomputing the clip."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import av
import numpy as np
import torch
from torch import Tensor

from transnet.benchmark.contest import Entrant, contest, reason
from transnet.benchmark.measurement import Measurement, measurement
from transnet.benchmark.setting import Setting
from transnet.data.video.frames import Pixels, rgb_frame
from transnet.inference.recognizer import Recognizer
from transnet.model.streaming import StreamingTransNet
from transnet.model.transnet import TransNet
from transnet.runtimes.engines import Runtime
from transnet.runtimes.measured_speed import THREADED, InPyTorch

FPS = 25
BARE = "bare backbone, 1 frame"
BARE_CLIP = "bare backbone, a clip's frames"
STREAM = "stream, a new frame"
MOTION = "stream with motion, a new frame"
CLIP = "clip"
AGAIN = "clip, computed anew for each frame"
SHORTER_TURNS = 3  # differences of a few percent matter


def _decoded(pixels: Pixels) -> av.VideoFrame:
    """A frame as a decoder or a camera gives it."""
    return rgb_frame(pixels).reformat(format="yuv420p")


def _pushed(pixels: Pixels) -> Pixels:
    """A frame as a program pushes it."""
    return pixels


PICTURES: dict[str, tuple[int, int, Callable[[Pixels], Pixels | av.VideoFrame]]] = {
    f"stream, {kind} frame of {height} x {width}": (height, width, make)
    for height, width in ((240, 320), (720, 1280))
    for kind, make in (("decoded", _decoded), ("RGB", _pushed))
}
"""Frames that are still to be resized and normalized."""

LIMITED = (STREAM, next(iter(PICTURES)))
_REFERENCES = {
    CLIP: BARE_CLIP,
    MOTION: STREAM,
    **dict.fromkeys((STREAM, *PICTURES), BARE),
}


def measure_part(setting: Setting) -> list[Measurement]:
    """A new frame and a clip, in every runtime."""
    calls: dict[Entrant, Callable[[], object]] = {}
    rows = []
    for runtime in setting.runtimes:
        try:
            calls |= _ways(setting, runtime)
        except Exception as error:
            rows.append(
                Measurement("stream", "all", runtime, 1, setting.threads, note=reason(error))
            )
    outcome = contest("stream", calls, setting.schedule.finer(SHORTER_TURNS))
    stream_limit = setting.limit("ratio", 1.15)
    again_limit = setting.limit("ratio", at_least=10)
    limits = dict.fromkeys(LIMITED, stream_limit) | {MOTION: setting.limit("ratio", 1.08)}
    for entrant in calls:
        named = _REFERENCES.get(entrant.what)
        reference = [Entrant(named, entrant.runtime)] if named else []
        rows.append(
            measurement(
                outcome,
                entrant,
                part="stream",
                threads=setting.threads,
                limit=limits.get(entrant.what),
                reference=reference,
            )
        )
        if entrant.what == CLIP:
            rows.append(
                measurement(
                    outcome,
                    entrant,
                    part="stream",
                    threads=setting.threads,
                    limit=again_limit,
                    what=AGAIN,
                    reference=[Entrant(STREAM, entrant.runtime)],
                )
            )
    return rows


def _ways(setting: Setting, runtime: Runtime) -> dict[Entrant, Callable[[], object]]:
    """As in :mod:`transnet.runtimes.choice`: the backbone in the runtime, the rest in PyTorch."""
    recognizer = setting.recognizer()
    network = recognizer.model
    assert isinstance(network, TransNet)
    size, frames = setting.clip.size, setting.clip.frames
    clip = torch.randn(1, frames, 3, size, size)
    # A separate network: the compiler would trace the network that the backbone is part of.
    alone = setting.recognizer().model.backbone
    bare = setting.engine("backbone", alone, clip[0], runtime)
    if runtime != "eager":
        network.backbone.run_in(bare)
    stream = StreamingTransNet(network, recognizer.info.step_s)
    ways: dict[str, Callable[[], object]] = {
        BARE: lambda: bare(clip[0, :1]),
        STREAM: _full(stream.push, clip[0, 0]),
        MOTION: _full(_with_motion(setting, runtime).push, clip[0, 0]),
        **_pushes(recognizer),
        BARE_CLIP: lambda: bare(clip[0]),
        CLIP: torch.inference_mode()(lambda: network(clip)),
    }
    threads = 1 if runtime in THREADED else setting.threads
    return {Entrant(what, runtime): _with_threads(call, threads) for what, call in ways.items()}


def _with_motion(setting: Setting, runtime: Runtime) -> StreamingTransNet:
    recognizer = setting.recognizer("both")
    network = recognizer.model
    assert isinstance(network, TransNet)
    if runtime != "eager":
        frame = torch.randn(1, 3, setting.clip.size, setting.clip.size)
        alone = InPyTorch(network.backbone)
        network.backbone.run_in(setting.engine("backbone with maps", alone, frame, runtime))
    return StreamingTransNet(network, recognizer.info.step_s)


def _with_threads(call: Callable[[], object], threads: int) -> Callable[[], object]:
    """As :func:`~transnet.runtimes.choice.accelerated` sets them."""

    def run() -> None:
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        call()

    return run


def _pushes(recognizer: Recognizer) -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(0)
    return {
        what: _full(
            recognizer.stream_session().push,
            make(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)),
        )
        for what, (height, width, make) in PICTURES.items()
    }


def _full(push: Callable[[Any, float], object], frame: Tensor | Any) -> Callable[[], object]:
    """Push the next frame, once a window is full."""
    numbers = itertools.count()
    while push(frame, next(numbers) / FPS) is None:
        pass
    return lambda: push(frame, next(numbers) / FPS)
