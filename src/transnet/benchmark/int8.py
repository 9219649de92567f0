"""A stream in int8, trained and exported here as a user does, against one clip of X3D-S."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from pathlib import Path

import numpy as np
import torch

from transnet.benchmark.baselines import BASELINES, make_baseline
from transnet.benchmark.contest import Entrant, contest, reason
from transnet.benchmark.measurement import Limit, Measurement, measurement
from transnet.benchmark.setting import NUM_CLASSES, Setting, fastest
from transnet.config import TrainingConfig
from transnet.deploy.export import export
from transnet.deploy.runtime import ExportedRecognizer, load
from transnet.experiments.train import train
from transnet.runtimes.engines import Runtime
from transnet.utils.progress import progress_bar

_Calls = dict[Entrant, Callable[[], object]]

STREAM = "int8 stream, a new frame"
CLIP = "int8 clip"
BASELINE = "x3d_s"
MOST_MS = 8.0
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
    tasks: list[tuple[str, Runtime, Callable[[Setting, Runtime], _Calls]]] = [
        (STREAM, name, _ours) for name in setting.runtimes if name in ("onnx", "openvino")
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
    if entrant.what == STREAM:
        absolute = [((), setting.limit("ms", MOST_MS))]
        return absolute + ([(best, setting.limit("ratio", 1 / TIMES_CHEAPER))] if best else [])
    return [(best if entrant.what == CLIP else (), None)]


def small_export(setting: Setting, runtime: Runtime) -> ExportedRecognizer:
    """Train on a few clips, and export in int8."""
    run, exported = setting.scratch / "run", setting.scratch / f"int8_{runtime}"
    with redirect_stderr(io.StringIO()):  # hides progress; nobody keeps this run
        if not (run / "model.safetensors").exists():
            train(
                str(_sample(setting)),
                out=str(run),
                backbone=setting.backbone,
                weights=setting.weights,
                split="column",
                clip=setting.clip,
                training=TrainingConfig(epochs=1, views=1, refit=False),
                cache=str(setting.scratch / "cache"),
                overwrite=True,
            )
        # max_loss: after one epoch on a few clips, the accuracy says nothing about int8.
        export(
            run,
            out=str(exported),
            format="onnx" if runtime == "onnx" else "openvino",
            int8=True,
            max_loss=1.0,
            overwrite=True,
        )
    return load(exported, threads=setting.threads)


def _ours(setting: Setting, runtime: Runtime) -> _Calls:
    """One new frame with the prediction of its window, and one clip."""
    recognizer = small_export(setting, runtime)
    size, frames = setting.clip.size, setting.clip.frames
    clip = np.random.default_rng(0).integers(0, 256, (1, frames, size, size, 3), dtype=np.uint8)
    window = recognizer.encode(clip[0])

    def push() -> None:
        window[:-1] = window[1:]
        window[-1:] = recognizer.encode(clip[0, -1:])
        recognizer.classify(window[None])

    return {
        Entrant(STREAM, runtime): push,
        Entrant(CLIP, runtime): lambda: recognizer.scores(clip),
    }


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
