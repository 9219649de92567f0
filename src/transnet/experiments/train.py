"""``transnet train``: one training, or a grid of splits and seeds."""

from __future__ import annotations

from pathlib import Path

from transnet.config import ClipConfig, Device, ModelConfig, TrainingConfig
from transnet.errors import TransNetError


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
    device: Device = "auto",
    resume: bool = False,
    overwrite: bool = False,
) -> Path:
    """Train a recognizer on the classes of a dataset.

    Args:
        data: a folder of class folders, a CSV file (path, label, group, start, end, split),
            kth:DIR, ucf101:DIR or hmdb51:DIR
        out: folder for the run: the model, the logs, the list of clips
        backbone: image network, any model of timm; by default the one of the weights file, else
            mobilenetv1_100
        weights: initial weights of the backbone: imagenet, none (random), a .safetensors file or a
            folder with one
        split: official, official:K, column, group, leave-out:GROUP or paper (random 80 / 20 by
            clip); by default the dataset's own, else by group. Several, separated by commas,
            or official:all or leave-out:all: a grid of runs, each trained and evaluated
        clip: frames, size and sampling of a clip
        model: size and form of the network
        training: epochs, learning rates, augmentation
        exclude: CSV file of clips to leave out, as written by transnet check
        seeds: number of seeds, from --seed on; several: a grid of runs, each trained and evaluated
        recipe: name of these settings in the table of results
        results: CSV file to append the metrics of each run to, which is then evaluated; by default
            results.csv in --out for a grid of runs
        cache: folder for the features of a frozen backbone, or the frames for one that is trained;
            by default in the user's cache
        features_from: folder or address of the parts of transnet features, which are copied into
            the feature cache first
        device: auto (a GPU if there is one), cpu, cuda or mps
        resume: continue an interrupted training, with the same result as an uninterrupted one
        overwrite: replace the run in --out

    Returns:
        The run folder, or the folder of the grid.

    Raises:
        TransNetError: something is missing, broken or contradictory; the message says what.

    Example:
        >>> run = transnet.train("my_clips", out="runs/mine")  # doctest: +SKIP
        >>> transnet.load(run).predict("clip.mp4").label  # doctest: +SKIP
        'squat'
    """
    from transnet.data.datasets.catalog import open_dataset, resolve_dataset
    from transnet.data.datasets.csv import without_listed
    from transnet.data.splits import split_names
    from transnet.experiments.run_grid import RunGrid, train_grid
    from transnet.training.train_run import RunSettings, train_run

    run = Path(out).expanduser()
    manifest = open_dataset(data)
    if exclude is not None:
        manifest = without_listed(manifest, Path(exclude).expanduser())
    splits = split_names(manifest, split)
    if seeds < 1:
        raise TransNetError(f"--seeds is {seeds}; accepted: 1 or more.")
    if features_from is not None:
        _import_features(features_from, training, cache)
    settings = RunSettings(
        manifest=manifest,
        data=resolve_dataset(data),
        split=splits[0],
        run=run,
        backbone=backbone,
        weights=weights,
        clip=clip,
        model=model,
        training=training,
        cache=cache,
        device=device,
        resume=resume,
        overwrite=overwrite,
    )
    if len(splits) == 1 and seeds == 1 and not results:
        return train_run(settings)
    return train_grid(
        RunGrid(
            settings=settings,
            splits=splits,
            seeds=range(training.seed, training.seed + seeds),
            recipe=recipe or manifest.name,
            results=Path(results).expanduser() if results else run / "results.csv",
        )
    )


def _import_features(address: str, training: TrainingConfig, cache: str | None) -> None:
    from transnet.archive.feature_parts import import_features
    from transnet.data.cache.features import FeatureCache
    from transnet.utils.paths import cache_folder

    if not training.freeze:
        raise TransNetError(
            f"features_from is {address!r}, which needs a frozen backbone; omit it, or --freeze "
            "false."
        )
    with FeatureCache(cache or cache_folder() / "features") as store:
        import_features(address, store)
