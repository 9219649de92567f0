"""Temporal models: the paper's convolutions, the baselines of ``--temporal``, and 3D networks.

Two times per model: a clip from pixels to logits, and a clip's share of a training step. With a
frozen backbone a step takes a batch of cached features; for a 3D network it takes one clip, and the
whole network is trained.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import torch
from torch import Tensor, nn

from transnet.benchmark.baselines import BASELINES, make_baseline
from transnet.benchmark.clips import describe
from transnet.benchmark.contest import Entrant, contest
from transnet.benchmark.measurement import Measurement, measurement
from transnet.benchmark.setting import NUM_CLASSES, Setting
from transnet.config import Temporal, TrainingConfig
from transnet.model.transnet import TransNet
from transnet.model.video_network import VIDEO_BACKBONES
from transnet.training.optimizer import optimizers

EAGER = "eager"
CLIP, STEP = "a clip", "a clip's training step"
PAPER = "conv1d"

_Calls = dict[Entrant, Callable[[], object]]


def measure_part(setting: Setting) -> list[Measurement]:
    """A clip in inference and in training, in eager PyTorch."""
    calls: _Calls = {}
    notes: dict[str, str] = {}
    config = TrainingConfig()
    for kind in get_args(Temporal):
        own, notes[kind] = _temporal_model(setting, kind, config)
        calls |= own
    for name in [name for name in setting.baselines if name in VIDEO_BACKBONES]:
        try:
            own, notes[name] = _video_network(setting, name, replace(config, freeze=False))
        except Exception:  # the part that compares clips reports why
            continue
        calls |= own
    outcome = contest("temporal", calls, setting.schedule)
    rows = []
    for entrant in calls:
        name, _, what = entrant.what.partition(", ")
        paper = Entrant(f"{PAPER}, {what}", EAGER)
        one_clip = what == CLIP or name in VIDEO_BACKBONES
        comparable = entrant != paper and (what == CLIP or not one_clip)
        rows.append(
            measurement(
                outcome,
                entrant,
                part="temporal",
                threads=setting.threads,
                per=1 if one_clip else config.batch_size,
                reference=(paper,) if comparable else (),
                note=notes[name],
            )
        )
    return rows


def _temporal_model(setting: Setting, kind: Temporal, config: TrainingConfig) -> tuple[_Calls, str]:
    """The calls of a temporal model on our backbone, and its description."""
    frames, size = setting.clip.frames, setting.clip.size
    network = TransNet(
        setting.backbone, NUM_CLASSES, num_frames=frames, size=size, temporal=kind, readout="pool"
    )
    backbone = network.backbone
    backbone.freeze()
    network.eval().to(memory_format=network.memory_format)
    clip = torch.randn(1, frames, 3, size, size)
    features = torch.randn(config.batch_size, frames, backbone.channels)
    calls: _Calls = {
        Entrant(f"{kind}, {CLIP}", EAGER): _inference(network, clip),
        Entrant(f"{kind}, {STEP}", EAGER): _step(
            network, backbone, network.classify, features, config
        ),
    }
    return calls, describe(network, clip)


def _video_network(setting: Setting, name: str, config: TrainingConfig) -> tuple[_Calls, str]:
    """The calls of a 3D network, and its description."""
    shape = setting.clip if setting.miniature else BASELINES[name]
    network = make_baseline(name, NUM_CLASSES, shape.frames, shape.size)
    backbone = network.get_submodule("backbone")
    clip = torch.randn(1, shape.frames, 3, shape.size, shape.size)
    calls: _Calls = {
        Entrant(f"{name}, {CLIP}", EAGER): _inference(network, clip),
        Entrant(f"{name}, {STEP}", EAGER): _step(network, backbone, network, clip, config),
    }
    return calls, describe(network, clip)


def _inference(network: nn.Module, clip: Tensor) -> Callable[[], object]:
    def infer() -> None:
        with torch.inference_mode():
            network(clip)

    network.eval()
    return infer


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
