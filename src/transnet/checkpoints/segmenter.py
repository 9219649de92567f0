"""The output folder of a pretraining: an encoder for ``train --weights``, and its segmenter.

::

    encoder.safetensors   the backbone, in timm's layout; its metadata states how to use it
    decoder.safetensors   the decoder of the segmenter
    segmenter.json        network, preprocessing, training, data, versions
    photos.csv            every photo and its part of the split
    metrics.json, report.html, logs/, best.ckpt, last.ckpt
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from transnet.checkpoints.backbone_record import BackboneRecord, flatten, from_dict, gather
from transnet.checkpoints.backbone_weights import ENCODER_FILE, find_weights
from transnet.checkpoints.hub_files import local_folder
from transnet.checkpoints.record import package_versions, read_record
from transnet.checkpoints.weights_file import read_weights, require_same_facts, write_weights
from transnet.config import PretrainingConfig
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
    """The description of a segmenter: everything but its weights.

    Attributes:
        training: the training settings, with the size of a photo and the skip connections.
        backbone: the backbone and the weights that it started from; ``pretraining`` includes this
            pretraining (``imagenet+hss``).
        data: the dataset, as the user typed it.
        versions: versions of the packages that made it.
    """

    training: PretrainingConfig
    backbone: BackboneRecord
    data: str
    versions: dict[str, str] = field(default_factory=lambda: package_versions())

    @staticmethod
    def describe(config: PretrainingConfig, start: BackboneRecord, data: str) -> SegmenterInfo:
        """The description of a pretraining that is about to start from some weights."""
        before = "" if start.pretraining == "none" else f"{start.pretraining}+"
        backbone = replace(start, pretraining=before + PRETRAINING)
        return SegmenterInfo(training=config, backbone=backbone, data=data)

    def to_dict(self) -> dict[str, Any]:
        """The JSON values of ``segmenter.json``, one flat level for the backbone's."""
        return flatten(self)

    def build(self) -> Segmenter:
        """The network, with random weights."""
        backbone = Backbone(self.backbone.name, size=self.training.size, args=self.backbone.args)
        return Segmenter(backbone, skips=self.training.skips)


def save_segmenter_info(run: Path, info: SegmenterInfo) -> None:
    """Write ``segmenter.json``."""
    with written_whole(run / RECORD) as path:
        values = {"format": FORMAT, **info.to_dict()}
        path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def load_segmenter_info(run: Path | str, option: str = "RUN") -> SegmenterInfo:
    """Read ``segmenter.json``; ``option`` is what the user calls the folder.

    Raises:
        TransNetError: ``run`` is no such folder, or was written by a newer version.
    """
    return read_record(
        local_folder(run) / RECORD,
        _parse,
        newest_format=FORMAT,
        missing=f"{option} is {str(run)!r}, which holds no segmenter (it has no {RECORD}); "
        "accepted: the --out folder of transnet pretrain, or hf-hub:USER/NAME.",
    )


def _parse(values: dict[str, Any]) -> SegmenterInfo:
    values = gather(values)
    values.update(training=from_dict(PretrainingConfig, values["training"]))
    return from_dict(SegmenterInfo, values)


def save_segmenter(run: Path, segmenter: Segmenter, info: SegmenterInfo) -> None:
    """Write ``decoder.safetensors``, and last ``encoder.safetensors``."""
    photos = info.data.rpartition("/")[2]  # files are shared; the folder of the photos is private
    backbone = info.backbone
    metadata = {
        "timm_model": backbone.name,
        "timm_args": json.dumps(backbone.args),
        "mean": json.dumps(backbone.mean),
        "std": json.dumps(backbone.std),
        "pretraining": backbone.pretraining,
        "license": f"start weights: {backbone.license}; photos: {photos}",
        "source": f"transnet pretrain on {photos}, started from {backbone.weights}",
    }
    for part, name, text in (
        (segmenter.decoder, DECODER_FILE, {"record": json.dumps(_facts(info))}),
        (segmenter.backbone.network, ENCODER_FILE, metadata),
    ):
        write_weights(run / name, part.state_dict(), text)


def _facts(info: SegmenterInfo) -> dict[str, Any]:
    """What the masks depend on besides the weights."""
    values = info.to_dict()
    training = values["training"]
    facts = {name: values[name] for name in ("backbone", "backbone_args", "mean", "std")}
    facts.update(size=training["size"], skips=training["skips"])
    plain: dict[str, Any] = json.loads(json.dumps(facts))
    return plain


def load_segmenter_network(run: Path | str, option: str = "RUN") -> tuple[Segmenter, SegmenterInfo]:
    """The trained network of a folder, in evaluation mode, on the CPU, and its description.

    ``option`` is what the user calls the folder.

    Raises:
        TransNetError: the pretraining has not ended, or the weights do not fit.
    """
    folder, info = local_folder(run), load_segmenter_info(run, option)
    missing = [name for name in (ENCODER_FILE, DECODER_FILE) if not (folder / name).is_file()]
    if missing:
        raise TransNetError(
            f"{run} has no {missing[0]}: its training has not ended. "
            "Continue it with transnet pretrain ... --resume."
        )
    decoder, metadata = read_weights(folder / DECODER_FILE)
    require_same_facts(folder / RECORD, DECODER_FILE, metadata.get("record"), _facts(info))
    segmenter = info.build()
    find_weights(folder / ENCODER_FILE, info.backbone.name).load_into(segmenter.backbone)
    try:
        segmenter.decoder.load_state_dict(decoder)
    except (RuntimeError, TypeError) as error:
        raise TransNetError(
            f"{folder / DECODER_FILE} does not hold the weights of this segmenter ({error})."
        ) from error
    return segmenter.eval(), info


def save_photos(run: Path, photos: PhotoSplit) -> None:
    """Write ``photos.csv``: the name of each photo and its part of the split.

    Raises:
        TransNetError: the folder has a ``photos.csv`` with other photos: another training's.
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
