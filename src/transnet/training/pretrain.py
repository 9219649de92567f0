"""``transnet pretrain``: a backbone that has learned human shape (TransNet+, section III-C)."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import torch

from transnet.checkpoints import segmenter as checkpoint
from transnet.checkpoints.backbone_weights import ENCODER_FILE, find_weights
from transnet.checkpoints.segmenter import SegmenterInfo
from transnet.config import PretrainingConfig
from transnet.data.photos.catalog import open_photos, resolve_photos
from transnet.data.photos.transforms import PhotoView
from transnet.errors import TransNetError
from transnet.inference.segmenter import PersonSegmenter
from transnet.training.fit import fit
from transnet.training.photo_loading import photo_loader, readable_photos
from transnet.training.pretraining_report import write_report
from transnet.training.run_folder import RunFolder
from transnet.training.segmenter_module import SegmenterTraining
from transnet.training.validation_pictures import ValidationPictures
from transnet.utils.progress import say

GENTLE_LEARNING_RATE = 3e-4
"""Of a backbone that knows something already."""

_FOLDER = RunFolder(
    record=checkpoint.RECORD,
    save=checkpoint.save_segmenter_info,
    load=checkpoint.load_segmenter_info,
    results=("last.ckpt", "fit.json", ENCODER_FILE),
    leftovers=(
        checkpoint.DECODER_FILE, "best.ckpt", "photos.csv", "metrics.json", "report.html", "logs"
    ),
)  # fmt: skip


def pretrain(
    data: str,
    *,
    out: str,
    backbone: str | None = None,
    weights: str = "imagenet",
    training: PretrainingConfig = PretrainingConfig(),
    resume: bool = False,
    overwrite: bool = False,
) -> Path:
    """Teach a backbone human shape, on photos with masks of the people (TransNet+).

    Args:
        data: a folder with images/ and masks/ (people white), or with such folders train/ and
            validation/; supervisely:DIR; or synthetic, people that are drawn here
        out: folder for the encoder, which train --weights takes, the segmenter and the report
        backbone: image network, any model name of timm that gives a map; by default what the
            weights file says, else mobilenetv1_100
        weights: what the backbone starts from: imagenet, none (random), a .safetensors file or a
            folder with one
        training: how it learns
        resume: continue a training that was interrupted, to the same result
        overwrite: replace a training that is already there

    Returns:
        The folder.

    Raises:
        TransNetError: something is missing, broken or contradictory; the message says what.
    """
    started = time.perf_counter()
    run = Path(out).expanduser()
    photos = open_photos(data, validation=training.validation, seed=training.seed)
    found = find_weights(weights, backbone)
    if not training.backbone_learning_rate:
        rate = GENTLE_LEARNING_RATE if found.state else training.learning_rate
        training = replace(training, backbone_learning_rate=rate)
    info = SegmenterInfo.describe(training, found.backbone, resolve_photos(data))
    torch.manual_seed(training.seed)
    segmenter = info.build()
    found.load_into(segmenter.backbone)
    _FOLDER.prepare(run, info, resume=resume, overwrite=overwrite)
    photos = readable_photos(photos, training)
    if min(len(photos.train), len(photos.validation)) == 0:
        raise TransNetError(f"{data}: no readable photo is left to train or to validate on.")
    say(
        f"{len(photos.train)} photos to train, {len(photos.validation)} to validate; "
        f"{info.backbone.name}, started from {found.backbone.weights}"
    )
    checkpoint.save_photos(run, photos)

    teaching = time.perf_counter()
    view = PhotoView(training.size, info.backbone.mean, info.backbone.std)
    train_loader = photo_loader(photos.train, view, training, training=True)
    lesson = SegmenterTraining(segmenter, training, training.epochs * len(train_loader))
    lesson.train()  # the trainer leaves modes as it finds them
    answerer = PersonSegmenter(segmenter, info)
    summary = fit(
        lesson,
        train_loader,
        photo_loader(photos.validation, view, training, training=False),
        training,
        run,
        score="validation_iou",
        mixed_precision=True,
        further=[
            ValidationPictures(answerer, photos.validation, training.pictures_every, run),
        ],
    )
    fit_s = time.perf_counter() - teaching + summary.earlier_s
    segmenter.eval()
    checkpoint.save_segmenter(run, segmenter, info)
    metrics = write_report(run, answerer, photos, summary, fit_s)
    say(
        f"IoU of the person {metrics['iou']:.3f}, Dice {metrics['dice']:.3f}, pixel accuracy "
        f"{metrics['accuracy']:.3f} on {metrics['num_photos']} validation photos, after "
        f"{summary.epochs} epochs (best {summary.best_epoch + 1}) in {fit_s:.0f} s, "
        f"{time.perf_counter() - started + summary.earlier_s:.0f} s in all\n"
        f"saved to {run}, report in {run / 'report.html'}\n"
        f"next: transnet train CLIPS --weights {run} --out RUN\n"
        f"look: transnet segment {run} PHOTO.jpg"
    )
    return run
