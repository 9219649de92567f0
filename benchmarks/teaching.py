"""A few people teach as in ``transnet app``, the others are recognized: with motion and without.

::

    python -m benchmarks.teaching weizmann.csv --people 4 --weights mobilenetv1_100.safetensors \\
        --out benchmarks/teaching_weizmann.csv

People are the groups of the dataset. Each of ``--teams`` of them teaches, with and without motion.
"""

from __future__ import annotations

import argparse
import csv
import random
import time
from collections.abc import Sequence
from functools import partial
from itertools import combinations
from pathlib import Path

import torch

from benchmarks.cross_scene import spread
from transnet.app.teaching.head_training import HeadTraining
from transnet.app.teaching.worker import EPOCHS
from transnet.checkpoints.backbone_weights import find_weights
from transnet.config import VIEWS, ClipConfig, Cues, TrainingConfig
from transnet.data.cache.features import FeatureCache
from transnet.data.datasets.catalog import open_dataset
from transnet.data.manifest import ClipRecord
from transnet.data.views import training_views
from transnet.errors import TransNetError
from transnet.inference.features import FeatureExtractor
from transnet.model.encoded import Encoded
from transnet.model.transnet import TransNet
from transnet.utils.paths import cache_folder

CUES: tuple[Cues, ...] = ("appearance", "both")


def main() -> None:
    """Teach with some people, test on the others, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", help="a dataset, as for transnet train")
    parser.add_argument("--people", type=int, required=True, help="how many teach")
    parser.add_argument("--teams", type=int, default=6, help="of those who teach, at most")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--cache", type=Path, default=cache_folder() / "features")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # as the app does
    rows = [row for cues in CUES for row in teach(arguments, cues)]
    with open(arguments.out, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for cues in CUES:
        own = [100 * float(row["top1"]) for row in rows if row["cues"] == cues]
        print(f"{cues:11}{spread(own)}")
    print(f"saved to {arguments.out}")


def teach(arguments: argparse.Namespace, cues: Cues) -> list[dict[str, str]]:
    """The accuracy on those who did not teach, for each seed and team of teachers."""
    clips = open_dataset(arguments.data).clips
    people = sorted({clip.group for clip in clips})
    if not 0 < arguments.people < len(people):
        raise TransNetError(
            f"--people is {arguments.people}; accepted: 1 to {len(people) - 1}, all but one."
        )
    classes = sorted({clip.label for clip in clips})
    labels = torch.tensor([classes.index(clip.label) for clip in clips])
    teams = list(combinations(people, arguments.people))
    random.Random(0).shuffle(teams)
    rows = []
    for seed in range(arguments.seeds):
        config = TrainingConfig(epochs=arguments.epochs, views=VIEWS, seed=seed)
        torch.manual_seed(seed)
        model, features = encode(arguments, cues, clips, len(classes), config)
        training = HeadTraining(model, features, labels, config)
        for teachers in teams[: arguments.teams]:
            taught = torch.tensor([clip.group in teachers for clip in clips])
            started = time.perf_counter()
            training.fit(taught.nonzero()[:, 0])
            seconds = time.perf_counter() - started
            guesses = training.probabilities((~taught).nonzero()[:, 0]).argmax(dim=1)
            top1 = float((guesses == labels[~taught]).float().mean())
            who = {"cues": cues, "seed": str(seed), "teachers": " ".join(teachers)}
            rows.append({**who, "top1": f"{top1:.4f}", "seconds": f"{seconds:.2f}"})
    return rows


def encode(
    arguments: argparse.Namespace,
    cues: Cues,
    clips: Sequence[ClipRecord],
    num_classes: int,
    config: TrainingConfig,
) -> tuple[TransNet, Encoded]:
    """A new network, and what its backbone makes of every view of every clip."""
    weights = find_weights(arguments.weights, None)
    name, mean, std = weights.backbone.name, weights.backbone.mean, weights.backbone.std
    model = TransNet(name, num_classes, readout="pool", cues=cues, dropout=config.dropout)
    weights.load_into(model.backbone)
    model.backbone.freeze()
    with FeatureCache(arguments.cache) as cache:
        extractor = FeatureExtractor(model, ClipConfig(), mean, std, cache)
        views = partial(training_views, count=VIEWS, flip=config.flip)
        keys = extractor.extract(clips, views, title="features").keys
        return model, extractor.encoded_views(keys[clip] for clip in clips)


if __name__ == "__main__":
    main()
