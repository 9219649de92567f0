"""Size an archive from the measured costs of ``transnet label``.

::

    python scripts/plan_archive.py                            # the table of docs/scale.md
    python scripts/plan_archive.py --summary summary.json     # from your own transnet label --json

Videos cost in proportion to their pixels: decode seconds scale with frames times pixels, the
backbone sees the same number of frames of every video. Sizes and prices are assumptions; set yours.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from transnet.archive.plan import Machine, VideoCost, plan, simulate

RESULTS = Path(__file__).parents[1] / "results" / "labeling.csv"
SAMPLE = 400
UCF_PIXELS = 186 * 320 * 240
"""Frames times pixels of a UCF101 clip, of which the costs were measured."""

ARCHIVES = {
    # frames, width, height, bytes
    "clips like UCF101 (7 s, 240p)": (186, 320, 240, 0.3e6),
    "phone clips (15 s, 720p)": (450, 1280, 720, 5e6),
    "web videos (60 s, 360p)": (1500, 640, 360, 5e6),
}


def main() -> None:
    """Print the check against the measurement, and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--summary", type=Path, help="what transnet label --json printed")
    parser.add_argument("--count", type=float, default=10e6, help="videos")
    parser.add_argument("--machines", type=int, default=1)
    parser.add_argument("--cores", type=int, default=16, help="cores of a machine")
    parser.add_argument("--core-price-h", type=float, default=0.04, help="of a core and hour")
    parser.add_argument("--gpu-price-h", type=float, default=2.5, help="of a GPU and hour")
    parser.add_argument("--gpu-video-s", type=float, default=0.002, help="GPU seconds a video")
    parser.add_argument("--fetch-s", type=float, default=0.2, help="seconds to fetch a video")
    parser.add_argument("--row-bytes", type=float, default=600, help="of 101 classes")
    words = parser.parse_args()
    decode_s, backbone_s = costs(words.summary)
    count, machines, cores = int(words.count), words.machines, words.cores
    print(
        f"a video takes {decode_s:.3f} core seconds to decode, {backbone_s:.3f} in the backbone\n"
    )
    print("| archive | backbone on | machines | videos/s, each | days | money | read | parts |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, (frames, width, height, size) in ARCHIVES.items():
        decoding_s = decode_s * frames * width * height / UCF_PIXELS
        for gpu in (False, True):
            machine = Machine(
                cores, cores, batch=16 if gpu else 1, gpu=gpu, fetchers=max(8, 2 * cores),
                price_h=cores * words.core_price_h + gpu * words.gpu_price_h,
            )  # fmt: skip
            network_s = words.gpu_video_s if gpu else backbone_s
            sample = [VideoCost(words.fetch_s, decoding_s, network_s, size)] * SAMPLE
            found = plan(sample, machine, count=count, machines=machines, row_bytes=words.row_bytes)
            print(
                f"| {name} | {'GPU' if gpu else 'CPU'} | {machines} x {cores} cores | "
                f"{found.rate:.0f} | {found.days:.1f} | {found.price:,.0f} | "
                f"{found.source_tb:.0f} TB | {found.output_gb:.1f} GB |"
            )


def costs(summary: Path | None) -> tuple[float, float]:
    """Core seconds a video of decoding and of the backbone; checks the simulation on the way."""
    if summary is not None:
        stages = json.loads(summary.read_text())["stages"]
        decode, backbone = stages["decode"], stages["backbone"]
        return decode["cpu_s"] / decode["videos"], backbone["cpu_s"] / backbone["videos"]
    with RESULTS.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["what"].startswith("label")]
    for row in rows:
        video = VideoCost(0.0, float(row["decode_s"]), float(row["backbone_s"]))
        machine = Machine(float(row["cores"]), int(row["workers"]))
        simulated = simulate([video] * int(row["videos"]), machine)
        measured = float(row["seconds"])
        print(
            f"{row['what']}: measured {measured:.1f} s, simulated {simulated:.1f} s "
            f"({simulated / measured - 1:+.1%})"
        )
    return float(rows[0]["decode_s"]), float(rows[0]["backbone_s"])


if __name__ == "__main__":
    main()
