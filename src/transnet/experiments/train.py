"""``transnet train``: from a dataset to a run folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from transnet.archive.features import import_features
from transnet.config import ClipConfig, ModelConfig, TrainingConfig
from transnet.data.cache.features import FeatureCache
from transnet.data.datasets.catalog import open_dataset, resolve_dataset
from transnet.data.datasets.csv import without_listed
from transnet.data.splits import split_names
from transnet.errors import TransNetError
from transnet.experiments.repeat import Repetition, repeat
from transnet.training.train_run import train_run
from transnet.utils.paths import cache_folder


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
    exclude: str | None = None,
    seeds: int = 1,
    recipe: str = "",
    results: str | None = None,
    cache: str | None = None,
    features_from: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Path:
    """Teach a recognizer the actions of a dataset.

    Args:
        data: a folder of class folders, a CSV file (path, label, group, start, end, split),
            kth:DIR, ucf101:DIR or hmdb51:DIR
        out: folder for the run: the model, the logs, the list of clips
        backbone: image network, any model name of timm; by default what the weights file says,
            else mobilenetv1_100
        weights: imagenet, none (random), a .safetensors file or a folder with one
        split: official, official:K, column, group, leave-out:GROUP or paper (random 80 / 20 by
            clip); by default the dataset's own, else by group. Several, separated by commas,
            or official:all or leave-out:all: each is trained and evaluated
        clip: how a video becomes a clip
        model: size and form of the network
        training: how it learns
        exclude: a CSV file of clips to leave out, as transnet check writes it
        seeds: trainings of each split, with seeds from --seed on; several are evaluated, too
        recipe: what to call these settings in the table of results
        results: CSV file to which the results of each training are added, so it is evaluated; by
            default results.csv in --out, if there are several
        cache: folder for what is computed once, the features of a frozen backbone or the clips for
            one that learns; by default in the user's cache
        features_from: folder or address with the parts of transnet features, which are copied into
            the feature cache first
        resume: continue a training that was interrupted, to the same result
        overwrite: replace a run that is already there

    Returns:
        The run folder, or the folder of several runs.

    Raises:
        TransNetError: something is missing, broken or contradictory; the message says what.
    """
    run = Path(out).expanduser()
    manifest = open_dataset(data)
    if exclude is not None:
        manifest = without_listed(manifest, Path(exclude).expanduser())
    names = split_names(manifest, split)
    if seeds < 1:
        raise TransNetError(f"--seeds is {seeds}; accepted: 1 or more.")
    if features_from is not None:
        if not training.freeze:
            raise TransNetError(
                "--features-from is for a frozen backbone; leave out it or --freeze false."
            )
        with FeatureCache(cache or cache_folder() / "features") as store:
            import_features(features_from, store)
    if len(names) > 1 or seeds > 1 or results:
        return repeat(
            Repetition(
                folder=run,
                recipe=recipe or manifest.name,
                data=manifest.name,
                splits=names,
                seeds=range(training.seed, training.seed + seeds),
                results=Path(results).expanduser() if results else run / "results.csv",
                cache=cache,
            ),
            lambda *, run, split, seed: train_run(
                manifest, resolve_dataset(data), split, run, backbone, weights,
                (clip, model, replace(training, seed=seed)), cache,
                resume=not overwrite and (run / "transnet.json").exists(), overwrite=overwrite,
            ),
            again=overwrite,
        )  # fmt: skip
    return train_run(
        manifest, resolve_dataset(data), names[0], run, backbone, weights,
        (clip, model, training), cache, resume=resume, overwrite=overwrite,
    )  # fmt: skip
