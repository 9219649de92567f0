"""Accuracy on UCF101's official splits and on the paper's random one, and where the time goes.

::

    python benchmarks/ucf101_splits.py UCF101_DIR WEIGHTS.safetensors --out splits.csv

Each row is one training and its evaluation through the command line. All share one feature cache,
which starts empty: the first row pays for the features, and the others show what a second training
costs.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

SPLITS = ("official:1", "official:2", "official:3", "paper")


def main() -> None:
    """Train and evaluate every split with every seed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("ucf101", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("options", nargs="*", help="further options of transnet train, after --")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            measure(arguments, split, seed, Path(folder))
            for split in SPLITS
            for seed in range(arguments.seeds)
        ]
    with open(arguments.out, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    top1 = defaultdict(list)
    for row in rows:
        top1[row["split"]].append(100 * float(row["top1"]))
    top1["official, all"] = [value for s in SPLITS if s != "paper" for value in top1[s]]
    for split, values in top1.items():
        deviation = statistics.stdev(values) if len(values) > 1 else 0.0
        print(f"{split:14} top-1 {statistics.mean(values):.2f} +- {deviation:.2f} %")


def measure(arguments: argparse.Namespace, split: str, seed: int, folder: Path) -> dict[str, str]:
    """One training and its evaluation."""
    run = folder / f"{split}-{seed}".replace(":", "-")
    transnet = [sys.executable, "-m", "transnet"]
    cache = ["--cache", str(folder / "features")]
    data = f"ucf101:{arguments.ucf101}"
    started = time.perf_counter()
    subprocess.run(
        [*transnet, "train", data, "--out", str(run), "--weights", str(arguments.weights),
         "--split", split, "--seed", str(seed), *cache, *arguments.options],
        check=True,
    )  # fmt: skip
    trained_s = time.perf_counter() - started
    subprocess.run([*transnet, "evaluate", str(run), *cache], check=True)
    metrics = json.loads((run / "metrics.json").read_text())
    seconds = json.loads((run / "seconds.json").read_text())
    return {
        "split": split,
        "seed": str(seed),
        "top1": f"{metrics['top1']:.4f}",
        "macro_f1": f"{metrics['macro_f1']:.4f}",
        "num_test_clips": str(metrics["num_clips"]),
        "siblings_in_train": f"{metrics['protocol']['siblings_in_train']:.4f}",
        "train_command_s": f"{trained_s:.1f}",
        **{f"{stage}_s": f"{value:.1f}" for stage, value in seconds.items()},
        "evaluate_s": f"{metrics['seconds']:.1f}",
        "machine": platform.processor() or platform.machine(),
    }


if __name__ == "__main__":
    main()
