"""``transnet train``: from a data set to a run folder."""

from __future__ import annotations

import copy
import json
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from transnet import checkpoint
from transnet.checkpoint import RunInfo
from transnet.config import ClipConfig, ModelConfig, TrainingConfig
from transnet.data.datasets import open_dataset, resolve_dataset
from transnet.data.feature_cache import FeatureCache
from transnet.data.splits import Split, make_split
from transnet.features.extractor import StageSeconds
from transnet.folders import cache_folder
from transnet.model.transnet import TransNet
from transnet.progress import say
from transnet.training.fit import FitSummary, fit
from transnet.training.material import Material
from transnet.training.recognizer import RecognizerTraining
from transnet.training.run_folder import RunFolder
from transnet.weights import find_weights

MIN_REFIT_EPOCHS = 10


def train(
    data: str,
    *,
    out: str,
    backbone: str | None = None,
    weights: str = "imagenet",
    split: str | None = None,
    clip: ClipConfig = ClipConfig(),
    model: ModelConfig = ModelConfig(),
    training: TrainingConfig = TrainingConfig(),
    cache: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Path:
    """Teach a recogniser the actions of a data set.

    Args:
        data: a folder of class folders, a CSV file (path, label, group, start, end, split), or
            ucf101:DIR
        out: folder for the run: the model, the logs, the list of clips
        backbone: image network, any model name of timm; by default what the weights file says,
            else mobilenetv1_100
        weights: imagenet, none (random), a .safetensors file or a folder with one
        split: official, official:K, paper (random 80 / 20 by clip), group or column; by default
            the data set's own, else by group
        clip: how a video becomes a clip
        model: size and form of the network
        training: how it learns
        cache: folder for the features of a frozen backbone; by default in the user's cache
        resume: continue a training that was interrupted, to the same result
        overwrite: replace a run that is already there

    Returns:
        The run folder.

    Raises:
        TransNetError: something is missing, broken or contradictory; the message says what.
    """
    started = time.perf_counter()
    run = Path(out).expanduser()
    manifest = open_dataset(data)
    data = resolve_dataset(data)
    parts = make_split(manifest, split, validation=training.validation, seed=training.seed)
    for line in (manifest.summary(), *manifest.notes, _describe(parts)):
        say(line)
    found = find_weights(weights, backbone)
    classes = tuple(sorted({record.label for record in parts.train}))
    info = RunInfo.describe(classes, (clip, model, training), found, data, parts)
    torch.manual_seed(training.seed)
    network = info.build_model()
    found.load_into(network.spatial.backbone)
    if training.freeze:
        network.spatial.backbone.freeze()
        if not found.state:
            say("the backbone is frozen with random weights: expect little (see --weights)")
    _FOLDER.prepare(run, info, resume=resume, overwrite=overwrite)

    features = StageSeconds()
    with FeatureCache(cache or cache_folder() / "features") as store:
        material = Material(info, parts, store, features)
        if training.freeze:
            material.extract(network)
        else:
            material.check()
        teaching = time.perf_counter()
        checkpoint.save_clips(run, material.usable(), material.digests)
        summary = _teach(network, info, material, run)
        fit_s = time.perf_counter() - teaching
    checkpoint.save_model(run, network)
    seconds = {
        "decode": features.decode,
        "backbone": features.backbone,
        "features": features.total,
        "fit": fit_s,
        "total": time.perf_counter() - started,
    }
    with checkpoint.written_whole(run / "seconds.json") as path:
        path.write_text(json.dumps(seconds, indent=2), encoding="utf-8")
    num_clips = len(material.train) + (len(material.validation) if _refits(training) else 0)
    say(_closing(run, summary, num_clips, seconds))
    return run


def _teach(network: TransNet, info: RunInfo, material: Material, run: Path) -> FitSummary:
    """Train with early stopping; then, if it costs little, once more on all training clips.

    The second training starts from the same weights and takes the epochs that the first one
    found best, so it needs no validation part, and the test part is as unseen as before.
    """
    config, train, validation = info.training, material.train, material.validation
    refit = _refits(config) and bool(validation)
    start = copy.deepcopy(network.state_dict()) if refit else {}
    summary = _fit(network, info, config, material.loaders(train, validation), run)
    if refit:
        network.load_state_dict(start)
        epochs = min(config.epochs, max(MIN_REFIT_EPOCHS, summary.best_epoch + 1))
        loaders = material.loaders((*train, *validation), ())
        _fit(network, info, replace(config, epochs=epochs), loaders, run / "refit")
    return summary


def _refits(config: TrainingConfig) -> bool:
    return config.freeze and config.refit


def _fit(
    network: TransNet,
    info: RunInfo,
    config: TrainingConfig,
    loaders: tuple[DataLoader, DataLoader | None],
    folder: Path,
) -> FitSummary:
    train_loader, validation_loader = loaders
    num_steps = config.epochs * len(train_loader)
    lesson = RecognizerTraining(network, config, len(info.classes), num_steps)
    lesson.train()  # the trainer leaves modes as it finds them; a frozen backbone ignores this
    return fit(
        lesson, train_loader, validation_loader, config, folder, mixed_precision=not config.freeze
    )


_FOLDER = RunFolder(
    record="transnet.json",
    save=checkpoint.save_info,
    load=checkpoint.load_info,
    results=("last.ckpt", "fit.json", "model.safetensors"),
    leftovers=(
        "best.ckpt", "clips.csv", "seconds.json", "metrics.json", "report.html", "logs", "refit"
    ),
)  # fmt: skip


def _describe(split: Split) -> str:
    return (
        f"split {split.name}: {len(split.train)} clips to train, {len(split.validation)} to "
        f"decide when to stop, {len(split.test)} to test; {split.siblings_in_train:.1%} of the "
        "test clips have a sibling (same group) in training"
    )


def _closing(run: Path, summary: FitSummary, num_clips: int, seconds: dict[str, float]) -> str:
    top1 = summary.validation_score
    quality = "" if top1 is None else f", validation top-1 {top1:.1%}"
    return (
        f"trained on {num_clips} clips in {seconds['total']:.0f} s "
        f"(features {seconds['features']:.0f} s, training {seconds['fit']:.0f} s): "
        f"{summary.epochs} epochs, best {summary.best_epoch + 1}{quality}\n"
        f"saved to {run}\n"
        f"next: transnet evaluate {run}"
    )
