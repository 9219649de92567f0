"""Peak memory of a timeline by length of the video, each in a process of its own.

::

    python benchmarks/timeline_memory.py RUN --minutes 1 60
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

FPS = 10


def main() -> None:
    """Measure every length."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run")
    parser.add_argument("--minutes", type=int, nargs="+", default=[1, 60])
    arguments = parser.parse_args()
    for minutes in arguments.minutes:
        process = multiprocessing.get_context("spawn").Process(
            target=measure_timeline, args=(arguments.run, minutes)
        )
        process.start()
        process.join()


def measure_timeline(run: str, minutes: int) -> None:
    """Write a synthetic video and find its segments, with a window ending at every frame."""
    import torch

    import transnet
    from transnet.data.video.writer import write_video

    torch.set_num_threads(1)
    pictures = np.random.default_rng(0).integers(0, 256, (16, 30, 40, 3), dtype=np.uint8)
    pictures = pictures.repeat(4, axis=1).repeat(4, axis=2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        count = minutes * 60 * FPS
        write_video(path, (pictures[i // 20 % 16] for i in range(count)), Fraction(FPS))
        started = time.perf_counter()
        config = transnet.StreamConfig(every_s=0)
        found = transnet.find_segments(transnet.load(run), path, config)
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{minutes} min, {count} frames: {len(found.segments)} segments in {seconds:.0f} s, "
        f"peak {peak:.0f} MiB",
        flush=True,
    )


if __name__ == "__main__":
    main()
