"""A run folder: everything that a recogniser is, readable without running anything.

::

    transnet.json        classes, network, preprocessing, training, split, versions
    model.safetensors    all weights
    clips.csv            every clip with its part in the split; training clips with their digest
    best.ckpt, last.ckpt what a resumed training needs
    logs/                loss and accuracy by epoch (CSV, TensorBoard)

``clips.csv`` is itself a data set (``transnet train RUN/clips.csv --split column``).
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from transnet.config import ClipConfig, ModelConfig, TrainingConfig, from_dict
from transnet.data.clips import median_step_s
from transnet.data.manifest import ClipRecord
from transnet.data.splits import Split
from transnet.errors import TransNetError
from transnet.model.network import Network
from transnet.model.transnet import TransNet
from transnet.model.video_network import VIDEO_BACKBONES, VideoNetwork
from transnet.record import read_record
from transnet.weights import BackboneWeights

FORMAT = 1
_VERSIONED = ("transnet-har", "torch", "torchvision", "timm", "lightning", "av", "numpy")


@dataclass(frozen=True)
class RunInfo:
    """What a run is, apart from its weights.

    Attributes:
        classes: the labels, in the order of the logits.
        clip: how a video becomes a clip.
        model: size and form of the network.
        training: how it learnt.
        backbone: name of the ``timm`` model.
        backbone_args: further arguments of ``timm.create_model``.
        mean: mean of RGB in 0..1, subtracted from a frame.
        std: standard deviation of RGB in 0..1, by which a frame is divided.
        weights: where the backbone's weights came from.
        pretraining: what they had learnt before.
        data: the data set, as the user typed it.
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


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result."""
    found = {"python": platform.python_version()}
    for name in _VERSIONED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


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


def save_clips(run: Path, split: Split, digests: Mapping[ClipRecord, str]) -> None:
    """Write ``clips.csv``; the digest is the fingerprint of a clip that is trained on.

    A clip to train on without a digest could not be read: it is there as unused.

    Raises:
        TransNetError: there is one already, of other clips: this training is another one.
    """
    save_fixed(run / "clips.csv", _clips_table(split, digests), "clips")


def check_clips(run: Path, split: Split) -> None:
    """See that a run was made of the clips of a split.

    Raises:
        TransNetError: it was not.
    """
    rows = csv.reader(io.StringIO(_clips_table(split, {}).decode("utf-8", "surrogateescape")))
    now = {tuple(row[:5]) for row in rows}
    with open(run / "clips.csv", newline="", encoding="utf-8", errors="surrogateescape") as file:
        before = {tuple(row[:5]) for row in csv.reader(file)}
    if now != before:
        raise TransNetError(_other_list(run, "clips"))


def _clips_table(split: Split, digests: Mapping[ClipRecord, str]) -> bytes:
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["path", "label", "group", "start", "end", "split", "digest"])
    for part, clips in parts.items():
        for clip in clips:
            where = [os.path.abspath(clip.path), clip.label, clip.group]
            limits = ["" if frame is None else frame for frame in (clip.start, clip.end)]
            used = part if part == "test" or clip in digests else "unused"
            rows.writerow([*where, *limits, used, digests.get(clip, "")])
    return text.getvalue().encode("utf-8", "surrogateescape")  # names of files may be any bytes


def trained_ranges(run: Path) -> dict[str, list[tuple[float, float]]]:
    """For each video that the run was trained or stopped on, its digest and frame ranges.

    A range is half open; the end of one that goes to the end of its file is infinite.
    """
    path = run / "clips.csv"
    ranges: dict[str, list[tuple[float, float]]] = {}
    try:
        with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
            for row in csv.DictReader(file):
                if row["split"] in ("train", "validation"):
                    limits = (float(row["start"] or 0), float(row["end"] or math.inf))
                    ranges.setdefault(row["digest"], []).append(limits)
    except (OSError, KeyError, ValueError) as error:
        raise TransNetError(
            f"{path} cannot be read ({error}), so it is unknown which clips were trained on."
        ) from error
    return ranges


def save_fixed(path: Path, table: bytes, what: str) -> None:
    """Write a list that stays what it is for the whole of a training.

    Raises:
        TransNetError: there is one already, and it is another one.
    """
    if path.exists():
        if path.read_bytes() != table:
            raise TransNetError(_other_list(path.parent, what))
        return
    with written_whole(path) as beside:
        beside.write_bytes(table)


def _other_list(run: Path, what: str) -> str:
    return (
        f"the {what} of {run} are not those that its training was started with, so it cannot be "
        "continued; start anew with --overwrite, or in another --out folder."
    )


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A place to write a file, which takes its name only once it is complete.

    Raises:
        TransNetError: it cannot be written, because the disk is full, say.
    """
    beside = path.with_name(f".{path.name[:40]}.{os.getpid()}")
    try:
        yield beside
        os.replace(beside, path)
    except (OSError, SafetensorError) as error:
        raise TransNetError(f"{path} cannot be written ({error}).") from error
    finally:
        with suppress(OSError):
            beside.unlink()
