"""What joins the frames: the paper's convolutions, their rivals, and 3D networks.

A clip from pixels to logits, and what a clip costs in a step of training: with a frozen backbone
its share of a batch of cached features, for a 3D network a step of its own, the whole network
learning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import torch
from torch import Tensor, nn

from transnet.benchmark.clips import describe
from transnet.benchmark.contest import Entrant, contest
from transnet.benchmark.measurement import Measurement, measurement
from transnet.benchmark.rivals import RIVALS, make_rival
from transnet.benchmark.setting import NUM_CLASSES, Setting
from transnet.config import Temporal, TrainingConfig
from transnet.model.transnet import TransNet
from transnet.model.video_network import VIDEO_BACKBONES
from transnet.training.optimizer import optimizers

EAGER = "eager"
CLIP, STEP = "a clip", "a clip's training step"
PAPER = "conv1d"


def measure(setting: Setting) -> list[Measurement]:
    """Rows of one clip, answered and learned from, in PyTorch as it is."""
    backbone, frames, size = setting.backbone, setting.clip.frames, setting.clip.size
    entrants: dict[Entrant, Callable[[], object]] = {}
    notes: dict[str, str] = {}
    config = TrainingConfig()
    for kind in get_args(Temporal):
        network = TransNet(
            backbone, NUM_CLASSES, num_frames=frames, size=size, temporal=kind, readout="pool"
        )
        network.backbone.freeze()
        network.eval().to(memory_format=network.memory_format)
        clip = torch.randn(1, frames, 3, size, size)
        notes[kind] = describe(network, clip)
        entrants[Entrant(f"{kind}, {CLIP}", EAGER)] = _answer(network, clip)
        features = torch.randn(config.batch_size, frames, network.backbone.channels)
        entrants[Entrant(f"{kind}, {STEP}", EAGER)] = _step(
            network, network.backbone, network.classify, features, config
        )
    learns = replace(config, freeze=False)
    for name in [rival for rival in setting.rivals if rival in VIDEO_BACKBONES]:
        rival = RIVALS[name]
        if not setting.miniature:
            frames, size = rival.frames, rival.size
        try:
            whole = make_rival(name, NUM_CLASSES, frames, size)
        except Exception:  # the part that compares clips says why
            continue
        clip = torch.randn(1, frames, 3, size, size)
        notes[name] = describe(whole, clip)
        entrants[Entrant(f"{name}, {CLIP}", EAGER)] = _answer(whole, clip)
        entrants[Entrant(f"{name}, {STEP}", EAGER)] = _step(
            whole, whole.get_submodule("backbone"), whole, clip, learns
        )
    outcome = contest("temporal", entrants, setting.pace)
    rows = []
    for entrant in entrants:
        name, _, what = entrant.what.partition(", ")
        own = Entrant(f"{PAPER}, {what}", EAGER)
        alone = what == CLIP or name in VIDEO_BACKBONES
        comparable = entrant != own and (what == CLIP or not alone)
        rows.append(
            measurement(
                outcome, entrant, part="temporal", threads=setting.threads,
                per=1 if alone else config.batch_size, reference=(own,) if comparable else (),
                note=notes[name],
            )
        )  # fmt: skip
    return rows


def _answer(network: nn.Module, clip: Tensor) -> Callable[[], object]:
    def answer() -> None:
        with torch.inference_mode():
            network(clip)

    network.eval()
    return answer


def _step(
    network: nn.Module,
    backbone: nn.Module,
    forward: Callable[[Tensor], Tensor],
    inputs: Tensor,
    config: TrainingConfig,
) -> Callable[[], object]:
    optimizer = optimizers(network, backbone, config, num_steps=1)["optimizer"]
    loss = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
    labels = torch.zeros(len(inputs), dtype=torch.long)

    def step() -> None:
        network.train()
        optimizer.zero_grad()
        loss(forward(inputs), labels).backward()
        optimizer.step()
        network.eval()

    return step
