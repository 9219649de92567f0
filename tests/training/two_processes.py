"""What each process of a training on two devices runs: a training, then a validation of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

import transnet
from tests.helpers import TINY_BACKBONE
from transnet import ClipConfig, TrainingConfig


def main(clips: str, folder: str, devices: str) -> None:
    torch.set_num_threads(1)
    run = transnet.train(
        clips,
        out=str(Path(folder) / "run"),
        backbone=TINY_BACKBONE,
        weights="none",
        clip=ClipConfig(frames=4, size=64),
        training=TrainingConfig(
            freeze=False, epochs=2, views=1, batch_size=4, validation=0.4, workers=1
        ),
        cache=str(Path(folder) / "cache"),
        device="cpu",
        devices=int(devices),
        logger="csv",
    )
    # Every process returns once the run is whole.
    classes = transnet.load(run, device="cpu").classes
    print(json.dumps({"classes": classes}))


if __name__ == "__main__":
    main(*sys.argv[1:])
