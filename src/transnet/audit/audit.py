"""``transnet audit``: whether a split leaks, how one can see it, and what the leak is worth."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from transnet.audit.duplicates import NearDuplicates, Pair, near_duplicates
from transnet.audit.leakage import Leakage, leakage, tested_in_training
from transnet.audit.worth import LeakWorth, tested_clips
from transnet.checkpoints.backbone_weights import find_weights
from transnet.checkpoints.run import load_run_info
from transnet.config import ClipConfig, ModelConfig, TrainingConfig
from transnet.data.cache.features import FeatureCache
from transnet.data.clips import read_clip
from transnet.data.datasets.catalog import open_dataset
from transnet.data.manifest import ClipRecord, Manifest
from transnet.data.splits import RANDOM_SPLITS, Split, make_split, split_names
from transnet.errors import TransNetError, VideoError
from transnet.evaluation.evaluate import evaluate
from transnet.experiments.repeat import run_folder
from transnet.experiments.train import train as train_runs
from transnet.inference.features import FeatureExtractor
from transnet.model.transnet import TransNet
from transnet.model.video_network import VIDEO_BACKBONES
from transnet.reports.page import render
from transnet.utils.paths import cache_folder
from transnet.utils.progress import say

PAIRS_PICTURED = 12
FRAMES_PICTURED = 4
LEAKING = "paper"


def audit(
    data: str,
    *,
    split: str | None = None,
    out: str = "runs/audit",
    lists_only: bool = False,
    train: bool = False,
    seeds: int = 1,
    json: bool = False,
    backbone: str | None = None,
    weights: str = "imagenet",
    clip: ClipConfig = ClipConfig(),
    model: ModelConfig = ModelConfig(),
    training: TrainingConfig = TrainingConfig(),
    cache: str | None = None,
) -> int:
    """Say how far a split can be trusted.

    Groups on both sides are counted from the lists. Near-duplicates are found by the features of
    an image network. With --train the same recognizer is trained and tested under the split and
    under the paper's random one.

    Args:
        data: a folder of class folders, a CSV file, kth:DIR, ucf101:DIR or hmdb51:DIR
        split: the split to look at, as for transnet train; several, separated by commas
        out: folder for report.html, and for the runs of --train
        lists_only: count groups only and open no video; of a published dataset, count all clips
            of its lists, whether they are there or not
        train: find out what the leak is worth, by training
        seeds: draws of a random split, and trainings of each split with --train
        json: print one JSON object a line for each split
        backbone: image network, any model name of timm
        weights: imagenet, none (random), a .safetensors file or a folder with one
        clip: how a video becomes a clip
        model: size and form of the network
        training: how it learns
        cache: folder for frame features; by default in the user's cache

    Returns:
        0.

    Raises:
        TransNetError: there is no such dataset or split, or its videos are needed and missing.
    """
    if seeds < 1:
        raise TransNetError(f"--seeds is {seeds}; accepted: 1 or more.")
    if lists_only and train:
        raise TransNetError("--lists-only opens no video, so it does not go with --train.")
    manifest = open_dataset(data, lists_only=lists_only)
    names = split_names(manifest, split)
    for line in (manifest.summary(), *manifest.notes):
        say(line)
    draws = {name: _draws(manifest, name, training, seeds) for name in names}
    leaks = {name: leakage(draws[name]) for name in names}
    folder = Path(out).expanduser()
    alike: dict[str, NearDuplicates] = {}
    if not lists_only:
        needed = {record for name in names for record in _members(draws[name][0])}
        features = _features(needed, backbone, weights, clip, training.workers, cache)
        for name in names:
            first = draws[name][0]
            pool = (*first.train, *first.validation)
            alike[name] = near_duplicates(pool, first.test, features)
    worth: dict[str, LeakWorth] = {}
    if train:
        clean = [name for name in names if name != LEAKING] or split_names(manifest, None)
        train_runs(
            data, out=str(folder / "runs"), backbone=backbone, weights=weights,
            split=",".join([*clean, LEAKING]), clip=clip, model=model, training=training,
            seeds=seeds, recipe=f"audit of {manifest.name}", cache=cache,
        )  # fmt: skip
        worth = {name: _worth(folder / "runs", name, training.seed, seeds, cache) for name in clean}
    overlap = tested_in_training(manifest, [n for n in manifest.splits if n != "column"])
    rows = [
        # Asked about the random split alone, its worth is measured against the dataset's own.
        _row(name, leaks[name], alike.get(name), worth.get(name) or _only(worth, name))
        for name in names
    ]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page = render(
            "audit.html.j2", name=manifest.name, notes=manifest.notes, leaks=list(leaks.values()),
            seeds=seeds, lists_only=lists_only, overlap=overlap if len(overlap) > 1 else {},
            alike=[(name, found, _pictured(found, clip)) for name, found in alike.items()],
            worth=list(worth.values()),
        )  # fmt: skip
        (folder / "report.html").write_text(page, encoding="utf-8")
    except OSError as error:
        raise TransNetError(f"--out is {out!r}, which cannot be written ({error}).") from error
    if json:
        for row in rows:
            print(jsonlib.dumps(row))
    for name in names:
        say(_sentence(leaks[name], alike.get(name)))
    for found in worth.values():
        say(_worth_sentence(found))
    say(f"saved to {folder / 'report.html'}")
    return 0


def _draws(manifest: Manifest, name: str, training: TrainingConfig, seeds: int) -> list[Split]:
    """A random split, drawn with each seed; any other one, once."""
    if name not in RANDOM_SPLITS:
        seeds = 1
    return [
        make_split(manifest, name, validation=training.validation, seed=training.seed + draw)
        for draw in range(seeds)
    ]


def _members(split: Split) -> tuple[ClipRecord, ...]:
    return (*split.train, *split.validation, *split.test)


def _features(
    records: Iterable[ClipRecord],
    backbone: str | None,
    weights: str,
    clip: ClipConfig,
    workers: int,
    cache: str | None,
) -> dict[ClipRecord, NDArray[np.floating]]:
    """The pooled features of every clip that can be read, ``(n, channels)`` each."""
    if backbone in VIDEO_BACKBONES:
        raise TransNetError(
            f"--backbone is {backbone!r}, which sees a clip as a whole; audit compares frames, so "
            "it needs an image network, or --lists-only."
        )
    found = find_weights(weights, backbone)
    network = TransNet(
        found.backbone.name, 2, num_frames=clip.frames, size=clip.size, readout="pool",
        backbone_args=found.backbone.args,
    )  # fmt: skip
    found.load_into(network.backbone)
    network.backbone.freeze()
    with FeatureCache(cache or cache_folder() / "features") as store:
        extractor = FeatureExtractor(
            network, clip, found.backbone.mean, found.backbone.std, store, workers=workers,
            device="cuda" if torch.cuda.is_available() else "cpu",
        )  # fmt: skip
        done = extractor.extract(sorted(records), title="features")
        if done.broken:
            say(f"{len(done.broken)} clips cannot be read and are left out (see transnet check)")
        return {record: extractor.features(keys[0]) for record, keys in done.keys.items()}


def _worth(runs: Path, clean: str, first_seed: int, seeds: int, cache: str | None) -> LeakWorth:
    numbers = range(first_seed, first_seed + seeds)
    parts = {}
    for name in (clean, LEAKING):
        folders = [run_folder(runs, name, seed) for seed in numbers]
        for folder in folders:
            _evaluate_as_trained(folder, cache)
        parts[name] = tested_clips(name, folders)
    return LeakWorth(parts[clean], parts[LEAKING])


def _evaluate_as_trained(run: Path, cache: str | None) -> None:
    """Evaluate a run again if somebody tested it otherwise since."""
    info = load_run_info(run)
    metrics = jsonlib.loads((run / "metrics.json").read_text(encoding="utf-8"))
    usual = (info.data, info.split, {"temporal": 1, "spatial": "center"})
    if (metrics["data"], metrics["protocol"]["split"], metrics["views"]) != usual:
        evaluate(run, cache=cache)


def _row(
    name: str, leak: Leakage, alike: NearDuplicates | None, worth: LeakWorth | None
) -> dict[str, Any]:
    row: dict[str, Any] = asdict(leak)
    if alike is not None:
        row["near_duplicates"] = {
            "limit": alike.limit,
            "num_compared": alike.num_test,
            "num_alike": len(alike.alike),
            "pairs": [
                {"test": str(p.test.path), "train": str(p.train.path), "similarity": p.similarity}
                for p in alike.distinct(PAIRS_PICTURED)
            ],
        }
    if worth is not None:
        row["worth"] = worth.to_dict()
    return row


def _only(worth: dict[str, LeakWorth], name: str) -> LeakWorth | None:
    return next(iter(worth.values())) if name == LEAKING and len(worth) == 1 else None


def _sentence(leak: Leakage, alike: NearDuplicates | None) -> str:
    spread = f" (+- {100 * leak.deviation:.1f} over {leak.seeds} seeds)" if leak.seeds > 1 else ""
    text = (
        f"split {leak.split}: {leak.num_train} clips to train, {leak.num_test} to test; "
        f"{100 * leak.siblings_in_train:.1f} %{spread} of the test clips have a sibling (a clip of "
        f"the same class and group) in training; {len(leak.groups_on_both_sides)} of "
        f"{leak.num_groups} test groups are on both sides"
    )
    if alike is not None and alike.limit is not None:
        text += (
            f"; {len(alike.alike)} test clips look like a training clip of another group "
            "(see the report)"
        )
    return text


def _worth_sentence(worth: LeakWorth) -> str:
    interval = worth.interval
    limits = (
        f" (95 % interval {100 * interval[0]:+.1f} to {100 * interval[1]:+.1f})" if interval else ""
    )
    return (
        f"top-1 under {worth.leaking.split}: {worth.leaking.top1:.1%}, under {worth.clean.split}: "
        f"{worth.clean.top1:.1%}. The leak is worth {100 * worth.difference:+.1f} points{limits}, "
        "if the splits train on as many clips"
    )


def _pictured(
    found: NearDuplicates, clip: ClipConfig
) -> list[tuple[Pair, list[list[NDArray[np.uint8]]]]]:
    small = replace(clip, frames=FRAMES_PICTURED, size=112)
    return [
        (pair, [_frames(record, small) for record in (pair.test, pair.train)])
        for pair in found.distinct(PAIRS_PICTURED)
    ]


def _frames(record: ClipRecord, clip: ClipConfig) -> list[NDArray[np.uint8]]:
    try:
        return list(read_clip(record.path, clip, start=record.start, end=record.end).frames)
    except VideoError:
        return []
