"""``metrics.json`` and ``report.html`` of a pretraining."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from transnet.checkpoints import segmenter as checkpoint
from transnet.data.photos.photo import PERSON, Photo
from transnet.data.photos.split import PhotoSplit
from transnet.data.photos.transforms import PhotoTransform
from transnet.inference.segmenter import PersonSegmenter
from transnet.reports.learning_curves import learning_curves
from transnet.reports.overlays import mask_overlay
from transnet.reports.page import render
from transnet.training.fit import FitSummary
from transnet.training.segmenter_module import mask_metrics
from transnet.training.validation_pictures import saved_pictures, shrunk
from transnet.utils.files import written_whole
from transnet.utils.spacing import evenly_spaced

PHOTOS_SHOWN = 24
EPOCHS_SHOWN = 6
HEIGHT = 220


def write_pretraining_report(
    run: Path, segmenter: PersonSegmenter, photos: PhotoSplit, summary: FitSummary, fit_s: float
) -> dict[str, Any]:
    """Measure a segmenter on the validation photos, and write the metrics and the report.

    Args:
        run: the folder of the pretraining; its logs give the learning curves.
        segmenter: the trained segmenter.
        photos: training and validation photos.
        summary: how the training went.
        fit_s: seconds of the training, those before an interruption included.

    Returns:
        The content of ``metrics.json``: ``iou`` and ``dice`` of the person and pixel ``accuracy``
        (0..1, over all pixels but neutral ones, photos resized to the network's square),
        ``mean_photo_iou`` (of the photos that show a person), ``num_photos``, ``num_train``,
        ``epochs``, ``best_epoch`` (from 0), ``seconds`` of the training.
    """
    overlaps, overall = _mask_quality(segmenter, photos.validation)
    metrics = {
        **overall,
        "mean_photo_iou": float(np.nanmean(overlaps)) if not np.isnan(overlaps).all() else None,
        "num_photos": len(photos.validation),
        "num_train": len(photos.train),
        "epochs": summary.epochs,
        "best_epoch": summary.best_epoch,
        "seconds": fit_s,
    }
    checkpoint.save_metrics(run, metrics)
    info, backbone = segmenter.info, segmenter.info.backbone
    order = np.argsort(-np.nan_to_num(overlaps, nan=1.0), kind="stable")
    chosen = evenly_spaced(order.tolist(), PHOTOS_SHOWN)
    page = render(
        "pretraining.html.j2",
        name=run.resolve().name,
        info=info,
        metrics=metrics,
        shown=[_shown(segmenter, photos.validation[index], overlaps[index]) for index in chosen],
        height=HEIGHT,
        learning=saved_pictures(run, EPOCHS_SHOWN),
        curves=learning_curves(
            run, {"loss": "loss", "iou": "IoU of the person", "accuracy": "pixel accuracy"}
        ),
        settings={
            "backbone": backbone.name,
            "started from": f"{backbone.weights} ({backbone.pretraining.removesuffix('+hss')})",
            "data": info.data,
            **{key.replace("_", " "): value for key, value in asdict(info.training).items()},
        },
        written=datetime.now().strftime("%Y-%m-%d %H:%M"),
    )
    with written_whole(run / "report.html") as path:
        path.write_text(page, encoding="utf-8")
    return metrics


def _mask_quality(
    segmenter: PersonSegmenter, photos: tuple[Photo, ...]
) -> tuple[np.ndarray, dict[str, float]]:
    """IoU of each photo (NaN where it shows no person), and the metrics over all photos."""
    info = segmenter.info
    view = PhotoTransform(info.training.size, info.backbone.mean, info.backbone.std)
    overall = mask_metrics()
    overlaps = []
    segmenter.model.eval()
    device = next(segmenter.model.parameters()).device
    for photo in photos:
        frames, mask = view.pair(photo.read())
        found = segmenter.predict(frames[None].to(device)).cpu()
        own = overall.forward(found, mask[None])
        overlaps.append(float(own["iou"]) if (mask == PERSON).any() else np.nan)
    return np.array(overlaps), {key: float(value) for key, value in overall.compute().items()}


def _shown(segmenter: PersonSegmenter, photo: Photo, iou: float) -> dict[str, Any]:
    masked = photo.read()
    found = segmenter.probabilities(masked.pixels[None])[0]
    small = shrunk(masked, HEIGHT)
    person = _resized(found, small.mask.shape)
    return {
        "name": photo.name,
        "iou": None if np.isnan(iou) else float(iou),
        "photo": small.pixels,
        "picture": mask_overlay(small.pixels, person, small.mask == PERSON),
    }


def _resized(probabilities: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    height, width = shape
    return np.asarray(Image.fromarray(probabilities).resize((width, height)))
