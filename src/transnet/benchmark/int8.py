"""Exported streams in float32 and int8, with and without motion, against one clip of X3D-S.

They are trained and exported here, as a user does.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from functools import partial
from pathlib import Path

import numpy as np
import torch

from transnet.benchmark.baselines import BASELINES, make_baseline
from transnet.benchmark.contest import Entrant, contest, reason
from transnet.benchmark.measurement import Limit, Measurement, measurement
from transnet.benchmark.setting import NUM_CLASSES, Setting, fastest
from transnet.config import Cues, ModelConfig, TrainingConfig
from transnet.data.video.frames import Pixels
from transnet.deploy.export import export
from transnet.deploy.runtime import ExportedRecognizer, load
from transnet.deploy.window import Window
from transnet.experiments.train import train
from transnet.runtimes.engines import Runtime
from transnet.utils.progress import progress_bar

_Calls = dict[Entrant, Callable[[], object]]

FLOAT, FLOAT_MOTION = "float32 stream, a new frame", "float32 stream with motion, a new frame"
STREAM, MOTION = "int8 stream, a new frame", "int8 stream with motion, a new frame"
CLIP = "int8 clip"
STREAMS: dict[str, tuple[Cues, bool]] = {
    FLOAT: ("appearance", False),
    FLOAT_MOTION: ("both", False),
    STREAM: ("appearance", True),
    MOTION: ("both", True),
}
"""The cues of each stream, and whether it is in int8."""

BASELINE = "x3d_s"
FAST = "mobilenetv4_conv_small"
"""The backbone of the fast preset, whose clip is meant to pass the baseline's."""

MOST_MS = 5.0
TIMES_CHEAPER = 15


def measure_part(setting: Setting) -> list[Measurement]:
    """A new frame and a clip in the runtimes of exports, and the baseline's clip."""
    calls, rows = _prepare(setting)
    outcome = contest("int8", calls, setting.schedule)
    baselines = [entrant for entrant in calls if entrant.what.startswith(BASELINE)]
    best = fastest(outcome, baselines)
    for entrant in calls:
        rows += [
            measurement(
                outcome,
                entrant,
                part="int8",
                threads=setting.threads,
                reference=reference,
                limit=limit,
            )
            for reference, limit in _comparisons(setting, entrant, () if best is None else (best,))
        ]
    return rows


def _prepare(setting: Setting) -> tuple[_Calls, list[Measurement]]:
    """The call of every entrant, and rows of those that cannot run."""
    calls: _Calls = {}
    failed: list[Measurement] = []
    exported: list[Runtime] = [name for name in setting.runtimes if name in ("onnx", "openvino")]
    tasks: list[tuple[str, Runtime, Callable[[Setting, Runtime], _Calls]]] = [
        (what, name, partial(_ours, what=what)) for name in exported for what in STREAMS
    ]
    if BASELINE in setting.baselines:
        tasks += [(BASELINE, runtime, _baseline) for runtime in setting.runtimes]
    with progress_bar("preparing int8", len(tasks), "networks") as bar:
        for what, runtime, open_calls in tasks:
            try:
                calls |= open_calls(setting, runtime)
            except Exception as error:
                note = reason(error)
                failed.append(Measurement("int8", what, runtime, 1, setting.threads, note=note))
            bar.update(1)
    return calls, failed


def _comparisons(
    setting: Setting, entrant: Entrant, best: Sequence[Entrant]
) -> list[tuple[Sequence[Entrant], Limit | None]]:
    """What an entrant is compared with, and the limits that it must keep."""
    if entrant.what == FLOAT_MOTION:
        return [([Entrant(FLOAT, entrant.runtime)], setting.limit("ratio", 1.08))]
    if entrant.what == MOTION:
        return [([Entrant(STREAM, entrant.runtime)], None)]
    if entrant.what == STREAM:
        absolute = [((), setting.limit("ms", MOST_MS))]
        return absolute + ([(best, setting.limit("ratio", 1 / TIMES_CHEAPER))] if best else [])
    if entrant.what == CLIP:
        is_fast = best and setting.backbone.startswith(FAST)
        return [(best, setting.limit("ratio", 1 / 1.5) if is_fast else None)]
    return [((), None)]


def small_export(
    setting: Setting, runtime: Runtime, cues: Cues = "appearance", *, int8: bool = True
) -> ExportedRecognizer:
    """Train on a few clips, and export."""
    run = setting.scratch / f"run_{cues}"
    exported = setting.scratch / f"{'int8' if int8 else 'float32'}_{cues}_{runtime}"
    with redirect_stderr(io.StringIO()):  # hides progress; nobody keeps this run
        if not (run / "model.safetensors").exists():
            train(
                str(_sample(setting)),
                out=str(run),
                backbone=setting.backbone,
                weights=setting.weights,
                split="column",
                clip=setting.clip,
                model=ModelConfig(cues=cues),
                training=TrainingConfig(epochs=1, views=1, refit=False),
                cache=str(setting.scratch / "cache"),
                overwrite=True,
            )
        # max_loss: after one epoch on a few clips, the accuracy says nothing about int8.
        export(
            run,
            out=str(exported),
            format="onnx" if runtime == "onnx" else "openvino",
            int8=int8,
            max_loss=1.0,
            overwrite=True,
        )
    return load(exported, threads=setting.threads)


def _ours(setting: Setting, runtime: Runtime, *, what: str) -> _Calls:
    """One new frame with the prediction of its window, and one clip."""
    cues, int8 = STREAMS[what]
    recognizer = small_export(setting, runtime, cues, int8=int8)
    size, frames = setting.clip.size, setting.clip.frames
    clip = np.random.default_rng(0).integers(0, 256, (1, frames, size, size, 3), dtype=np.uint8)
    calls: _Calls = {Entrant(what, runtime): _pushes(recognizer, clip[0])}
    if what == STREAM:
        calls[Entrant(CLIP, runtime)] = lambda: recognizer.scores(clip)
    return calls


def _pushes(recognizer: ExportedRecognizer, clip: Pixels) -> Callable[[], object]:
    """Push the last frame of a clip again and again."""
    window = Window(recognizer)
    for frame in clip:
        window.push(frame)
    return partial(window.push, clip[-1])


def _baseline(setting: Setting, runtime: Runtime) -> _Calls:
    baseline = BASELINES[BASELINE]
    clip = torch.randn(1, baseline.frames, 3, baseline.size, baseline.size)
    network = make_baseline(BASELINE, NUM_CLASSES, baseline.frames, baseline.size)
    engine = setting.engine(BASELINE, network, clip, runtime)
    what = f"{BASELINE}, {baseline.frames} x {baseline.size}"
    return {Entrant(what, runtime): lambda: engine(clip)}


def _sample(setting: Setting) -> Path:
    """A dataset of the clips with two made-up labels, each in every part of the split."""
    path = setting.scratch / "sample.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "group", "start", "end", "split"])
        for number, record in enumerate(setting.records):
            label, group = f"action{number % 2}", f"group{number}"
            subset = "test" if number // 2 == 1 else "train"
            row = [record.path.resolve(), label, group, record.start, record.end, subset]
            writer.writerow(row)
    return path
