"""A pretraining on person segmentation, from photos to the encoder (TransNet+)."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from transnet.checkpoints import segmenter as checkpoint
from transnet.checkpoints.backbone_weights import ENCODER_FILE, find_weights
from transnet.checkpoints.segmenter import SegmenterInfo
from transnet.config import Device, PretrainingConfig
from transnet.data.photos.catalog import open_photos, resolve_photos
from transnet.data.photos.split import PhotoSplit
from transnet.data.photos.transforms import PhotoTransform
from transnet.errors import TransNetError
from transnet.inference.segmenter import PersonSegmenter
from transnet.model.segmenter import Segmenter
from transnet.runtimes.device import find_device
from transnet.training.fit import FitSummary, fit
from transnet.training.photo_loading import photo_loader, readable_photos
from transnet.training.pretraining_report import write_pretraining_report
from transnet.training.run_folder import RunFolder
from transnet.training.segmenter_module import SegmenterModule
from transnet.training.trainer import FitOptions
from transnet.training.validation_pictures import ValidationPictures
from transnet.utils.progress import say

PRETRAINED_LEARNING_RATE = 3e-4
"""Learning rate of a backbone that starts from pretrained weights."""

_FOLDER = RunFolder(
    record=checkpoint.RECORD,
    save=checkpoint.save_segmenter_info,
    load=checkpoint.load_segmenter_info,
    results=("last.ckpt", "fit.json", ENCODER_FILE),
    leftovers=(
        checkpoint.DECODER_FILE,
        "best.ckpt",
        "photos.csv",
        "metrics.json",
        "report.html",
        "logs",
    ),
)


def pretrain_run(
    data: str,
    run: Path,
    *,
    backbone: str | None,
    weights: str,
    training: PretrainingConfig,
    device: Device,
    resume: bool,
    overwrite: bool,
) -> Path:
    """Pretrain a backbone; the arguments are those of :func:`transnet.pretrain`."""
    started = time.perf_counter()
    photos = open_photos(data, validation=training.validation, seed=training.seed)
    found = find_weights(weights, backbone)
    if not training.backbone_learning_rate:
        rate = PRETRAINED_LEARNING_RATE if found.state else training.learning_rate
        training = replace(training, backbone_learning_rate=rate)
    info = SegmenterInfo.describe(training, found.backbone, resolve_photos(data))
    torch.manual_seed(training.seed)
    segmenter = info.build()
    found.load_into(segmenter.backbone)
    chosen_device = find_device(device)
    _FOLDER.prepare(run, info, resume=resume, overwrite=overwrite)
    photos = readable_photos(photos, training)
    if min(len(photos.train), len(photos.validation)) == 0:
        raise TransNetError(f"{data}: no readable photo is left to train or to validate on.")
    say(
        f"{len(photos.train)} training photos, {len(photos.validation)} validation photos; "
        f"{info.backbone.name}, initialized from {found.backbone.weights}"
    )
    checkpoint.save_photos(run, photos)
    fit_started = time.perf_counter()
    summary = _fit(segmenter, info, photos, run, chosen_device)
    fit_s = time.perf_counter() - fit_started + summary.earlier_s
    segmenter.eval()
    checkpoint.save_segmenter(run, segmenter, info)
    metrics = write_pretraining_report(
        run, PersonSegmenter(segmenter, info), photos, summary, fit_s
    )
    total_s = time.perf_counter() - started + summary.earlier_s
    say(_closing(run, metrics, summary, fit_s, total_s))
    return run


def _fit(
    segmenter: Segmenter, info: SegmenterInfo, photos: PhotoSplit, run: Path, device: torch.device
) -> FitSummary:
    config = info.training
    view = PhotoTransform(config.size, info.backbone.mean, info.backbone.std)
    train_loader = photo_loader(photos.train, view, config, training=True)
    module = SegmenterModule(segmenter, config, config.epochs * len(train_loader))
    module.train()  # Lightning keeps the modes that it finds
    pictures = ValidationPictures(
        PersonSegmenter(segmenter, info), photos.validation, config.pictures_every, run
    )
    return fit(
        module,
        train_loader,
        photo_loader(photos.validation, view, config, training=False),
        config,
        run,
        FitOptions(
            score="validation_iou",
            mixed_precision=True,
            device=device,
            extra_callbacks=[pictures],
        ),
    )


def _closing(
    run: Path, metrics: dict[str, Any], summary: FitSummary, fit_s: float, total_s: float
) -> str:
    return (
        f"IoU of the person {metrics['iou']:.3f}, Dice {metrics['dice']:.3f}, pixel accuracy "
        f"{metrics['accuracy']:.3f} on {metrics['num_photos']} validation photos, after "
        f"{summary.epochs} epochs (best {summary.best_epoch + 1}) in {fit_s:.0f} s, "
        f"{total_s:.0f} s in all\n"
        f"saved to {run}, report in {run / 'report.html'}\n"
        f"next: transnet train CLIPS --weights {run} --out RUN\n"
        f"view: transnet segment {run} PHOTO.jpg"
    )
