"""Memory of a stream over hours of frames.

::

    python benchmarks/stream_memory.py RUN --hours 1 --fps 10 --out benchmarks/stream_memory.csv

The network is that of a run of ``transnet train``; the frames are synthetic. ``transnet benchmark``
measures time.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from pathlib import Path

import numpy as np
import torch

import transnet
from transnet.benchmark.machine import this_machine


def main() -> None:
    """Measure, and write a row per sixtieth of the time."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run")
    parser.add_argument("--out", type=Path, help="CSV file")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--fps", type=float, default=10.0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = measure_memory(transnet.load(arguments.run), arguments.hours, arguments.fps)
    if arguments.out:
        with open(arguments.out, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)


def measure_memory(
    recognizer: transnet.Recognizer, hours: float, fps: float
) -> list[dict[str, object]]:
    """Resident memory while hours of synthetic frames are pushed."""
    machine = this_machine().processor
    session = recognizer.stream_session()
    rng = np.random.default_rng(0)
    total = round(hours * 3600 * fps)
    rows: list[dict[str, object]] = []
    started = time.perf_counter()
    for number in range(total + 1):
        frame = rng.integers(0, 256, (120, 160, 3), dtype=np.uint8)
        session.push(frame, number / fps)
        if number % max(1, total // 60) == 0:
            row: dict[str, object] = {
                "stream_s": f"{number / fps:.0f}",
                "resident_mib": f"{resident_mib():.2f}",
                "frames": number,
                "backbone": recognizer.info.backbone.name,
                "machine": machine,
            }
            rows.append(row)
    # The first minute fills the window and the pools of the allocators.
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


if __name__ == "__main__":
    main()
