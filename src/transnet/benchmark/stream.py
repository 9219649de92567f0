"""What a new frame of a stream costs, beside a bare backbone and a clip computed anew."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from transnet.benchmark.contest import Entrant, contest, reason
from transnet.benchmark.measurement import Limit, Measurement, measurement
from transnet.benchmark.setting import Setting
from transnet.data.preprocessing import rgb_frame
from transnet.deploy.engines import Runtime
from transnet.inference.recognizer import Recognizer
from transnet.model.streaming import StreamingTransNet
from transnet.model.transnet import TransNet

FPS = 25
BARE = "bare backbone, 1 frame"
BARE_CLIP = "bare backbone, a clip's frames"
STREAM = "stream, a new frame"
CLIP = "clip"
AGAIN = "clip, computed anew for each frame"
# What a program pushes, and what a decoder or a camera gives.
PICTURES = ((240, 320), (720, 1280))
KINDS: dict[str, Callable[[Any], Any]] = {
    "uint8 RGB": lambda pixels: pixels,
    "decoded": lambda pixels: rgb_frame(pixels).reformat(format="yuv420p"),
}


def measure(setting: Setting) -> list[Measurement]:
    """Rows of one new frame and of one clip, in every runtime."""
    recognizer = setting.recognizer()
    calls: dict[Entrant, Callable[[], object]] = {}
    rows = []
    for runtime in setting.runtimes:
        try:
            calls |= _ways(setting, recognizer, runtime)
        except Exception as error:
            rows.append(
                Measurement("stream", "all", runtime, 1, setting.threads, note=reason(error))
            )
    pushes = _pushes(recognizer) if "eager" in setting.runtimes else {}
    outcome = contest("stream", calls | pushes, setting.pace)
    for runtime in (runtime for runtime in setting.runtimes if Entrant(BARE, runtime) in calls):
        bare, stream = Entrant(BARE, runtime), Entrant(STREAM, runtime)
        clip, bare_clip = Entrant(CLIP, runtime), Entrant(BARE_CLIP, runtime)
        lines: tuple[tuple[Entrant, Entrant | None, Limit | None, str], ...] = (
            (bare, None, None, ""),
            (stream, bare, setting.limit("ratio", 1.15), ""),
            (bare_clip, None, None, ""),
            (clip, bare_clip, None, ""),
            (clip, stream, setting.limit("ratio", at_least=10), AGAIN),
        )
        rows += [
            measurement(
                outcome, entrant, part="stream", threads=setting.threads, limit=limit, what=what,
                reference=() if reference is None else (reference,),
            )
            for entrant, reference, limit, what in lines
        ]  # fmt: skip
    rows += [
        measurement(
            outcome, entrant, part="stream", threads=setting.threads,
            reference=(Entrant(BARE, "eager"),), note="resizing included",
        )
        for entrant in pushes
    ]  # fmt: skip
    return rows


def _ways(
    setting: Setting, recognizer: Recognizer, runtime: Runtime
) -> dict[Entrant, Callable[[], object]]:
    network = cast("TransNet", recognizer.model)
    size, frames = setting.clip.size, setting.clip.frames
    clip = torch.randn(1, frames, 3, size, size)
    bare = setting.engine("backbone", network.backbone, clip[0], runtime)
    spatial = setting.engine("spatial", network.spatial, clip[0], runtime)
    whole = setting.engine("clip", network, clip, runtime)
    # Only the frame's own pass is worth another runtime: the temporal part of a window is small.
    carried = SimpleNamespace(num_frames=frames, spatial=spatial, temporal=network.temporal)
    stream = StreamingTransNet(cast("TransNet", carried), recognizer.info.step_s)
    return {
        Entrant(BARE, runtime): lambda: bare(clip[0, :1]),
        Entrant(STREAM, runtime): _full(stream.push, clip[0, 0]),
        Entrant(BARE_CLIP, runtime): lambda: bare(clip[0]),
        Entrant(CLIP, runtime): lambda: whole(clip),
    }


def _pushes(recognizer: Recognizer) -> dict[Entrant, Callable[[], object]]:
    rng = np.random.default_rng(0)
    return {
        Entrant(f"stream, {kind} frame of {height} x {width}", "eager"): _full(
            recognizer.stream_session().push,
            make(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)),
        )
        for height, width in PICTURES
        for kind, make in KINDS.items()
    }


def _full(push: Callable[[Any, float], object], frame: Tensor | Any) -> Callable[[], object]:
    """Pushes the next frame; there is a window by then."""
    numbers = itertools.count()
    while push(frame, next(numbers) / FPS) is None:
        pass
    return lambda: push(frame, next(numbers) / FPS)
