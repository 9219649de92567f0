"""Measure ``transnet label``: against the bare parts, and two workers against one.

::

    python scripts/measure_labeling.py SOURCE --run RUN --results results/labeling.csv

Per round, one after the other: a bare decoder loop over the files and the bare backbone on their
frames, on one core; ``transnet label --workers 1`` on the same core; ``--workers 2`` on two cores.
Core seconds (``cpu_s``) are what a busy machine distorts least. Medians over the rounds.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from transnet import load, read_clip
from transnet.archive.addresses import list_videos
from transnet.benchmark.decoding import decode_bare
from transnet.data.manifest import ClipRecord
from transnet.data.preprocessing import normalize
from transnet.inference.recognizer import Recognizer
from transnet.utils.spacing import evenly_spaced

COLUMNS = (
    "what", "cores", "workers", "videos", "seconds", "cpu_s", "decode_s", "backbone_s",
    "rounds", "load",
)  # fmt: skip


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("--run", required=True)
    parser.add_argument("--videos", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results", type=Path, required=True)
    words = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    paths = evenly_spaced(list_videos(words.source), words.videos)
    runtime = ExitStack()  # held until the script ends
    bare = bare_parts(words.run, paths, runtime)
    found: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "videos.txt"
        source.write_text("\n".join(paths))
        for number in range(words.rounds):
            os.sched_setaffinity(0, cores[:1])
            for what, work in bare.items():
                found.setdefault(what, []).append(timed(work))
            os.sched_setaffinity(0, cores)
            for workers in (1, 2):
                out = f"{folder}/{number}-{workers}"
                row = label(str(source), words.run, out, cores[:workers])
                found.setdefault(f"label, {workers} workers", []).append(row)
            print(json.dumps({what: rows[-1] for what, rows in found.items()}), flush=True)
    write(words.results, found, len(paths), words.rounds)
    report(found)


def bare_parts(run: str, paths: list[str], runtime: ExitStack) -> dict[str, Callable[[], Any]]:
    """A decoder loop and the backbone in the runtime that ``label`` takes, each on one thread."""
    recognizer = load(run)
    assert isinstance(recognizer, Recognizer)
    info = recognizer.info
    records = [ClipRecord(Path(path), "", "") for path in paths]
    clips = [
        torch.from_numpy(
            normalize(read_clip(p, info.clip).frames, info.backbone.mean, info.backbone.std)
        )
        for p in paths
    ]
    torch.set_num_threads(1)
    runtime.enter_context(recognizer.accelerated(10**6))

    @torch.inference_mode()
    def backbone() -> None:
        for clip in clips:
            recognizer.model.backbone(clip)

    return {"bare decoder": lambda: decode_bare(records), "bare backbone": backbone}


def timed(work: Callable[[], Any]) -> dict[str, Any]:
    """Seconds and core seconds of a call."""
    started, cpu_started = time.perf_counter(), time.process_time()
    work()
    return {
        "seconds": time.perf_counter() - started,
        "cpu_s": time.process_time() - cpu_started,
        "load": os.getloadavg()[0],
    }


def label(source: str, run: str, out: str, cores: list[int]) -> dict[str, Any]:
    """One labeling on some cores, a worker each."""
    command = [sys.executable, "-m", "transnet", "label", source, "--run", run, "--out", out]
    done = subprocess.run(
        [*command, "--workers", str(len(cores)), "--json"],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    summary = json.loads(done.stdout)
    stages = {f"{n}_s": s["cpu_s"] / s["videos"] for n, s in summary["stages"].items()}
    return {
        "seconds": summary["seconds"],
        "cpu_s": summary["cpu_s"],
        "decode_s": stages["decode_s"],
        "backbone_s": stages["backbone_s"],
        "load": os.getloadavg()[0],
    }


def write(path: Path, found: dict[str, list[dict[str, Any]]], videos: int, rounds: int) -> None:
    """The medians as CSV; ``cores`` are those that a job got: core seconds a second."""
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for what, rows in found.items():
            middle = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
            values = {name: f"{value:.4f}" for name, value in middle.items()}
            workers = int(what.split()[1]) if what.startswith("label") else 1
            cores = f"{middle['cpu_s'] / middle['seconds']:.3f}"
            table.writerow(
                {"what": what, "cores": cores, "workers": workers, "videos": videos,
                 "rounds": rounds, **values}
            )  # fmt: skip


def report(found: dict[str, list[dict[str, Any]]]) -> None:
    """Print the two ratios, by the clock and by core seconds."""

    def median(what: str, name: str) -> float:
        return statistics.median(row[name] for row in found[what])

    for name in ("seconds", "cpu_s"):
        bare = median("bare decoder", name) + median("bare backbone", name)
        one, two = median("label, 1 workers", name), median("label, 2 workers", name)
        best = (
            min(r[name] for r in found["label, 1 workers"]),
            min(r[name] for r in found["label, 2 workers"]),
        )
        print(
            f"{name}: label / (bare decoder + bare backbone) {one / bare:.3f}; one worker / two "
            f"workers {one / two:.3f}, of the fastest rounds {best[0] / best[1]:.3f}"
        )


if __name__ == "__main__":
    main()
