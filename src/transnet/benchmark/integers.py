"""A stream in int8 as a user gets it, trained and exported here, beside one clip of X3D-S."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path

import numpy as np
import torch

from transnet.benchmark.contest import Entrant, contest, reason
from transnet.benchmark.measurement import Limit, Measurement, measurement
from transnet.benchmark.rivals import RIVALS, make_rival
from transnet.benchmark.setting import NUM_CLASSES, Setting, fastest
from transnet.config import TrainingConfig
from transnet.deploy.export import export
from transnet.deploy.runtime import ExportedRecognizer, load
from transnet.experiments.train import train
from transnet.runtimes.engines import Runtime
from transnet.utils.progress import progress_bar

_Opens = Callable[[Setting, Runtime], dict[Entrant, Callable[[], object]]]

STREAM = "int8 stream, a new frame"
CLIP = "int8 clip"
RIVAL = "x3d_s"
MOST_MS = 8.0
TIMES_CHEAPER = 15


def measure(setting: Setting) -> list[Measurement]:
    """Rows of a new frame and of a clip in the runtimes of exports, and of the rival's clip."""
    calls: dict[Entrant, Callable[[], object]] = {}
    rows: list[Measurement] = []
    tasks: list[tuple[str, Runtime, _Opens]] = [
        (STREAM, name, _ours) for name in setting.runtimes if name in ("onnx", "openvino")
    ]
    if RIVAL in setting.rivals:
        tasks += [(RIVAL, runtime, _rival) for runtime in setting.runtimes]
    with progress_bar("preparing int8", len(tasks), "networks") as bar:
        for what, runtime, open_calls in tasks:
            try:
                calls |= open_calls(setting, runtime)
            except Exception as error:
                rows.append(
                    Measurement("int8", what, runtime, 1, setting.threads, note=reason(error))
                )
            bar.update(1)
    outcome = contest("int8", calls, setting.pace)
    best = fastest(outcome, [entrant for entrant in calls if entrant.what.startswith(RIVAL)])
    beside = () if best is None else (best,)
    for entrant in calls:
        comparisons: list[tuple[tuple[Entrant, ...], Limit | None]] = [((), None)]
        if entrant.what == STREAM:
            comparisons = [((), setting.limit("ms", MOST_MS))]
            if beside:
                comparisons.append((beside, setting.limit("ratio", 1 / TIMES_CHEAPER)))
        elif entrant.what == CLIP:
            comparisons = [(beside, None)]
        rows += [
            measurement(
                outcome, entrant, part="int8", threads=setting.threads, reference=reference,
                limit=limit,
            )
            for reference, limit in comparisons
        ]  # fmt: skip
    return rows


def small_export(setting: Setting, runtime: Runtime) -> ExportedRecognizer:
    """Train on a few clips, and export in int8."""
    run, exported = setting.scratch / "run", setting.scratch / f"int8_{runtime}"
    with redirect_stderr(io.StringIO()):  # what is said there is for those who keep the run
        if not (run / "model.safetensors").exists():
            train(
                str(_sample(setting)), out=str(run), backbone=setting.backbone,
                weights=setting.weights, split="column", clip=setting.clip,
                training=TrainingConfig(epochs=1, views=1, refit=False),
                cache=str(setting.scratch / "cache"), overwrite=True,
            )  # fmt: skip
        # One epoch on a few clips has taught it nothing that int8 could cost.
        export(
            run, out=str(exported), format="onnx" if runtime == "onnx" else "openvino",
            int8=True, max_loss=1.0, overwrite=True,
        )  # fmt: skip
    return load(exported, threads=setting.threads)


def _ours(setting: Setting, runtime: Runtime) -> dict[Entrant, Callable[[], object]]:
    """One new frame with its window's answer, and one clip."""
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


def _rival(setting: Setting, runtime: Runtime) -> dict[Entrant, Callable[[], object]]:
    rival = RIVALS[RIVAL]
    clip = torch.randn(1, rival.frames, 3, rival.size, rival.size)
    network = make_rival(RIVAL, NUM_CLASSES, rival.frames, rival.size)
    engine = setting.engine(RIVAL, network, clip, runtime)
    what = f"{RIVAL}, {rival.frames} x {rival.size}"
    return {Entrant(what, runtime): lambda: engine(clip)}


def _sample(setting: Setting) -> Path:
    path = setting.scratch / "sample.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "group", "start", "end", "split"])
        # Two made-up actions with clips of both in each part: nobody asks what it has learned.
        writer.writerows(
            [
                record.path.resolve(), f"action{number % 2}", f"group{number}", record.start,
                record.end, "test" if number // 2 == 1 else "train",
            ]
            for number, record in enumerate(setting.records)
        )  # fmt: skip
    return path
