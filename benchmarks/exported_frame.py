"""Milliseconds a frame of a run's frame encoder, on one core: torch eager against its exports.

    python benchmarks/exported_frame.py RUN EXPORT... [--rounds 40]

Each round times one frame in every runtime, one after the other, so that they share whatever else
the machine does. Prints CSV: median and least milliseconds, and the ratio of the medians to torch.
"""

import argparse
import csv
import os
import sys
import time
from pathlib import Path
from statistics import median

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch

import transnet
from transnet.data.preprocessing import normalise
from transnet.deploy import runtime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run")
    parser.add_argument("exports", nargs="+")
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(1)
    run = transnet.load(options.run)
    frame = np.random.default_rng(0).integers(0, 256, (1, *[run.info.clip.size] * 2, 3), np.uint8)

    def eager() -> None:
        with torch.inference_mode():
            run.model.spatial(torch.from_numpy(normalise(frame, run.info.mean, run.info.std)))

    calls = {"torch eager float32": eager}
    for path in options.exports:
        exported = runtime.load(path, threads=1)
        engine = (
            "openvino" if runtime.find_clip_model(Path(path)).suffix == ".xml" else "onnxruntime"
        )
        calls[f"{engine} {exported.info.precision}"] = lambda e=exported: e.encode(frame)
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for round_ in range(options.rounds + 5):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            if round_ >= 5:
                taken[name].append(1000 * (time.perf_counter() - started))
    table = csv.writer(sys.stdout)
    table.writerow(["runtime", "median_ms", "least_ms", "times_faster"])
    base = median(taken["torch eager float32"])
    for name, times in taken.items():
        middle = median(times)
        table.writerow([name, f"{middle:.2f}", f"{min(times):.2f}", f"{base / middle:.2f}"])


if __name__ == "__main__":
    main()
