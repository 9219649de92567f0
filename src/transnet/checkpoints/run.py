"""A run folder: a trained recognizer as plain files. Reading one runs no code from it.

::

    transnet.json        classes, network, preprocessing, training, split, versions
    model.safetensors    all weights
    clips.csv            every clip and its part of the split; training clips with their digest
    best.ckpt, last.ckpt training state for --resume
    logs/                loss and accuracy of each epoch (CSV, TensorBoard)

``clips.csv`` is itself a dataset (``transnet train RUN/clips.csv --split column``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from transnet.checkpoints.backbone_record import (
    BackboneRecord,
    check_classes,
    check_thresholds,
    flatten,
    from_dict,
    gather,
)
from transnet.checkpoints.clip_list import CLIPS_FILE, clips_digest
from transnet.checkpoints.hub_files import local_folder
from transnet.checkpoints.record import package_versions, read_record
from transnet.checkpoints.weights_file import read_weights, require_same_facts, write_weights
from transnet.config import NO_CLASS, ClipConfig, ModelConfig, TrainingConfig
from transnet.data.clips import median_step_s
from transnet.data.manifest import ClipRecord
from transnet.data.splits import Split
from transnet.errors import TransNetError
from transnet.model.cue_weights import WEIGHTS, shares_of_cues
from transnet.model.motion import VERSION as MOTION_VERSION
from transnet.model.networks import Network
from transnet.model.scoring import OneLabel, scoring_of
from transnet.model.transnet import TransNet
from transnet.model.video_network import VIDEO_BACKBONES, VideoNetwork
from transnet.utils.files import written_whole

FORMAT = 1


@dataclass(frozen=True)
class RunInfo:
    """The description of a run: everything but its weights.

    Attributes:
        classes: the labels, in the order of the logits, without ``_none``.
        clip: how a video becomes a clip.
        model: architecture of the network.
        training: the training settings.
        backbone: the backbone and where its weights came from.
        data: the dataset, as the user typed it.
        split: name of the split, as in :class:`~transnet.data.splits.Split`.
        split_rule: description of the split, a part of a sentence.
        step_s: seconds between two frames of a training clip, the median over the clips; a stream
            uses it as the step of its window. 0: unknown.
        learned_none: whether the network has one more logit, the last, which stands for none of
            the classes: the training had clips labeled ``_none``.
        several_labels: whether a clip may show several classes at once: some clips of the dataset
            have several labels. Then ``_none`` is the absence of all, without a logit.
        motion_version: ``VERSION`` of :mod:`transnet.model.motion`; 0 without motion, and in runs
            made before it was recorded.
        people: what found the people whom the clips are cropped to; empty if they are not.
        versions: versions of the packages that made the run.
    """

    classes: tuple[str, ...]
    clip: ClipConfig
    model: ModelConfig
    training: TrainingConfig
    backbone: BackboneRecord
    data: str
    split: str
    split_rule: str
    step_s: float = 0.0
    learned_none: bool = False
    several_labels: bool = False
    motion_version: int = 0
    people: str = ""
    versions: dict[str, str] = field(default_factory=lambda: package_versions())

    @property
    def has_motion(self) -> bool:
        """Whether motion is among the cues; a 3D network has none."""
        return self.model.cues != "appearance" and self.backbone.name not in VIDEO_BACKBONES

    @property
    def stream_step_s(self) -> float:
        """Seconds between two frames of a stream: ``step_s``; in runs without it, of the stride."""
        return self.step_s or self.clip.stride_s

    @property
    def outputs(self) -> tuple[str, ...]:
        """The labels of the logits: the classes and, last, ``_none`` if it was learned."""
        return (*self.classes, NO_CLASS) if self.learned_none else self.classes

    def build_model(self) -> Network:
        """The network, with random weights."""
        if self.backbone.name in VIDEO_BACKBONES:
            return VideoNetwork(
                self.backbone.name,
                len(self.outputs),
                num_frames=self.clip.frames,
                size=self.clip.size,
                dropout=self.training.dropout,
                several_labels=self.several_labels,
            )
        return TransNet(
            self.backbone.name,
            len(self.outputs),
            num_frames=self.clip.frames,
            features=self.model.features,
            filters=self.model.filters,
            temporal=self.model.temporal,
            readout=self.model.readout,
            cues=self.model.cues,
            size=self.clip.size,
            dropout=self.training.dropout,
            joint=not self.training.freeze,
            backbone_args=self.backbone.args,
            several_labels=self.several_labels,
        )

    def targets(self, clips: Sequence[ClipRecord]) -> Tensor:
        """What is learned of N clips, see :mod:`transnet.model.scoring`."""
        return scoring_of(self.several_labels, len(self.outputs)).targets(clips, self.outputs)

    def to_dict(self) -> dict[str, Any]:
        """The JSON values of ``transnet.json``, one flat level for the backbone's."""
        return flatten(self)

    @staticmethod
    def describe(
        classes: tuple[str, ...],
        configs: tuple[ClipConfig, ModelConfig, TrainingConfig],
        backbone: BackboneRecord,
        data: str,
        split: Split,
        *,
        several_labels: bool = False,
    ) -> RunInfo:
        """The description of a training that is about to start."""
        clip, model, training = configs
        info = RunInfo(
            classes=tuple(label for label in classes if label != NO_CLASS),
            clip=clip,
            model=model,
            training=training,
            backbone=backbone,
            data=data,
            split=split.name,
            split_rule=split.rule,
            step_s=median_step_s(split.train, clip),
            learned_none=NO_CLASS in classes and not several_labels,
            several_labels=several_labels,
        )
        return replace(
            info,
            training=training.for_clips(len(split.train), has_motion=info.has_motion),
            motion_version=MOTION_VERSION if info.has_motion else 0,
        )


def save_run_info(run: Path, info: RunInfo) -> None:
    """Write ``transnet.json``."""
    values = {"format": FORMAT, **info.to_dict()}
    with written_whole(run / "transnet.json") as path:
        path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def load_run_info(run: Path | str) -> RunInfo:
    """Read ``transnet.json``.

    Raises:
        TransNetError: ``run`` is no run folder, or was written by a newer version.
    """
    return read_record(
        local_folder(run) / "transnet.json",
        _parse,
        newest_format=FORMAT,
        missing=f"run is {str(run)!r}, which is not a run folder (it has no transnet.json); "
        "accepted: the --out folder of transnet train, or hf-hub:USER/NAME.",
    )


def _parse(values: dict[str, Any]) -> RunInfo:
    values = gather(values)
    values.update(
        classes=check_classes(values["classes"]),
        clip=from_dict(ClipConfig, values["clip"]),
        # Runs of before 0.2 have no other cues, and keep the best weights.
        model=from_dict(ModelConfig, {"cues": "appearance", **values["model"]}),
        training=from_dict(TrainingConfig, {"keep": "best", **values["training"]}),
    )
    return from_dict(RunInfo, values)


def save_model(run: Path, model: nn.Module) -> None:
    """Write ``model.safetensors``: weights, what validation clips taught, digests.

    The digests are those of the record and of the list of clips, which are written before, as they
    are small and a training reads them. So the file that completes a run also confirms them.
    """
    metadata = {"temperature": str(getattr(model, "temperature", 1.0))}
    scoring = getattr(model, "scoring", OneLabel())
    cues = getattr(model, "cues", ())
    if len(cues) > 1:
        metadata["cue_weights"] = json.dumps(shares_of_cues(cues, scoring.cue_weights))
    if scoring.thresholds:
        metadata["thresholds"] = json.dumps(scoring.thresholds)
    if (run / "transnet.json").is_file():
        metadata["record"] = json.dumps(_facts(load_run_info(run)))
    if (run / CLIPS_FILE).is_file():
        metadata[CLIPS_FILE] = clips_digest(run / CLIPS_FILE)
    write_weights(run / "model.safetensors", model.state_dict(), metadata)


def _temperature(metadata: dict[str, str]) -> float:
    """The temperature of the logits; 1 in runs of older versions."""
    value = float(metadata.get("temperature", 1.0))
    if not 0.01 <= value <= 100:
        raise ValueError(f"its temperature is {value}")
    return value


def _cue_weights(metadata: dict[str, str], model: Network) -> Mapping[str, float]:
    """How much each cue counts; the prior in runs of earlier versions."""
    if "cue_weights" not in metadata:
        return WEIGHTS
    values = dict(json.loads(metadata["cue_weights"]))
    weights = {cue: float(weight) for cue, weight in values.items()}
    possible = all(weight >= 0 for weight in weights.values()) and math.isclose(
        sum(weights.values()), 1, abs_tol=1e-3
    )
    if not possible or set(weights) != set(getattr(model, "cues", ())):
        raise ValueError(f"the weights of its cues are {weights}")
    return weights


def _thresholds(metadata: dict[str, str], info: RunInfo) -> tuple[float, ...]:
    """The thresholds of a run with several labels at once; none of another one."""
    if not info.several_labels:
        return ()
    values = json.loads(metadata["thresholds"])
    return check_thresholds(values, info.classes)


def _facts(info: RunInfo) -> dict[str, Any]:
    """What the predictions of a run depend on besides its weights, as JSON values."""
    values = info.to_dict()
    for name in ("data", "split_rule", "versions"):
        values.pop(name)
    facts: dict[str, Any] = json.loads(json.dumps(values))
    return facts


def load_model(run: Path | str, info: RunInfo) -> Network:
    """The trained network of a run, in evaluation mode, on the CPU.

    Raises:
        TransNetError: the training has not ended, the weights do not fit, or motion was computed
            differently then.
    """
    if info.has_motion and info.motion_version != MOTION_VERSION:
        raise TransNetError(
            f"{run} was trained with version {info.motion_version or 'unknown'} of the cues of "
            f"motion, and this is version {MOTION_VERSION}; train it again."
        )
    path = local_folder(run) / "model.safetensors"
    if not path.is_file():
        raise TransNetError(
            f"{run} has no model.safetensors: its training has not ended. "
            "Continue it with transnet train ... --resume."
        )
    state, metadata = read_weights(path)
    record = path.with_name("transnet.json")
    require_same_facts(record, path.name, metadata.get("record"), _facts(info))
    try:
        model = info.build_model()
        _fill(model, state)
        model.temperature = _temperature(metadata)
        model.scoring.thresholds = _thresholds(metadata, info)
        model.scoring.cue_weights = _cue_weights(metadata, model)
    except (
        KeyError,
        MemoryError,
        OSError,
        OverflowError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise TransNetError(f"{path} does not hold the weights of this run ({error}).") from error
    return model.eval()


def _fill(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Load weights, all of them; an error names the first that differ and not hundreds."""
    lacking, others = model.load_state_dict(state, strict=False)
    if lacking or others:
        first = ", ".join([*lacking[:1], *others[:1]])
        raise ValueError(
            f"{len(lacking)} are missing and {len(others)} are of another network: {first}, ..."
        )
