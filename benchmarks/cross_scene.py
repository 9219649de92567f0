"""Does a recognizer rely on the person or on the background? Backgrounds shuffled at test time.

::

    python benchmarks/cross_scene.py --weights mobilenetv1_100.safetensors --hss runs/shape \\
        --out benchmarks/cross_scene.csv

Synthetic people act in front of synthetic backgrounds (places). In training, each action has places
of its own. The test clips show other people, once in the places of their action ("usual") and once
in those of other actions ("shuffled"): the accuracy lost in between is the effect of the place.
Compared are random backbones (trained as a whole, on smaller frames), ImageNet, and human
segmentation (TransNet+). Weights that are not given are left out.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import transnet
from transnet.data.synthetic.clips import FPS, random_background, random_person, render_clip
from transnet.data.synthetic.figure import ACTIONS
from transnet.data.video.writer import write_video
from transnet.utils.progress import progress_bar

PLACES = 3  # of each action
SCRATCH_SIZE = 96
SCRATCH_EPOCHS = 20


def main() -> None:
    """Render the clips, train with every kind of backbone, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--weights", help="ImageNet weights (.safetensors)")
    parser.add_argument("--cues", default="appearance", help="appearance, motion or both")
    parser.add_argument("--pretrained-only", action="store_true", help="leave random weights out")
    parser.add_argument("--hss", help="folder of transnet pretrain")
    parser.add_argument("--backbone", default="mobilenetv1_100")
    parser.add_argument("--people", type=int, default=16, help="for training; half as many test")
    parser.add_argument("--takes", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    scratch = None if arguments.pretrained_only else "none"
    kinds = {"none": scratch, "imagenet": arguments.weights, "hss": arguments.hss}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder, arguments.people, arguments.takes)
        rows = [
            train_and_test(folder, kind, weights, seed, arguments)
            for kind, weights in kinds.items()
            if weights
            for seed in range(arguments.seeds)
        ]
    with open(arguments.out, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for kind in dict.fromkeys(row["pretraining"] for row in rows):
        of_kind = [row for row in rows if row["pretraining"] == kind]
        figures = {
            place: [100 * float(row[f"{place}_top1"]) for row in of_kind]
            for place in ("usual", "shuffled")
        }
        figures["lost"] = [u - s for u, s in zip(*figures.values(), strict=True)]
        print(f"{kind:9}", *(f"{place} {spread(values)}" for place, values in figures.items()))
    print(f"saved to {arguments.out}")


def spread(values: list[float]) -> str:
    """Mean and standard deviation."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):5.1f} +- {deviation:4.1f} %  "


def draw(folder: Path, people: int, takes: int) -> None:
    """Write ``train.csv``, ``usual.csv`` and ``shuffled.csv`` and their clips."""
    actions = tuple(ACTIONS)
    places = {
        (action, place): random_background(np.random.default_rng((7, index, place)))
        for index, action in enumerate(actions)
        for place in range(PLACES)
    }
    parts = {
        "train": (range(people), 0),
        "usual": (range(people, people + people // 2), 0),
        "shuffled": (range(people, people + people // 2), 1),
    }
    total = sum(len(group) for group, _ in parts.values()) * len(actions) * takes
    with progress_bar("rendering clips", total, "clips") as bar:
        for part, (group, shift) in parts.items():
            with open(folder / f"{part}.csv", "w", newline="") as file:
                table = csv.writer(file)
                table.writerow(["path", "label", "group"])
                for number, action, take in clips(group, actions, takes):
                    rng = np.random.default_rng((11, number, actions.index(action), take))
                    person = random_person(np.random.default_rng((11, number)))
                    # Another action's place, a different one for each person.
                    step = shift * (1 + number % (len(actions) - 1))
                    home = actions[(actions.index(action) + step) % len(actions)]
                    place = places[home, int(rng.integers(PLACES))]
                    frames, _ = render_clip(action, person, rng, background=place)
                    path = folder / part / f"{action}_{number}_{take}.avi"
                    path.parent.mkdir(exist_ok=True)
                    write_video(path, frames, FPS)
                    table.writerow([path, action, f"person{number}"])
                    bar.update(1)


def clips(group: range, actions: tuple[str, ...], takes: int) -> Iterator[tuple[int, str, int]]:
    """Every person in every action, some takes of each."""
    for number in group:
        for action in actions:
            for take in range(takes):
                yield number, action, take


def train_and_test(
    folder: Path, kind: str, weights: str, seed: int, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Train once, and test in the usual and in the shuffled places."""
    scratch = kind == "none"
    training = transnet.TrainingConfig(
        freeze=not scratch,
        epochs=min(SCRATCH_EPOCHS, arguments.epochs) if scratch else arguments.epochs,
        backbone_learning_rate=1e-3 if scratch else 1e-4,
        seed=seed,
    )
    size = min(SCRATCH_SIZE, arguments.size) if scratch else arguments.size
    cache = str(folder / "features")
    train_csv = all_to_train(folder)
    run = transnet.train(
        str(train_csv),
        out=str(folder / f"{kind}{seed}"),
        backbone=arguments.backbone,
        weights=weights,
        split="column",
        clip=transnet.ClipConfig(size=size),
        model=transnet.ModelConfig(cues=arguments.cues),
        training=training,
        cache=cache,
    )
    top1 = {
        place: transnet.evaluate(run, data=str(folder / f"{place}.csv"), cache=cache).top1
        for place in ("usual", "shuffled")
    }
    return {
        "pretraining": kind,
        "seed": seed,
        "learnt": "frozen" if training.freeze else f"trained {training.epochs} epochs",
        "size": size,
        "usual_top1": f"{top1['usual']:.4f}",
        "shuffled_top1": f"{top1['shuffled']:.4f}",
    }


def all_to_train(folder: Path) -> Path:
    """A dataset with the split column: train on ``train.csv``, test on ``usual.csv``."""
    path = folder / "all.csv"
    with open(path, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "group", "split"])
        for part, subset in (("train", "train"), ("usual", "test")):
            with open(folder / f"{part}.csv", newline="") as source:
                rows = list(csv.reader(source))[1:]
            table.writerows([*row, subset] for row in rows)
    return path


if __name__ == "__main__":
    main()
