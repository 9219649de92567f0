"""One training: from the clips of a split to a finished run folder."""

from __future__ import annotations

import copy
import json
import time
from dataclasses import fields, replace
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from transnet.checkpoints import run as checkpoint
from transnet.checkpoints.backbone_weights import find_weights
from transnet.checkpoints.clip_list import require_same_clips, save_clips
from transnet.checkpoints.run import RunInfo
from transnet.config import ClipConfig, ModelConfig, TrainingConfig
from transnet.data.cache.filling import StageSeconds
from transnet.data.manifest import Manifest
from transnet.data.splits import Split, make_split
from transnet.errors import TransNetError
from transnet.model.networks import Network
from transnet.model.video_network import VIDEO_BACKBONES
from transnet.training.clip_data import Material, open_cache
from transnet.training.fit import FitSummary, fit
from transnet.training.recognizer_module import RecognizerTraining
from transnet.training.run_folder import RunFolder
from transnet.utils.files import written_whole
from transnet.utils.progress import say

MIN_REFIT_EPOCHS = 10
MAX_GRADIENT = 1.0  # norm to which gradients are clipped where the backbone learns, too


def train_run(
    manifest: Manifest,
    data: str,
    split: str,
    run: Path,
    backbone: str | None,
    weights: str,
    configs: tuple[ClipConfig, ModelConfig, TrainingConfig],
    cache: str | None,
    *,
    resume: bool,
    overwrite: bool,
) -> Path:
    """One training; ``split`` is the name of one split."""
    started = time.perf_counter()
    training = configs[2]
    parts = make_split(manifest, split, validation=training.validation, seed=training.seed)
    for line in (manifest.summary(), *manifest.notes, _describe(parts)):
        say(line)
    found = find_weights(weights, backbone)
    _refuse_unused(configs[1], found.backbone.name)
    classes = tuple(sorted({record.label for record in parts.train}))
    info = RunInfo.describe(classes, configs, found.backbone, data, parts)
    torch.manual_seed(training.seed)
    network = info.build_model()
    network.to(memory_format=network.memory_format)
    found.load_into(network.backbone)
    # Only now, for --overwrite removes what is there: a mistake above must not cost a finished run.
    _FOLDER.prepare(run, info, resume=resume, overwrite=overwrite)
    if resume and (run / "model.safetensors").exists():
        require_same_clips(run, parts)
        say(f"{run} holds a finished training of the same clips and settings: nothing to do")
        return run
    if training.freeze:
        network.backbone.freeze()
        if not found.state:
            say("the backbone is frozen with random weights: expect little (see --weights)")

    preparing = StageSeconds()
    with open_cache(training, cache) as store:
        material = Material(info, parts, store, preparing)
        material.prepare(network)
        teaching = time.perf_counter()
        save_clips(run, parts, material.digests)
        summary = _teach(network, info, material, run)
        ended = time.perf_counter()
    seconds = {
        "decode": preparing.decode,
        "backbone": preparing.backbone,
        "features": preparing.total if training.freeze else 0.0,
        "clips": 0.0 if training.freeze else preparing.total,
        "fit": ended - teaching + summary.earlier_s,
        "waited": summary.waited_s,
        "total": ended - started + summary.earlier_s,
    }
    with written_whole(run / "seconds.json") as path:
        path.write_text(json.dumps(seconds, indent=2), encoding="utf-8")
    checkpoint.save_model(run, network)  # last: where it is, the run is finished
    num_clips = len(material.train) + (len(material.validation) if material.refits else 0)
    say(_closing(run, summary, num_clips, seconds, frozen=training.freeze))
    return run


def _teach(network: Network, info: RunInfo, material: Material, run: Path) -> FitSummary:
    """Train with early stopping; then, if it costs little, once more on all training clips.

    The second training starts from the same weights and takes the epochs that the first one
    found best, so it needs no validation part, and the test part is as unseen as before.
    """
    config, train, validation = info.training, material.train, material.validation
    refit = material.refits and bool(validation)
    start = copy.deepcopy(network.state_dict()) if refit else {}
    summary = _fit(network, info, config, material.loaders(train, validation), run)
    if refit:
        network.load_state_dict(start)
        epochs = min(config.epochs, max(MIN_REFIT_EPOCHS, summary.best_epoch + 1))
        loaders = material.loaders((*train, *validation), ())
        again = _fit(network, info, replace(config, epochs=epochs), loaders, run / "refit")
        summary = replace(
            summary,
            taught_s=summary.taught_s + again.taught_s,
            waited_s=summary.waited_s + again.waited_s,
            earlier_s=summary.earlier_s + again.earlier_s,
        )
    return summary


def _fit(
    network: Network,
    info: RunInfo,
    config: TrainingConfig,
    loaders: tuple[DataLoader, DataLoader | None],
    folder: Path,
) -> FitSummary:
    train_loader, validation_loader = loaders
    num_steps = config.epochs * len(train_loader)
    backbone = info.backbone
    lesson = RecognizerTraining(
        network, config, len(info.classes), num_steps, backbone.mean, backbone.std
    )
    lesson.train()  # the trainer leaves modes as it finds them; a frozen backbone ignores this
    return fit(
        lesson, train_loader, validation_loader, config, folder,
        mixed_precision=not config.freeze,
        max_gradient=None if config.freeze else MAX_GRADIENT,
    )  # fmt: skip


_FOLDER = RunFolder(
    record="transnet.json",
    save=checkpoint.save_run_info,
    load=checkpoint.load_run_info,
    results=("last.ckpt", "fit.json", "model.safetensors"),
    leftovers=(
        "best.ckpt", "clips.csv", "seconds.json", "metrics.json", "predictions.csv",
        "report.html", "logs", "refit",
    ),
)  # fmt: skip


def _refuse_unused(model: ModelConfig, backbone: str) -> None:
    """A video network joins the frames itself: what says how is not for it."""
    if backbone not in VIDEO_BACKBONES:
        return
    for field in fields(model):
        if getattr(model, field.name) != field.default:
            flag = f"--{field.name}"
            raise TransNetError(
                f"{flag} is {getattr(model, field.name)!r}, but {backbone} is a video network, "
                f"which sees a clip as a whole; leave {flag} out."
            )


def _describe(split: Split) -> str:
    return (
        f"split {split.name}: {len(split.train)} clips to train, {len(split.validation)} to "
        f"decide when to stop, {len(split.test)} to test; {split.siblings_in_train:.1%} of the "
        "test clips have a sibling (same group) in training"
    )


def _closing(
    run: Path, summary: FitSummary, num_clips: int, seconds: dict[str, float], *, frozen: bool
) -> str:
    top1 = summary.validation_score
    quality = "" if top1 is None else f", validation top-1 {top1:.1%}"
    stage = "features" if frozen else "clips"
    waited = (
        "" if frozen else f"; waited for data {seconds['waited'] / seconds['fit']:.0%} of the time"
    )
    return (
        f"trained on {num_clips} clips in {seconds['total']:.0f} s "
        f"({stage} {seconds[stage]:.0f} s, training {seconds['fit']:.0f} s{waited}): "
        f"{summary.epochs} epochs, best {summary.best_epoch + 1}{quality}\n"
        f"saved to {run}\n"
        f"next: transnet evaluate {run}"
    )
