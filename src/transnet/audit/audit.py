"""``transnet audit``: whether a split leaks, and what a clip's place tells of its action."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transnet.commands.output import print_json
from transnet.config import ClipConfig, ModelConfig, TrainingConfig
from transnet.errors import TransNetError
from transnet.utils.progress import say

if TYPE_CHECKING:
    from transnet.audit.duplicates import NearDuplicates
    from transnet.audit.leak_effect import LeakEffect
    from transnet.audit.place import PlaceShare
    from transnet.data.manifest import Manifest
    from transnet.data.splits import Split


def audit(
    data: str,
    *,
    split: str | None = None,
    out: str | None = None,
    lists_only: bool = False,
    train: bool = False,
    place: bool = False,
    seeds: int = 1,
    json: bool = False,
    backbone: str | None = None,
    weights: str = "imagenet",
    clip: ClipConfig = ClipConfig(),
    model: ModelConfig = ModelConfig(),
    training: TrainingConfig = TrainingConfig(),
    cache: str | None = None,
) -> int:
    """Measure how much a split leaks, and how much the place tells of the action.

    Counts the groups on both sides of the split from the lists, and finds near-duplicates by the
    features of an image network. With --train, trains and tests the same recognizer under the
    split and under the paper's random one. With --place, trains recognizers that see one frame of
    each clip, its motion alone, and both.

    Args:
        data: a folder of class folders, a CSV file, kth:DIR, ucf101:DIR or hmdb51:DIR
        split: the split to audit, as for transnet train; several, separated by commas
        out: folder for report.html, and for the runs of --train; by default runs/audit/NAME, by
            the name of the dataset
        lists_only: count groups only, without opening a video; of a published dataset, count all
            clips in its lists, whether their files exist or not
        train: measure the effect of the leak on the accuracy, by training
        place: measure what one frame of each clip, and its motion alone, score, by training
        seeds: number of seeds of a random split, and of trainings of each split with --train or
            --place
        json: print one JSON object per split
        backbone: image network, any timm model
        weights: imagenet, none (random), a .safetensors file or a folder with one
        clip: frames, size and sampling of a clip
        model: size and form of the network
        training: epochs, learning rates, augmentation
        cache: folder for frame features; by default in the user's cache

    Returns:
        0.

    Raises:
        TransNetError: there is no such dataset or split, videos are missing, or the folder holds
            the report of another dataset.
    """
    from transnet.audit.findings import Findings
    from transnet.audit.leakage import leakage
    from transnet.data.datasets.catalog import open_dataset, resolve_dataset
    from transnet.data.splits import split_names
    from transnet.reports.report_folder import report_folder

    if seeds < 1:
        raise TransNetError(f"seeds is {seeds}; accepted: 1 or more.")
    if lists_only and (train or place):
        raise TransNetError("--lists-only opens no video: leave --train and --place out.")
    manifest = open_dataset(data, lists_only=lists_only)
    names = split_names(manifest, split)
    for line in (manifest.summary(), *manifest.notes):
        say(line)
    draws = [_draws(manifest, name, training, seeds) for name in names]
    dataset = resolve_dataset(data)
    folder = report_folder(out, "runs/audit", dataset, manifest.name)
    network: dict[str, Any] = {
        "backbone": backbone,
        "weights": weights,
        "clip": clip,
        "cache": cache,
    }
    alike: dict[str, NearDuplicates] = {}
    if not lists_only:
        alike = _near_duplicates([draw[0] for draw in draws], training.workers, network)
    settings = {**network, "model": model, "training": training, "seeds": seeds}
    effects = _leak_effects(data, manifest, names, folder / "runs", settings) if train else {}
    shares = _place_shares(data, names, folder / "place", settings) if place else []
    findings = Findings(manifest, list(map(leakage, draws)), alike, effects, shares)
    try:
        findings.write_page(folder / "report.html", dataset, clip, seeds)
    except OSError as error:
        raise TransNetError(
            f"--out is {str(folder)!r}, which cannot be written ({error})."
        ) from error
    if json:
        for row in findings.rows():
            print_json(row)
    for sentence in findings.sentences():
        say(sentence)
    say(f"saved to {folder / 'report.html'}")
    return 0


def _draws(manifest: Manifest, name: str, training: TrainingConfig, seeds: int) -> list[Split]:
    """A random split drawn with each seed; any other split once."""
    from transnet.data.splits import RANDOM_SPLITS, make_split

    return [
        make_split(manifest, name, validation=training.validation, seed=training.seed + draw)
        for draw in range(seeds if name in RANDOM_SPLITS else 1)
    ]


def _near_duplicates(
    splits: Sequence[Split], workers: int, network: dict[str, Any]
) -> dict[str, NearDuplicates]:
    """The near-duplicates of each split, by its name."""
    from transnet.audit.clip_features import clip_features
    from transnet.audit.duplicates import near_duplicates

    records = {
        record for split in splits for record in (*split.train, *split.validation, *split.test)
    }
    features = clip_features(records, workers=workers, **network)
    return {
        split.name: near_duplicates((*split.train, *split.validation), split.test, features)
        for split in splits
    }


def _place_shares(
    data: str, names: Sequence[str], runs: Path, settings: dict[str, Any]
) -> list[PlaceShare]:
    from transnet.audit.place import place_shares

    return place_shares(data, names, runs, settings)


def _leak_effects(
    data: str, manifest: Manifest, names: Sequence[str], runs: Path, settings: dict[str, Any]
) -> dict[str, LeakEffect]:
    """Train under every clean split and under the leaking one, and compare."""
    from transnet.audit.leak_effect import LEAKING, leak_effect
    from transnet.data.splits import split_names
    from transnet.experiments.train import train

    clean = [name for name in names if name != LEAKING] or split_names(manifest, None)
    splits = ",".join([*clean, LEAKING])
    train(data, out=str(runs), split=splits, recipe=f"audit of {manifest.name}", **settings)
    first = settings["training"].seed
    seeds = range(first, first + settings["seeds"])
    return {name: leak_effect(runs, name, seeds, settings["cache"]) for name in clean}
