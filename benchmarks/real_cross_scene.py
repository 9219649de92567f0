"""Real people before other places: does a recognizer see the action or the place?

::

    python -m benchmarks.real_cross_scene --weizmann WEIZMANN --photos PHOTOS \\
        --weights mobilenetv1_100.safetensors --out benchmarks/real_cross_scene.csv

The people of Weizmann are cut out and set before photos, parts in which nobody is seen. Each action
has places of its own in training. The people of the test are others; they act once in the places of
their action ("usual") and once in those of the other actions ("shuffled"). A third of the people
is left out in turn. ``--places 1 --gray`` is harder: one place for each action, little to see.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import transnet
from benchmarks.cross_scene import spread
from benchmarks.cut_out import before_place, cut_out
from transnet.config import Cues
from transnet.data.video.frames import Pixels
from transnet.data.video.reader import decode_frames
from transnet.data.video.writer import write_video
from transnet.utils.progress import progress_bar

FOLDS = 3
SIZE = (360, 288)  # of a composed frame: twice Weizmann's
GRAY_SIZE = (180, 144)
CUES: tuple[Cues, ...] = ("appearance", "motion", "both")


def main() -> None:
    """Compose the clips, train with each choice of cues, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--weizmann", type=Path, required=True, help="folder of class folders")
    parser.add_argument("--photos", type=Path, required=True, help="folder of images/ and masks/")
    parser.add_argument("--weights", required=True, help="as for transnet train")
    parser.add_argument("--backbone", default=None)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--places", type=int, default=3, help="of each action")
    parser.add_argument("--gray", action="store_true", help="gray clips of half the size")
    parser.add_argument("--clips", type=Path, help="folder that keeps the composed clips")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        kind = f"{arguments.places}_places{'_gray' if arguments.gray else ''}"
        folder = (arguments.clips or Path(temporary)) / kind
        if not (folder / "clips.csv").exists():
            compose(arguments.weizmann, arguments.photos, folder, arguments.places, arguments.gray)
        rows = [
            train_and_test(folder, fold, cues, seed, arguments, Path(temporary))
            for cues in CUES
            for seed in range(arguments.seeds)
            for fold in range(FOLDS)
        ]
    with open(arguments.out, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for cues in CUES:
        for scene in ("usual", "shuffled"):
            own = [row for row in rows if row["cues"] == cues]
            print(f"{cues:11}{scene:9}{spread(by_seed(own, scene))}")
    print(f"saved to {arguments.out}")


def by_seed(rows: Sequence[dict[str, Any]], column: str) -> list[float]:
    """The mean accuracy of the folds of each seed, in %."""
    seeds = dict.fromkeys(row["seed"] for row in rows)
    return [
        statistics.mean(100 * float(row[column]) for row in rows if row["seed"] == seed)
        for seed in seeds
    ]


def compose(
    weizmann: Path, photos: Path, out: Path, num_places: int = 3, gray: bool = False
) -> None:
    """Write the clips and ``clips.csv``: path, label, person, scene."""
    actions = sorted(path.name for path in weizmann.iterdir() if any(path.glob("*.avi")))
    rng = np.random.default_rng(5)
    places = list(free_places(photos, num_places * len(actions), rng))
    videos = [path for action in actions for path in sorted((weizmann / action).glob("*.avi"))]
    (out / "clips").mkdir(parents=True, exist_ok=True)
    rows = []
    with progress_bar("composing clips", len(videos), "videos") as bar:
        for path in videos:
            action, person = path.parent.name, path.stem.split("_")[0]
            frames = np.stack([pixels for pixels, _ in decode_frames(path)])
            masks = cut_out(frames)
            for home, scene, number in _homes(actions, action, num_places, rng):
                target = out / "clips" / f"{action}_{person}_{home}{number}.mp4"
                place = places[home * num_places + number]
                composed = before_place(frames, masks, place, GRAY_SIZE if gray else SIZE)
                write_video(target, map(_gray, composed) if gray else composed, Fraction(25))
                rows.append([target, action, person, scene])
            bar.update(1)
    with open(out / "clips.csv", "w", newline="") as file:
        csv.writer(file).writerows([["path", "label", "person", "scene"], *rows])


def _gray(frame: Pixels) -> Pixels:
    """A frame without color, still of three channels."""
    return np.repeat(frame.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)


def _homes(
    actions: Sequence[str], action: str, num_places: int, rng: np.random.Generator
) -> Iterator[tuple[int, str, int]]:
    """All places of the action itself, and one place of each other action."""
    own = actions.index(action)
    for home in range(len(actions)):
        numbers = range(num_places) if home == own else [int(rng.integers(num_places))]
        yield from ((home, "usual" if home == own else "shuffled", number) for number in numbers)


def free_places(photos: Path, count: int, rng: np.random.Generator) -> Iterator[Image.Image]:
    """Parts of ``count`` photos in which nobody is seen."""
    names = sorted((photos / "images").iterdir())
    for index in rng.permutation(len(names)):
        if count == 0:
            return
        (mask,) = (photos / "masks").glob(f"{names[index].stem}.*")
        place = _free_part(Image.open(names[index]).convert("RGB"), Image.open(mask), rng)
        if place is not None:
            count -= 1
            yield place


def _free_part(
    photo: Image.Image, mask: Image.Image, rng: np.random.Generator, grid: int = 192
) -> Image.Image | None:
    """The largest part of the aspect of a clip with no person in it; ``None`` if it is small."""
    people = np.asarray(mask.convert("L").resize((grid, grid))) > 60
    sums = np.pad(people.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    for share in np.arange(1.0, 0.34, -0.05):
        width = min(photo.width, photo.height * SIZE[0] / SIZE[1]) * share
        height = width * SIZE[1] / SIZE[0]
        across, down = int(grid * width / photo.width), int(grid * height / photo.height)
        spots = [
            (x, y)
            for y in range(0, grid + 1 - down, 4)
            for x in range(0, grid + 1 - across, 4)
            if sums[y + down, x + across] - sums[y, x + across] == sums[y + down, x] - sums[y, x]
        ]
        if spots and height >= 200:
            x, y = spots[rng.integers(len(spots))]
            left, top = x * photo.width / grid, y * photo.height / grid
            part = photo.crop((int(left), int(top), int(left + width), int(top + height)))
            return part.resize(SIZE, Image.Resampling.LANCZOS)
    return None


def train_and_test(
    folder: Path, fold: int, cues: Cues, seed: int, arguments: argparse.Namespace, runs: Path
) -> dict[str, Any]:
    """Train without a third of the people, and test on them in both kinds of places."""
    lists = {scene: runs / f"{scene}{fold}.csv" for scene in ("usual", "shuffled")}
    _write_lists(folder / "clips.csv", fold, lists)
    cache = str(folder / "features")
    run = transnet.train(
        str(lists["usual"]),
        out=str(runs / f"{cues}{seed}{fold}"),
        backbone=arguments.backbone,
        weights=arguments.weights,
        split="column",
        clip=transnet.ClipConfig(size=arguments.size),
        model=transnet.ModelConfig(cues=cues),
        training=transnet.TrainingConfig(epochs=arguments.epochs, seed=seed),
        cache=cache,
    )
    top1 = {
        "usual": transnet.evaluate(run, cache=cache).top1,
        "shuffled": transnet.evaluate(run, data=str(lists["shuffled"]), cache=cache).top1,
    }
    found = {scene: f"{value:.4f}" for scene, value in top1.items()}
    return {"cues": cues, "seed": seed, "fold": fold, **found}


def _write_lists(clips: Path, fold: int, lists: dict[str, Path]) -> None:
    """``usual``: a dataset with the split column; ``shuffled``: test clips of the same people."""
    with open(clips, newline="") as file:
        rows = list(csv.DictReader(file))
    people = sorted({row["person"] for row in rows})
    tested = set(people[fold::FOLDS])
    for scene, path in lists.items():
        with open(path, "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["path", "label", "group", "split"])
            for row in rows:
                part = "test" if row["person"] in tested else "train"
                if row["scene"] == scene and (part == "test" or scene == "usual"):
                    table.writerow([row["path"], row["label"], row["person"], part])


if __name__ == "__main__":
    main()
