"""The rivals of the paper's temporal part, and the 3D networks: size, work and time of a clip.

::

    python benchmarks/rivals.py --out benchmarks/rivals.csv

Clips of 12 frames of 224 pixels (``mvit_v2_s``: 16), batch 1, float32, eager, random weights, one
thread. The networks run in turn, and the median of the rounds counts, in processor time, so that
other work on the machine disturbs it less. Accuracies are in ``results.csv``.
"""

from __future__ import annotations

import argparse
import csv
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import torch
from torch.utils.flop_counter import FlopCounterMode

from transnet import TransNet
from transnet.config import Temporal
from transnet.model.network import Network
from transnet.model.video_network import VIDEO_BACKBONES, VideoNetwork
from transnet.progress import progress_bar

CLASSES = 101


def main() -> None:
    """Measure every network and write a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--backbone", default="mobilenetv1_100")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    makers: dict[str, Callable[[], Network]] = {
        f"{arguments.backbone}, {kind}": lambda kind=kind: TransNet(
            arguments.backbone, CLASSES, temporal=kind, readout="pool"
        )
        for kind in get_args(Temporal)
    }
    makers |= {
        name: lambda name=name: VideoNetwork(name, CLASSES, num_frames=frames_of(name), size=224)
        for name in VIDEO_BACKBONES
    }
    networks = {name: make().eval() for name, make in makers.items()}
    for network in networks.values():
        network.to(memory_format=network.memory_format)
    clips = {name: torch.rand(1, frames_of(name), 3, 224, 224) for name in networks}
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    with torch.inference_mode(), progress_bar("networks", arguments.rounds + 1, "rounds") as bar:
        for _ in range(arguments.rounds + 1):
            for name, network in networks.items():
                started = time.process_time()
                network(clips[name])
                seconds[name].append(time.process_time() - started)
            bar.update(1)
    rows = []
    for name, network in networks.items():
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            network(clips[name])
        rows.append(
            {
                "network": name,
                "parameters": sum(p.numel() for p in network.parameters()),
                "gflops_a_clip": f"{counter.get_total_flops() / 1e9:.2f}",
                "clip_ms": f"{1000 * statistics.median(seconds[name][1:]):.1f}",  # first: warm-up
                "machine": platform.processor() or platform.machine(),
            }
        )
    with open(arguments.out, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(*(f"{value:>14}" for value in list(row.values())[1:4]), row["network"])
    print(f"saved to {arguments.out}")


def frames_of(name: str) -> int:
    """Frames a clip: the paper's 12, unless a network takes no other number than its own."""
    return 16 if name == "mvit_v2_s" else 12


if __name__ == "__main__":
    main()
