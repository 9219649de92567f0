"""What a part of the benchmark is told: the network, the clips, the runtimes, how often."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from transnet.benchmark.contest import Entrant, Outcome, Pace
from transnet.benchmark.deadline import deadline
from transnet.benchmark.measurement import Limit, Quantity
from transnet.checkpoints.backbone_weights import find_weights
from transnet.checkpoints.run import RunInfo
from transnet.config import ClipConfig, ModelConfig, TrainingConfig
from transnet.data.manifest import ClipRecord
from transnet.inference.recognizer import Recognizer
from transnet.runtimes.engines import Engine, Runtime, open_engine


@dataclass(frozen=True)
class Setting:
    """What all parts share; it travels to the process of each.

    Attributes:
        backbone: model name of ``timm``.
        weights: as ``transnet train`` takes them.
        clip: frames a clip and their size.
        data: the dataset as the user typed it, or the folder of generated clips.
        records: clips to decode.
        threads: of the processor.
        runtimes: in which networks run.
        rivals: the 3D networks.
        same_clips: whether they get our clips instead of those that they were published for.
        batches: clips at once.
        pace: how long and how often.
        miniature: whether the figures mean nothing, so that nothing must be reached.
        scratch: folder for what is needed on the way.
    """

    backbone: str
    weights: str
    clip: ClipConfig
    data: str
    records: tuple[ClipRecord, ...]
    threads: int
    runtimes: tuple[Runtime, ...]
    rivals: tuple[str, ...]
    same_clips: bool
    batches: tuple[int, ...]
    pace: Pace
    miniature: bool
    scratch: Path

    def recognizer(self) -> Recognizer:
        """Our network with a temporal part that has learned nothing, in evaluation mode."""
        found = find_weights(self.weights, self.backbone)
        info = RunInfo(
            classes=tuple(f"class{number}" for number in range(NUM_CLASSES)),
            clip=self.clip,
            model=ModelConfig(),
            training=TrainingConfig(),
            backbone=found.backbone,
            data=self.data,
            split="",
            split_rule="",
            step_s=0.2,
        )
        torch.manual_seed(0)
        network = info.build_model()
        found.load_into(network.backbone)
        return Recognizer(info, network)

    def engine(self, name: str, module: nn.Module, example: Tensor, runtime: Runtime) -> Engine:
        """A network in a runtime; its graph is kept, so that it is written once in a benchmark.

        Raises:
            TransNetError: it cannot run there, or is not ready in twice the time of its rounds.
        """
        key = f"{name} {module} {tuple(example.shape[1:])}"
        graph = self.scratch / f"{zlib.crc32(key.encode()):08x}.onnx"
        with deadline(2 * self.pace.max_s):
            return open_engine(module, example, runtime, threads=self.threads, graph=graph)

    def limit(self, of: Quantity, at_most: float = 0.0, *, at_least: float = 0.0) -> Limit | None:
        """What must be reached; nothing in a miniature."""
        if self.miniature:
            return None
        return Limit(of, "at least", at_least) if at_least else Limit(of, "at most", at_most)


NUM_CLASSES = 101


def fastest(outcome: Outcome, entrants: Sequence[Entrant]) -> Entrant | None:
    """The one with the least time; ``None`` if all have failed."""
    timed = [entrant for entrant in entrants if entrant in outcome.rounds]
    return min(timed, key=outcome.seconds, default=None)
