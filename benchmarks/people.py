"""Three people in one picture: are their labels right, their tracks kept, and at what cost?

::

    transnet pretrain synthetic:70 --skips true --size 160 --epochs 10 --out SHAPE
    python -m benchmarks.people --segmenter SHAPE --out benchmarks/people.csv

A recognizer is trained on crops of generated people, found by the segmenter. Then it watches films
of three other people, found by the same segmenter, of whom two cross each other's way. A window is
right if its label is the action of the person who is nearest to the box; there is none while people
are one box. A person is kept if one track, and no other, is on the person before and after the
crossing. Cost is that of a frame with one and with three people, measured in turn.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

import transnet
from transnet import ClipConfig, Recognizer, StreamConfig, TrainingConfig
from transnet.data.synthetic.clips import write_dataset
from transnet.data.synthetic.film import Film, Role, render_film
from transnet.inference.finders import PeopleFinder
from transnet.inference.people import PeopleSession

ACTIONS = ("boxing", "handclapping", "handwaving", "jogging", "walking")
FILMS = {
    "one jogs past another": (
        Role("handwaving", 0.5, 0.5),
        Role("boxing", 0.9, 0.9),
        Role("jogging", 0.04, 0.8),
    ),
    "two pass on foot": (
        Role("walking", 0.08, 0.62),
        Role("jogging", 0.66, 0.1),
        Role("handwaving", 0.9, 0.9),
    ),
    "two glide past each other": (
        Role("boxing", 0.15, 0.6),
        Role("handwaving", 0.6, 0.15),
        Role("handclapping", 0.88, 0.88),
    ),
}
FPS = 20
NUM_FRAMES = 200
SCALE = 0.6  # of the people, who are 100 of 270 pixels tall
APART = 60  # pixels from which two people count as apart; a person with raised arms is 90 wide
NEAR = 30  # pixels from the middle of a box to the person whom it is on
ROUNDS = 7


def main() -> None:
    """Train, watch the films, measure the cost, and write one row for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--segmenter", required=True, help="run folder of transnet pretrain")
    parser.add_argument("--run", help="a run on crops of generated people; trained if not given")
    parser.add_argument("--weights", default="imagenet", help="as for transnet train")
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--people", type=int, default=12, help="people of the training clips")
    parser.add_argument("--films", type=int, default=4, help="of each kind")
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    run = arguments.run or train(arguments)
    recognizer = transnet.load(run, device="cpu")
    finder = transnet.find_people(segmenter=arguments.segmenter, device="cpu")
    rows = []
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.films)
    for name, roles in FILMS.items():
        judged = [watch(recognizer, finder, roles, seed) for seed in seeds]
        right, windows, kept, people, worst = (
            [found[index] for found in judged] for index in range(5)
        )
        rows.append(
            {
                "film": name,
                "films": len(judged),
                "windows": sum(windows),
                "right": f"{sum(right) / sum(windows):.3f}",
                "worst_track": f"{min(worst):.3f}",
                "kept": f"{sum(kept)} of {sum(people)}",
            }
        )
        print(rows[-1], flush=True)
    rows.append(cost(recognizer, finder, arguments.first_seed))
    print(rows[-1])
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with open(arguments.out, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def train(arguments: argparse.Namespace) -> Path:
    """A recognizer of generated people, trained on their crops."""
    with tempfile.TemporaryDirectory() as folder:
        clips = write_dataset(
            Path(folder) / "clips", people=arguments.people, clips=2, seed=1, actions=ACTIONS
        )
        return transnet.train(
            str(clips),
            out=arguments.out.with_suffix(""),
            weights=arguments.weights,
            clip=ClipConfig(size=arguments.size, crop="people"),
            training=TrainingConfig(max_broken=0.1),
            segmenter=arguments.segmenter,
            device="cpu",
            overwrite=True,
        )


def watch(
    recognizer: Recognizer, finder: PeopleFinder, roles: tuple[Role, ...], seed: int
) -> tuple[int, int, int, int, float]:
    """Right windows, windows, people kept, people, and the share right of the worst track."""
    film = render_film(roles, seed, num_frames=NUM_FRAMES, scale=SCALE)
    session = PeopleSession(recognizer, finder, StreamConfig(every_s=0.1))
    tracks: dict[int, set[int]] = defaultdict(set)
    answers: dict[int, list[bool]] = defaultdict(list)
    for number, frame in enumerate(film.frames):
        for person in session.push(frame, number / FPS) or ():
            owner, distance, is_apart = nearest(film, number, person.box)
            if is_apart and distance < NEAR:
                tracks[person.track].add(owner)
            if person.prediction is not None:
                answers[person.track].append(person.prediction.label == roles[owner].action)
    kept = sum(
        [owners for owners in tracks.values() if owner in owners] == [{owner}]
        for owner in range(len(roles))
    )
    right = sum(map(sum, answers.values()))
    windows = sum(map(len, answers.values()))
    worst = min(statistics.mean(each) for each in answers.values())
    return right, windows, kept, len(roles), worst


def nearest(film: Film, number: int, box: tuple[float, ...]) -> tuple[int, float, bool]:
    """The person nearest to a box, how far away, and whether the person is apart from others."""
    centers = film.centers[:, number]
    distances = np.abs(centers - (box[0] + box[2]) / 2)
    owner = int(distances.argmin())
    others = np.delete(centers, owner)
    return owner, float(distances[owner]), bool(np.abs(others - centers[owner]).min() > APART)


def cost(recognizer: Recognizer, finder: PeopleFinder, seed: int) -> dict[str, object]:
    """Milliseconds for a frame with one and with three people, in turn; and their ratio."""
    roles = tuple(
        Role(action, at, at) for action, at in zip(ACTIONS, (0.5, 0.15, 0.85), strict=False)
    )
    films = {
        count: render_film(roles[:count], seed, num_frames=60, scale=SCALE) for count in (1, 3)
    }
    times: dict[int, list[float]] = {1: [], 3: []}
    with recognizer.accelerated():
        for _ in range(ROUNDS):
            for count, film in films.items():
                times[count].append(frame_ms(recognizer, finder, film, count))
    medians = {count: statistics.median(found) for count, found in times.items()}
    return {
        "film": "cost of a frame",
        "one_ms": f"{medians[1]:.1f}",
        "three_ms": f"{medians[3]:.1f}",
        "ratio": f"{medians[3] / medians[1]:.2f}",
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def frame_ms(recognizer: Recognizer, finder: PeopleFinder, film: Film, count: int) -> float:
    """Median milliseconds of a frame in which all people are classified."""
    session = PeopleSession(recognizer, finder, StreamConfig(every_s=0.0))
    found = []
    for number, frame in enumerate(film.frames):
        began = time.perf_counter()
        people = session.push(frame, number / FPS) or []
        if len(people) == count:
            found.append(time.perf_counter() - began)
    return 1000 * statistics.mean(found)


if __name__ == "__main__":
    main()
