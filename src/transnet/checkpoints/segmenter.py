"""The folder of a pretraining: an encoder for ``train --weights``, and the segmenter around it.

::

    encoder.safetensors   the backbone, in timm's layout; its metadata say how to use it
    decoder.safetensors   the rest of the segmenter
    segmenter.json        network, preprocessing, training, data, versions
    photos.csv            every photo and its part
    metrics.json, report.html, logs/, best.ckpt, last.ckpt
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from transnet.checkpoints.backbone_weights import ENCODER_FILE, BackboneWeights, find_weights
from transnet.checkpoints.record import package_versions, read_record
from transnet.config import PretrainingConfig, from_dict
from transnet.data.photos.split import PhotoSplit
from transnet.errors import TransNetError
from transnet.model.backbone import Backbone
from transnet.model.segmenter import Segmenter
from transnet.utils.files import write_once, written_whole

FORMAT = 1
RECORD = "segmenter.json"
DECODER_FILE = "decoder.safetensors"
PRETRAINING = "hss"


@dataclass(frozen=True)
class SegmenterInfo:
    """What a segmenter is, apart from its weights.

    Attributes:
        training: how it learned, its size and whether it has skip connections.
        backbone: name of the ``timm`` model.
        backbone_args: further arguments of ``timm.create_model``.
        mean: mean of RGB in 0..1, subtracted from a photo.
        std: standard deviation of RGB in 0..1, by which a photo is divided.
        weights: where the backbone's first weights came from.
        license: theirs.
        pretraining: what the backbone has learned, this included (``imagenet+hss``).
        data: the dataset, as the user typed it.
        weights_digest: a hash of those weights; empty where they were random, or not recorded.
        versions: of the packages that made it.
    """

    training: PretrainingConfig
    backbone: str
    backbone_args: dict[str, Any]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    weights: str
    license: str
    pretraining: str
    data: str
    weights_digest: str = ""
    versions: dict[str, str] = field(default_factory=lambda: package_versions())

    @staticmethod
    def describe(config: PretrainingConfig, start: BackboneWeights, data: str) -> SegmenterInfo:
        """The record of a pretraining that is about to begin from some weights."""
        before = "" if start.pretraining == "none" else f"{start.pretraining}+"
        return SegmenterInfo(
            training=config,
            backbone=start.backbone,
            backbone_args=start.args,
            mean=start.mean,
            std=start.std,
            weights=start.source,
            license=start.license,
            pretraining=before + PRETRAINING,
            data=data,
            weights_digest=start.digest,
        )

    def build(self) -> Segmenter:
        """The network with random weights."""
        backbone = Backbone(self.backbone, size=self.training.size, args=self.backbone_args)
        return Segmenter(backbone, skips=self.training.skips)


def save_info(run: Path, info: SegmenterInfo) -> None:
    """Write ``segmenter.json``."""
    with written_whole(run / RECORD) as path:
        values = {"format": FORMAT, **asdict(info)}
        path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def load_info(run: Path | str, option: str = "RUN") -> SegmenterInfo:
    """Read ``segmenter.json``; ``option`` is what the user calls the folder.

    Raises:
        TransNetError: it is no folder of a pretraining, or one of a newer version.
    """
    return read_record(
        Path(run).expanduser() / RECORD,
        _info,
        newest_format=FORMAT,
        missing=f"{option} is {str(run)!r}, which holds no segmenter (it has no {RECORD}); "
        "accepted: the --out folder of transnet pretrain.",
    )


def _info(values: dict[str, Any]) -> SegmenterInfo:
    values.update(
        mean=tuple(values["mean"]),
        std=tuple(values["std"]),
        training=from_dict(PretrainingConfig, values["training"]),
    )
    return from_dict(SegmenterInfo, values)


def save_segmenter(run: Path, segmenter: Segmenter, info: SegmenterInfo) -> None:
    """Write ``decoder.safetensors``, and last ``encoder.safetensors``."""
    photos = info.data.rpartition("/")[2]  # the file may travel; where the photos lay is private
    metadata = {
        "timm_model": info.backbone,
        "timm_args": json.dumps(info.backbone_args),
        "mean": json.dumps(info.mean),
        "std": json.dumps(info.std),
        "pretraining": info.pretraining,
        "license": f"start weights: {info.license}; photos: {photos}",
        "source": f"transnet pretrain on {photos}, started from {info.weights}",
    }
    for part, name, text in (
        (segmenter.decoder, DECODER_FILE, None),
        (segmenter.backbone.network, ENCODER_FILE, metadata),
    ):
        state = {key: value.contiguous() for key, value in part.state_dict().items()}
        with written_whole(run / name) as path:
            save_file(state, path, text)


def load_segmenter(run: Path | str, option: str = "RUN") -> tuple[Segmenter, SegmenterInfo]:
    """The segmenter of a folder, in evaluation mode, and what it is.

    ``option`` is what the user calls the folder.

    Raises:
        TransNetError: the pretraining has not ended, or the weights do not fit.
    """
    folder = Path(run).expanduser()
    info = load_info(folder, option)
    missing = [name for name in (ENCODER_FILE, DECODER_FILE) if not (folder / name).is_file()]
    if missing:
        raise TransNetError(
            f"{run} has no {missing[0]}: its training has not ended. "
            "Continue it with transnet pretrain ... --resume."
        )
    segmenter = info.build()
    find_weights(folder / ENCODER_FILE, info.backbone).load_into(segmenter.backbone)
    try:
        segmenter.decoder.load_state_dict(load_file(folder / DECODER_FILE))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise TransNetError(
            f"{folder / DECODER_FILE} does not hold the weights of this segmenter ({error})."
        ) from error
    return segmenter.eval(), info


def save_photos(run: Path, photos: PhotoSplit) -> None:
    """Write ``photos.csv``, the name and the part of each photo.

    Raises:
        TransNetError: there is one already, of other photos: this training is another one.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["name", "part"])
    for part, members in (("train", photos.train), ("validation", photos.validation)):
        rows.writerows([photo.name, part] for photo in members)
    write_once(run / "photos.csv", text.getvalue().encode("utf-8", "surrogateescape"), "photos")


def save_metrics(run: Path, metrics: Mapping[str, Any]) -> None:
    """Write ``metrics.json``."""
    with written_whole(run / "metrics.json") as path:
        path.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
