"""What a new frame of a stream costs, beside a bare backbone and a recomputed clip; and memory.

::

    python benchmarks/streaming.py RUN --out streaming.csv            # time
    python benchmarks/streaming.py RUN --hours 1 --fps 10             # memory

The run gives the network (``transnet train``); the frames are generated. All ways to answer take
turns, frame by frame, in one process on one thread, so that whatever else the machine does hits
them alike; and processor time counts, not what the clock shows while others compute. A row is the
median over the frames of one round, a figure the median over the rounds, a ratio the median of the
rounds' ratios.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import os
import platform
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import transnet
from transnet.data.preprocessing import CENTER, Preprocessor, normalise, rgb_frame
from transnet.inference.stream import window_step_s
from transnet.model.streaming import StreamingTransNet

FPS = 25
PICTURES = ((240, 320), (720, 1280))
# What a program pushes, and what a decoder or a camera gives.
KINDS: dict[str, Callable[[Any], Any]] = {
    "uint8 RGB": lambda pixels: pixels,
    "yuv420p": lambda pixels: rgb_frame(pixels).reformat(format="yuv420p"),
}
BARE = "bare backbone, 1 frame"
CLIP = "clip recomputed"


def main() -> None:
    """Measure time, or memory."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run")
    parser.add_argument("--out", type=Path, help="CSV file for the rounds")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--frames", type=int, default=20, help="frames a round")
    parser.add_argument("--hours", type=float, help="measure memory over so many hours of frames")
    parser.add_argument("--fps", type=float, default=10.0, help="of the frames of --hours")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recognizer = transnet.load(arguments.run)
    if arguments.hours:
        rows = measure_memory(recognizer, arguments.hours, arguments.fps)
    else:
        rows = measure_time(recognizer, arguments.rounds, arguments.frames)
    if arguments.out:
        with open(arguments.out, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)


def measure_time(
    recognizer: transnet.Recognizer, rounds: int, frames: int
) -> list[dict[str, object]]:
    """Rounds of every way to answer, in turns."""
    ways = _ways(recognizer)
    turns = random.Random(0)
    rows: list[dict[str, object]] = []
    medians: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        times = defaultdict(list)
        for _ in range(frames):
            # In another order each time: what ran before has left its mark on the caches.
            for name, answer in turns.sample(list(ways.items()), len(ways)):
                started = time.process_time()
                answer()
                times[name].append(time.process_time() - started)
        if number == 0:
            continue  # to warm up
        for name in ways:
            milliseconds = 1000 * statistics.median(times[name])
            medians[name].append(milliseconds)
            rows.append({
                "what": name, "round": number, "ms": f"{milliseconds:.3f}",
                "backbone": recognizer.info.backbone, "size": recognizer.info.clip.size,
                "torch": torch.__version__, "machine": _machine(),
            })  # fmt: skip
    print(f"{recognizer.info.backbone}, {recognizer.info.clip.size} px, {_machine()}, one thread")
    for name, values in medians.items():
        print(
            f"{name:34} {statistics.median(values):8.2f} ms "
            f"{_ratio(values, medians[BARE]):6.2f} x bare backbone, "
            f"clip / this {_ratio(medians[CLIP], values):5.1f}"
        )
    return rows


def _ratio(values: list[float], others: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(values, others, strict=True))


def measure_memory(
    recognizer: transnet.Recognizer, hours: float, fps: float
) -> list[dict[str, object]]:
    """Resident memory while hours of generated frames are pushed."""
    session = recognizer.stream_session()
    rng = np.random.default_rng(0)
    total = round(hours * 3600 * fps)
    rows: list[dict[str, object]] = []
    started = time.perf_counter()
    for number in range(total + 1):
        frame = rng.integers(0, 256, (120, 160, 3), dtype=np.uint8)
        session.push(frame, number / fps)
        if number % max(1, total // 60) == 0:
            rows.append({
                "stream_s": f"{number / fps:.0f}", "resident_mib": f"{resident_mib():.2f}",
                "frames": number, "backbone": recognizer.info.backbone, "machine": _machine(),
            })  # fmt: skip
    # The first minute fills the window and the allocators' pools.
    early = float(str(rows[1]["resident_mib"]))
    late = [float(str(row["resident_mib"])) for row in rows[1:]]
    print(
        f"{total} frames, {hours:g} h at {fps:g} a second, in {time.perf_counter() - started:.0f} "
        f"s: {early:.1f} MiB after 1/60 of them, {late[-1]:.1f} MiB at the end, "
        f"{max(late) - early:+.2f} MiB at most"
    )
    return rows


def resident_mib() -> float:
    """Memory of this process, in MiB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _ways(recognizer: transnet.Recognizer) -> dict[str, Callable[[], Any]]:
    info, model = recognizer.info, recognizer.model
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in PICTURES]
    squares = Preprocessor(info.clip.size)([rgb_frame(pictures[0])] * info.clip.frames, 0, CENTER)
    clip = torch.from_numpy(normalise(squares, info.mean, info.std))

    def stream_of(push: Callable[[Any, float], object], frame: object) -> Callable[[], object]:
        numbers = itertools.count()
        while push(frame, next(numbers) / FPS) is None:
            pass  # until there is a window
        return lambda: push(frame, next(numbers) / FPS)

    def inference(module: torch.nn.Module, given: torch.Tensor) -> Callable[[], object]:
        return torch.inference_mode()(lambda: module(given))

    network = StreamingTransNet(model, window_step_s(info, transnet.StreamConfig()))
    return {
        BARE: inference(model.spatial.backbone, clip[:1]),
        "stream, prepared frame": stream_of(network.push, clip[0]),
        **{
            f"stream, {kind} {picture.shape[0]} x {picture.shape[1]}": stream_of(
                recognizer.stream_session().push, make(picture)
            )
            for picture in pictures
            for kind, make in KINDS.items()
        },
        CLIP: inference(model, clip[None]),
    }


def _machine() -> str:
    names = (
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    return next(names, platform.processor() or platform.machine())


if __name__ == "__main__":
    main()
