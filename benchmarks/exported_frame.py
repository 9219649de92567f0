"""Milliseconds a frame of a run's frame encoder, on one core: torch eager against its exports.

    python benchmarks/exported_frame.py RUN EXPORT... [--groups 20]

Each round times one frame in every runtime, one after the other, so that they share whatever else
the machine does. Prints CSV: the median of all rounds, the median of the quietest seven in a row
(on a machine that is shared with other work), and the ratio of each to torch.
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

WARM_UP = 5
GROUP = 7


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run")
    parser.add_argument("exports", nargs="+")
    parser.add_argument("--groups", type=int, default=20)
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
    rounds: list[dict[str, float]] = []
    for round_ in range(WARM_UP + GROUP * options.groups):
        taken = {}
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            taken[name] = 1000 * (time.perf_counter() - started)
        if round_ >= WARM_UP:
            rounds.append(taken)
    groups = [rounds[start : start + GROUP] for start in range(0, len(rounds), GROUP)]
    quietest = min(groups, key=lambda group: sum(sum(taken.values()) for taken in group))
    table = csv.writer(sys.stdout)
    table.writerow(["runtime", "quietest_ms", "median_ms", "times_faster", "times_faster_overall"])
    first = next(iter(calls))
    for name in calls:
        quiet, overall = _median(quietest, name), _median(rounds, name)
        ratios = _median(quietest, first) / quiet, _median(rounds, first) / overall
        table.writerow([name, f"{quiet:.2f}", f"{overall:.2f}", *(f"{r:.2f}" for r in ratios)])


def _median(rounds: list[dict[str, float]], name: str) -> float:
    return median(taken[name] for taken in rounds)


if __name__ == "__main__":
    main()
