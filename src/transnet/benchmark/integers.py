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
from transnet.deploy.runtime import load
from transnet.progress import progress_bar
from transnet.training.train import train

STREAM = "int8 stream, a new frame"
RIVAL = "x3d_s"
MOST_MS = 8.0
TIMES_CHEAPER = 15


def measure(setting: Setting) -> list[Measurement]:
    """Rows of a new frame in each runtime of exports, and of a clip of the rival in every one."""
    rival = RIVALS[RIVAL]
    streams = [Entrant(STREAM, name) for name in ("onnx", "openvino") if name in setting.runtimes]
    clips = [
        Entrant(f"{RIVAL}, {rival.frames} x {rival.size}", runtime)
        for runtime in setting.runtimes
        if RIVAL in setting.rivals
    ]
    calls: dict[Entrant, Callable[[], object]] = {}
    rows: list[Measurement] = []
    with progress_bar("preparing int8", len(streams) + len(clips), "networks") as bar:
        for entrant in (*streams, *clips):
            try:
                make = _stream if entrant in streams else _clip
                calls[entrant] = make(setting, entrant.runtime)
            except Exception as error:
                rows.append(
                    Measurement(
                        "int8", *entrant, batch=1, threads=setting.threads, note=reason(error)
                    )
                )
            bar.update(1)
    outcome = contest("int8", calls, setting.pace)
    best = fastest(outcome, clips)
    for entrant in (entrant for entrant in streams if entrant in calls):
        comparisons: list[tuple[Limit | None, tuple[Entrant, ...]]] = [
            (setting.limit("ms", MOST_MS), ())
        ]
        if best is not None:
            comparisons.append((setting.limit("ratio", 1 / TIMES_CHEAPER), (best,)))
        rows += [
            measurement(
                outcome, entrant, part="int8", threads=setting.threads, limit=limit,
                reference=reference,
            )
            for limit, reference in comparisons
        ]  # fmt: skip
    rows += [
        measurement(outcome, entrant, part="int8", threads=setting.threads)
        for entrant in clips
        if entrant in calls
    ]
    return rows


def _stream(setting: Setting, runtime: str) -> Callable[[], object]:
    """Train on a few clips, export in int8, and watch: one new frame, and its window's answer."""
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
    recognizer = load(exported, threads=setting.threads)
    size = setting.clip.size
    frame = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), dtype=np.uint8)
    window = np.repeat(recognizer.encode(frame), setting.clip.frames, axis=0)

    def push() -> None:
        window[:-1] = window[1:]
        window[-1:] = recognizer.encode(frame)
        recognizer.classify(window[None])

    return push


def _sample(setting: Setting) -> Path:
    path = setting.scratch / "sample.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "group", "start", "end", "split"])
        # Two made-up actions with clips of both in each part: nobody asks what it has learnt.
        writer.writerows(
            [
                record.path.resolve(), f"action{number % 2}", f"group{number}", record.start,
                record.end, "test" if number // 2 == 1 else "train",
            ]
            for number, record in enumerate(setting.records)
        )  # fmt: skip
    return path


def _clip(setting: Setting, runtime: str) -> Callable[[], object]:
    rival = RIVALS[RIVAL]
    clip = torch.randn(1, rival.frames, 3, rival.size, rival.size)
    network = make_rival(RIVAL, NUM_CLASSES, rival.frames, rival.size)
    engine = setting.engine(RIVAL, network, clip, runtime)  # type: ignore[arg-type]
    return lambda: engine(clip)
