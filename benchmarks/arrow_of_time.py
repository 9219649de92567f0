"""The arrow of time: clips and the same clips backward, as two classes.

::

    python -m benchmarks.arrow_of_time clips --weights mobilenetv1_100.safetensors \\
        --out benchmarks/arrow_of_time.csv

Both directions show the same frames, so a mean over frames is right for half of them, and whatever
is above that comes from their order. Both are encoded anew, each frame on its own: predicted frames
differ from keyframes, so a frame would tell in which direction its clip was encoded. (What the
encoding of the original left in the pixels stays.)
Groups are kept apart: a third of them is left out in turn, or ``--split`` of the dataset is used.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
from av.video.stream import VideoStream

import transnet
from benchmarks.cross_scene import spread
from benchmarks.real_cross_scene import by_seed
from transnet.config import Cues, Temporal
from transnet.data.datasets.catalog import open_dataset
from transnet.data.manifest import ClipRecord
from transnet.data.splits import make_split
from transnet.data.video.frames import Pixels
from transnet.data.video.reader import VideoFile, decode_frames
from transnet.utils.progress import progress_bar

FOLDS = 3
NETWORKS: tuple[tuple[Cues, Temporal], ...] = (
    ("both", "conv1d"),
    ("motion", "conv1d"),
    ("appearance", "conv1d"),
    ("appearance", "mean"),
)  # both first: the pass that computes its motion also caches the features of the frames


def main() -> None:
    """Turn the clips, train each network, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", help="a dataset, as for transnet train")
    parser.add_argument("--split", help="of the dataset, such as official:1; else thirds of groups")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--backbone", default=None)
    parser.add_argument("--stride-s", type=float, default=0.0, help="0: frames over the whole clip")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--clips", type=Path, help="folder for the turned clips; kept")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    manifest = open_dataset(arguments.data)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.clips or Path(temporary)
        turn(manifest.clips, folder)
        lists = [Path(temporary) / f"{fold}.csv" for fold in range(FOLDS)]
        if arguments.split:
            parts = make_split(manifest, arguments.split, validation=0.0, seed=0)
            lists = lists[:1]
            write_list(lists[0], folder, manifest.clips, set(parts.test))
        else:
            groups = sorted({clip.group for clip in manifest.clips})
            for fold, path in enumerate(lists):
                left_out = set(groups[fold::FOLDS])
                tested = {clip for clip in manifest.clips if clip.group in left_out}
                write_list(path, folder, manifest.clips, tested)
        rows = run_all(lists, folder, arguments, Path(temporary))
    with open(arguments.out, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for network in NETWORKS:
        own = [row for row in rows if (row["cues"], row["temporal"]) == network]
        print(f"{network[0]:11}{network[1]:9}{spread(by_seed(own, 'top1'))}")
    print(f"saved to {arguments.out}")


def turn(clips: Sequence[ClipRecord], folder: Path) -> None:
    """Write each clip forward and backward, unless it is there already."""
    with progress_bar("turning clips", len(clips), "clips") as bar:
        for clip in clips:
            forward, backward = (_target(folder, clip, way) for way in ("forward", "backward"))
            if not backward.exists():
                frames = [pixels for pixels, _ in decode_frames(clip.path)][clip.start : clip.end]
                with VideoFile(clip.path) as video:
                    rate = Fraction(video.rate).limit_denominator(1001)
                forward.parent.mkdir(parents=True, exist_ok=True)
                write_alone(forward, frames, rate)
                write_alone(backward, frames[::-1], rate)
            bar.update(1)


def write_alone(path: Path, frames: Sequence[Pixels], rate: Fraction) -> None:
    """Write each frame on its own, as Motion JPEG of one quality: the same at any position."""
    with av.open(str(path), "w") as container:
        quality = {"qmin": "2", "qmax": "2"}
        stream = cast(VideoStream, container.add_stream("mjpeg", rate=rate, options=quality))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuvj420p"
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def _target(folder: Path, clip: ClipRecord, way: str) -> Path:
    number = "" if clip.start is None else f"_{clip.start}"
    return folder / "turned" / f"{clip.label}_{clip.path.stem}{number}_{way}.mkv"


def write_list(
    path: Path, folder: Path, clips: Sequence[ClipRecord], tested: set[ClipRecord]
) -> None:
    """A dataset of two classes, with the split column."""
    with open(path, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "group", "split"])
        for clip in clips:
            part = "test" if clip in tested else "train"
            ways = ("forward", "backward")
            table.writerows([_target(folder, clip, way), way, clip.group, part] for way in ways)


def run_all(
    lists: Sequence[Path], folder: Path, arguments: argparse.Namespace, runs: Path
) -> list[dict[str, Any]]:
    """The accuracy of each network, seed and fold."""
    clip = transnet.ClipConfig(frames=arguments.frames, size=arguments.size)
    if arguments.stride_s:
        clip = replace(clip, sampling="stride", stride_s=arguments.stride_s)
    cache = str(folder / "features")
    rows: list[dict[str, Any]] = []
    for cues, temporal in NETWORKS:
        for seed in range(arguments.seeds):
            for fold, path in enumerate(lists):
                run = transnet.train(
                    str(path),
                    out=str(runs / f"{cues}-{temporal}{seed}{fold}"),
                    backbone=arguments.backbone,
                    weights=arguments.weights,
                    split="column",
                    clip=clip,
                    model=transnet.ModelConfig(cues=cues, temporal=temporal),
                    training=transnet.TrainingConfig(epochs=arguments.epochs, seed=seed),
                    cache=cache,
                )
                top1 = transnet.evaluate(run, cache=cache).top1
                found = {"fold": fold, "top1": f"{top1:.4f}"}
                rows.append({"cues": cues, "temporal": temporal, "seed": seed, **found})
    return rows


if __name__ == "__main__":
    main()
