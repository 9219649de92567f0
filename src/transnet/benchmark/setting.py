"""The settings that all parts of the benchmark share."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from transnet.benchmark.contest import Entrant, Outcome, Schedule
from transnet.benchmark.deadline import deadline
from transnet.benchmark.measurement import Limit, Quantity
from transnet.checkpoints.backbone_weights import find_weights
from transnet.checkpoints.run import RunInfo
from transnet.config import ClipConfig, Cues, ModelConfig, TrainingConfig
from transnet.data.manifest import ClipRecord
from transnet.inference.recognizer import Recognizer
from transnet.runtimes.engines import Engine, Runtime, open_engine


@dataclass(frozen=True)
class Setting:
    """The settings of a run of the benchmark; pickled into the process of each part.

    Attributes:
        backbone: timm model.
        weights: as for ``transnet train``.
        clip: frames per clip and their size.
        data: the dataset as the user typed it, or the folder of synthetic clips.
        records: clips to decode.
        threads: CPU threads.
        runtimes: runtimes of the networks.
        baselines: names of the 3D networks.
        same_clips: whether they get clips of our shape instead of the shape they were published
            for.
        batches: batch sizes.
        schedule: how often and how long operations are timed.
        miniature: whether the figures are not meaningful, so that there are no limits.
        scratch: folder for temporary files.
    """

    backbone: str
    weights: str
    clip: ClipConfig
    data: str
    records: tuple[ClipRecord, ...]
    threads: int
    runtimes: tuple[Runtime, ...]
    baselines: tuple[str, ...]
    same_clips: bool
    batches: tuple[int, ...]
    schedule: Schedule
    miniature: bool
    scratch: Path

    def recognizer(self, cues: Cues = "appearance") -> Recognizer:
        """Our network with untrained heads, in eval mode."""
        found = find_weights(self.weights, self.backbone)
        info = RunInfo(
            classes=tuple(f"class{number}" for number in range(NUM_CLASSES)),
            clip=self.clip,
            model=ModelConfig(cues=cues),
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
        """A network in a runtime; its ONNX graph is written once per run of the benchmark.

        Raises:
            TransNetError: it cannot run there, or is not ready after twice ``schedule.max_s``.
        """
        key = f"{name} {module} {tuple(example.shape[1:])}"
        graph = self.scratch / f"{zlib.crc32(key.encode()):08x}.onnx"
        with deadline(2 * self.schedule.max_s):
            return open_engine(module, example, runtime, threads=self.threads, graph=graph)

    def limit(self, of: Quantity, at_most: float = 0.0, *, at_least: float = 0.0) -> Limit | None:
        """A limit to keep; none in a miniature."""
        if self.miniature:
            return None
        return Limit(of, "at least", at_least) if at_least else Limit(of, "at most", at_most)


NUM_CLASSES = 101


def fastest(outcome: Outcome, entrants: Sequence[Entrant]) -> Entrant | None:
    """The fastest entrant; ``None`` if all have failed."""
    timed = [entrant for entrant in entrants if entrant in outcome.rounds]
    return min(timed, key=outcome.seconds, default=None)
