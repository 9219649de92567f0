"""One training: from the clips of a split to a finished run folder."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from transnet.checkpoints import run as checkpoint
from transnet.checkpoints.backbone_weights import BackboneWeights, find_weights
from transnet.checkpoints.clip_list import require_same_clips, save_clips
from transnet.checkpoints.novelty import save_novelty
from transnet.checkpoints.run import RunInfo
from transnet.config import ClipConfig, Device, ModelConfig, Places, TrainingConfig
from transnet.data.cache.features import FeatureCache
from transnet.data.manifest import ClipRecord, Manifest
from transnet.data.shots import with_shots
from transnet.data.splits import Split, make_split
from transnet.errors import TransNetError
from transnet.inference.finders import finder_of_crops
from transnet.inference.people_clips import follow_clips
from transnet.model.cue_weights import WEIGHTS
from transnet.model.networks import Network
from transnet.model.video_network import VIDEO_BACKBONES
from transnet.runtimes.device import find_device
from transnet.training.clip_advice import clip_advice
from transnet.training.clip_data import ClipData, FeatureData, open_clip_data
from transnet.training.fit import FitSummary, fit
from transnet.training.processes import Processes, find_processes
from transnet.training.recognizer_module import RecognizerModule
from transnet.training.run_folder import RunFolder
from transnet.training.samplers import Share
from transnet.training.summary import closing_lines, describe_split, stage_times
from transnet.training.trainer import FitOptions
from transnet.utils.file_lock import only_writer
from transnet.utils.files import written_whole
from transnet.utils.paths import cache_folder
from transnet.utils.progress import say, warn

MIN_REFIT_EPOCHS = 10
MAX_GRADIENT = 1.0
"""Norm to which gradients are clipped while the backbone is trained."""

_Parts = tuple[Sequence[ClipRecord], Sequence[ClipRecord]]

_FOLDER = RunFolder(
    record="transnet.json",
    save=checkpoint.save_run_info,
    load=checkpoint.load_run_info,
    results=("last.ckpt", "fit.json", "model.safetensors"),
    leftovers=(
        "best.ckpt",
        "clips.csv",
        "seconds.json",
        "metrics.json",
        "novelty.safetensors",
        "predictions.csv",
        "report.html",
        "confusion.csv",
        "confusion.png",
        "logs",
        "refit",
    ),
)


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """The inputs of one training.

    Attributes:
        manifest: the dataset.
        data: the dataset, as the run's record names it.
        split: name of the split, or the split itself.
        run: the output folder.
        backbone: image or video network; ``None`` is the one of the weights.
        weights: ``imagenet``, ``none``, or a file or folder.
        clip: frames, size and sampling of a clip.
        model: size and form of the network.
        training: epochs, learning rates, seed.
        cache: folder of the feature or clip cache; ``None`` is the user's cache.
        finder: what finds people if clips are cropped to them: a segmenter or a detector, as
            :func:`~transnet.inference.finders.find_people` takes them.
        device: device of the training.
        resume: continue the training in ``run``.
        overwrite: replace the training in ``run``.
        options: devices, callbacks, loggers.
    """

    manifest: Manifest
    data: str
    split: str | Split
    run: Path
    backbone: str | None
    weights: str
    clip: ClipConfig
    model: ModelConfig
    training: TrainingConfig
    cache: str | None
    finder: tuple[str | None, str | None] = (None, None)
    device: Device = "auto"
    resume: bool = False
    overwrite: bool = False
    options: FitOptions = FitOptions()


def train_run(settings: RunSettings) -> Path:
    """Train on one split, and return the run folder.

    Raises:
        TransNetError: something is missing, broken or contradictory; the message says what.
    """
    options = settings.options
    processes = find_processes(options.devices, options.nodes)
    if settings.training.freeze and processes.share.total > 1:
        raise TransNetError(
            f"devices is {options.devices}, nodes {options.nodes}; accepted with a frozen "
            "backbone, whose training takes seconds: 1. Use --freeze false, or transnet features "
            "--shard to share the extraction of features."
        )
    run = settings.run.expanduser()
    with processes.connected(), only_writer(run) if processes.is_first else nullcontext():
        return _train_run(settings, processes)


def _train_run(settings: RunSettings, processes: Processes) -> Path:
    started = time.perf_counter()
    run, training = settings.run, settings.training
    device = find_device(settings.device)
    parts = _split(settings)
    for line in (settings.manifest.summary(), *settings.manifest.notes, describe_split(parts)):
        say(line)
    weights = find_weights(settings.weights, settings.backbone)
    _refuse_unused(settings.model, weights.backbone.name)
    parts, people = _with_people(settings, parts, processes, device)
    info, network = _build(settings, weights, parts)
    info = replace(info, people=people)
    # Last: --overwrite removes the earlier run, which a mistake in the settings must not cost.
    if processes.is_first:
        _FOLDER.prepare(run, info, resume=settings.resume, overwrite=settings.overwrite)
    processes.wait()
    if settings.resume and (run / "model.safetensors").exists():
        require_same_clips(run, parts)
        say(f"{run} holds a finished training of the same clips and settings: nothing to do")
        return run
    if training.freeze:
        network.backbone.freeze()
        if weights.backbone.weights == "random":
            warn("the backbone is frozen with random weights: expect a low accuracy (--weights)")
    with open_clip_data(info, parts, network, settings.cache, device) as data:
        processes.first_of_machine_first(data.prepare)
        if info.has_motion:
            _weigh_by_places(network, data, training.places)
        fit_started = time.perf_counter()
        if processes.is_first:
            save_clips(run, parts, data.digests)
        options = replace(settings.options, device=device)
        summary = _train(network, info, data, run, options, processes.share)
        if isinstance(data, FeatureData) and (novelty := data.novelty()):
            save_novelty(run, novelty)
    ended = time.perf_counter()
    times = stage_times(data, summary, fit_s=ended - fit_started, total_s=ended - started)
    if processes.is_first:
        with written_whole(run / "seconds.json") as path:
            path.write_text(json.dumps(times, indent=2), encoding="utf-8")
        checkpoint.save_model(run, network)  # last: a run with this file is finished
        if not training.shots:  # else the user measures it
            say(clip_advice(parts.train))
        say(closing_lines(run, summary, data, times, network.scoring.title))
    processes.wait()
    return run


def _split(settings: RunSettings) -> Split:
    training, split = settings.training, settings.split
    if isinstance(split, str):
        split = make_split(
            settings.manifest, split, validation=training.validation, seed=training.seed
        )
    return with_shots(split, training.shots, seed=training.seed) if training.shots else split


def _with_people(
    settings: RunSettings, parts: Split, processes: Processes, device: torch.device
) -> tuple[Split, str]:
    """The clips with the people whom they are cropped to, if they are; and what found these."""
    segmenter, detector = settings.finder
    crop = settings.clip.crop
    find = finder_of_crops(crop, segmenter=segmenter, detector=detector, device=device)
    if find is None:
        return parts, ""
    found: dict[str, Any] = {}

    def follow() -> None:
        with FeatureCache(settings.cache or cache_folder() / "features") as cache:
            for name in ("train", "validation"):
                found[name] = follow_clips(getattr(parts, name), find, cache, settings.clip)

    processes.first_of_machine_first(follow)
    return replace(parts, **found), find.name


def _build(
    settings: RunSettings, weights: BackboneWeights, parts: Split
) -> tuple[RunInfo, Network]:
    """The record and the network, with pretrained weights in the backbone."""
    classes = tuple(sorted({label for record in parts.train for label in record.labels}))
    configs = (settings.clip, settings.model, settings.training)
    several = settings.manifest.several_labels
    info = RunInfo.describe(
        classes, configs, weights.backbone, settings.data, parts, several_labels=several
    )
    torch.manual_seed(settings.training.seed)
    network = info.build_model()
    network.to(memory_format=network.memory_format)
    weights.load_into(network.backbone)
    return info, network


def _weigh_by_places(network: Network, data: ClipData, places: Places) -> None:
    """Let flow, which sees least of the place, count more where the place tells the action."""
    scoring = network.scoring
    if places == "own":
        scoring.expect_places(1.0)
    elif places == "auto" and isinstance(data, FeatureData):
        scoring.expect_places(data.own_places())
        if scoring.own_places:
            times = scoring.prior.weights["flow"] / WEIGHTS["flow"]
            say(
                "places: clips of one action look more alike than clips of two actions, as if each "
                f"had a place of its own, so flow counts {times:.1f} times as much as usual; "
                "--places shared if the place belongs to the action (transnet audit --place "
                "measures what it tells)"
            )


def _train(
    network: Network,
    info: RunInfo,
    data: ClipData,
    run: Path,
    options: FitOptions,
    share: Share,
) -> FitSummary:
    """Train; then, if ``data.refits``, once more on the validation clips too.

    The second training starts from the same weights and runs as many epochs as the first one kept,
    so it needs no validation clips. The test clips take part in neither.
    """
    config, train, validation = info.training, data.train, data.validation
    refit = data.refits and bool(validation)
    start = copy.deepcopy(network.state_dict()) if refit else {}
    parts: _Parts = (train, validation)
    loaders = data.loaders(*parts, share)
    enough = math.ceil(config.min_steps / len(loaders[0]))
    config = replace(config, epochs=max(config.epochs, enough))
    summary = _fit(network, info, config, loaders, parts, run, options)
    if refit:
        network.load_state_dict(start)
        epochs = min(config.epochs, max(MIN_REFIT_EPOCHS, summary.best_epoch + 1))
        parts = ((*train, *validation), ())
        refit_config = replace(config, epochs=epochs)
        # What the user passed has seen the end of a training.
        passed = isinstance(options.logger, str) and options.logger not in ("mlflow", "wandb")
        options = replace(options, extra_callbacks=(), logger=options.logger if passed else "csv")
        loaders = data.loaders(*parts)
        again = _fit(network, info, refit_config, loaders, parts, run / "refit", options)
        summary = replace(
            summary,
            train_s=summary.train_s + again.train_s,
            waited_s=summary.waited_s + again.waited_s,
            earlier_s=summary.earlier_s + again.earlier_s,
        )
    return summary


def _fit(
    network: Network,
    info: RunInfo,
    config: TrainingConfig,
    loaders: tuple[DataLoader[Any], DataLoader[Any] | None],
    parts: _Parts,
    folder: Path,
    options: FitOptions,
) -> FitSummary:
    num_steps = config.epochs * len(loaders[0])
    mean, std = info.backbone.mean, info.backbone.std
    weights = network.scoring.class_weights(info.targets(parts[0])) if config.balance else None
    module = RecognizerModule(network, config, len(info.outputs), num_steps, mean, std, weights)
    module.train()  # Lightning keeps the modes that it finds; a frozen backbone ignores this
    options = replace(
        options,
        mixed_precision=not config.freeze,
        max_gradient=None if config.freeze else MAX_GRADIENT,
        keep_best=config.keep == "best",
        score=f"validation_{network.scoring.measure}",
    )
    return fit(module, *loaders, config, folder, options)


_UNUSED = {"cues": "appearance"}
"""Settings that mean the same as the default for a network without a temporal part."""


def _refuse_unused(model: ModelConfig, backbone: str) -> None:
    """Refuse settings of the temporal part for a video network, which has none."""
    if backbone not in VIDEO_BACKBONES:
        return
    for field in fields(model):
        if getattr(model, field.name) not in (field.default, _UNUSED.get(field.name)):
            flag = f"--{field.name}"
            raise TransNetError(
                f"{flag} is {getattr(model, field.name)!r}, but {backbone} is a video network, "
                f"which sees a clip as a whole; leave {flag} out."
            )
