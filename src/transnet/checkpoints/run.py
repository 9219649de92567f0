"""A run folder: everything that a recognizer is, readable without running anything.

::

    transnet.json        classes, network, preprocessing, training, split, versions
    model.safetensors    all weights
    clips.csv            every clip with its part in the split; training clips with their digest
    best.ckpt, last.ckpt what a resumed training needs
    logs/                loss and accuracy by epoch (CSV, TensorBoard)

``clips.csv`` is itself a dataset (``transnet train RUN/clips.csv --split column``).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from transnet.checkpoints.backbone_weights import BackboneWeights
from transnet.checkpoints.record import package_versions, read_record
from transnet.config import ClipConfig, ModelConfig, TrainingConfig, from_dict
from transnet.data.clips import median_step_s
from transnet.data.splits import Split
from transnet.errors import TransNetError
from transnet.model.networks import Network
from transnet.model.transnet import TransNet
from transnet.model.video_network import VIDEO_BACKBONES, VideoNetwork
from transnet.utils.files import written_whole

FORMAT = 1


@dataclass(frozen=True)
class RunInfo:
    """What a run is, apart from its weights.

    Attributes:
        classes: the labels, in the order of the logits.
        clip: how a video becomes a clip.
        model: size and form of the network.
        training: how it learned.
        backbone: name of the ``timm`` model.
        backbone_args: further arguments of ``timm.create_model``.
        mean: mean of RGB in 0..1, subtracted from a frame.
        std: standard deviation of RGB in 0..1, by which a frame is divided.
        weights: where the backbone's weights came from.
        pretraining: what they had learned before.
        data: the dataset, as the user typed it.
        split: its split, as in :class:`~transnet.data.splits.Split`.
        split_rule: what the split is, as part of a sentence.
        step_s: seconds between two frames of a training clip, the median over the clips: the step
            of a stream's window; 0 where that is not known.
        weights_digest: a hash of those weights; empty where they were random, or not recorded.
        versions: of the packages that made the run.
    """

    classes: tuple[str, ...]
    clip: ClipConfig
    model: ModelConfig
    training: TrainingConfig
    backbone: str
    backbone_args: dict[str, Any]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    weights: str
    pretraining: str
    data: str
    split: str
    split_rule: str
    step_s: float = 0.0
    weights_digest: str = ""
    versions: dict[str, str] = field(default_factory=lambda: package_versions())

    def build_model(self) -> Network:
        """The network with random weights."""
        if self.backbone in VIDEO_BACKBONES:
            return VideoNetwork(
                self.backbone,
                len(self.classes),
                num_frames=self.clip.frames,
                size=self.clip.size,
                dropout=self.training.dropout,
            )
        return TransNet(
            self.backbone,
            len(self.classes),
            num_frames=self.clip.frames,
            features=self.model.features,
            filters=self.model.filters,
            temporal=self.model.temporal,
            readout=self.model.readout,
            size=self.clip.size,
            dropout=self.training.dropout,
            joint=not self.training.freeze,
            backbone_args=self.backbone_args,
        )

    @staticmethod
    def describe(
        classes: tuple[str, ...],
        configs: tuple[ClipConfig, ModelConfig, TrainingConfig],
        weights: BackboneWeights,
        data: str,
        split: Split,
    ) -> RunInfo:
        """The record of a training that is about to start."""
        clip, model, training = configs
        return RunInfo(
            classes=classes,
            clip=clip,
            model=model,
            training=training,
            backbone=weights.backbone,
            backbone_args=weights.args,
            mean=weights.mean,
            std=weights.std,
            weights=weights.source,
            pretraining=weights.pretraining,
            data=data,
            split=split.name,
            split_rule=split.rule,
            step_s=median_step_s(split.train, clip),
            weights_digest=weights.digest,
        )


def save_info(run: Path, info: RunInfo) -> None:
    """Write ``transnet.json``."""
    values = {"format": FORMAT, **asdict(info)}
    with written_whole(run / "transnet.json") as path:
        path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def load_info(run: Path | str) -> RunInfo:
    """Read ``transnet.json``.

    Raises:
        TransNetError: it is no run folder, or one of a newer version.
    """
    return read_record(
        Path(run).expanduser() / "transnet.json",
        _info,
        newest_format=FORMAT,
        missing=f"RUN is {str(run)!r}, which is not a run folder (it has no transnet.json); "
        "accepted: the --out folder of transnet train.",
    )


def _info(values: dict[str, Any]) -> RunInfo:
    values.update(
        classes=tuple(values["classes"]),
        mean=tuple(values["mean"]),
        std=tuple(values["std"]),
        clip=from_dict(ClipConfig, values["clip"]),
        model=from_dict(ModelConfig, values["model"]),
        training=from_dict(TrainingConfig, values["training"]),
    )
    return from_dict(RunInfo, values)


def save_model(run: Path, model: nn.Module) -> None:
    """Write ``model.safetensors``."""
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    with written_whole(run / "model.safetensors") as path:
        save_file(state, path)


def load_model(run: Path | str, info: RunInfo) -> Network:
    """The network of a run with its weights, in evaluation mode.

    Raises:
        TransNetError: the training has not ended, or the weights do not fit.
    """
    path = Path(run).expanduser() / "model.safetensors"
    if not path.is_file():
        raise TransNetError(
            f"{run} has no model.safetensors: its training has not ended. "
            "Continue it with transnet train ... --resume."
        )
    model = info.build_model()
    try:
        model.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise TransNetError(f"{path} does not hold the weights of this run ({error}).") from error
    return model.eval()
