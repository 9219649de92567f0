"""``transnet train``: one training, or a grid of splits and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from transnet.config import (
    ClipConfig,
    Device,
    LoggerName,
    ModelConfig,
    Strategy,
    TrainingConfig,
)
from transnet.errors import TransNetError

CURVE_SEEDS = 3

if TYPE_CHECKING:
    from pytorch_lightning.callbacks import Callback
    from pytorch_lightning.loggers import Logger

    from transnet.data.manifest import Manifest
    from transnet.data.splits import Split


def train(
    data: str | Path | Manifest,
    *,
    out: str | Path,
    backbone: str | None = None,
    weights: str | Path = "imagenet",
    split: str | Split | None = None,
    clip: ClipConfig = ClipConfig(),
    model: ModelConfig = ModelConfig(),
    training: TrainingConfig = TrainingConfig(),
    exclude: str | None = None,
    seeds: int = 1,
    shots_curve: bool = False,
    recipe: str = "",
    results: str | None = None,
    cache: str | None = None,
    features_from: str | None = None,
    segmenter: str | None = None,
    detector: str | None = None,
    device: Device = "auto",
    devices: int = 1,
    nodes: int = 1,
    strategy: Strategy = "auto",
    logger: LoggerName | Sequence[Logger] = "auto",
    callbacks: Sequence[Callback] = (),
    resume: bool = False,
    overwrite: bool = False,
) -> Path:
    """Train a recognizer on the classes of a dataset.

    Args:
        data: a folder of class folders, a CSV file (path, label, group, start, end, split),
            kth:DIR, ucf101:DIR or hmdb51:DIR; in Python also a Manifest
        out: folder for the run: the model, the logs, the list of clips
        backbone: image network, any model of timm, also hf-hub:USER/NAME; by default the one of
            the weights file, else mobilenetv1_100
        weights: initial weights of the backbone: imagenet, none (random), a .safetensors file or a
            folder with one; with --backbone also a .pth file of timm, torchvision or torch.save
        split: official, official:K, column, group, leave-out:GROUP or paper (random 80 / 20 by
            clip); by default the dataset's own, else by group. Several, separated by commas,
            or official:all or leave-out:all: a grid of runs, each trained and evaluated. In
            Python also a Split
        clip: frames, size and sampling of a clip
        model: size and form of the network
        training: epochs, learning rates, augmentation
        exclude: CSV file of clips to leave out, as written by transnet check
        seeds: number of seeds, from --seed on; several: a grid of runs, each trained and evaluated
        shots_curve: train and evaluate with 1, 2, 4, 8 and 16 training clips per class, and draw
            how top-1 grows; with 3 seeds if --seeds is 1
        recipe: name of these settings in the table of results
        results: CSV file to append the metrics of each run to, which is then evaluated; by default
            results.csv in --out for a grid of runs
        cache: folder for the features of a frozen backbone, or the frames for one that is trained;
            by default in the user's cache
        features_from: folder or address of the parts of transnet features, which are copied into
            the feature cache first
        segmenter: with --crop people: run folder of transnet pretrain, whose masks show where
            people are
        detector: with --crop people: weights of a detector of torchvision, a file, or its name;
            by default one in torchvision's cache
        device: auto (a GPU if there is one), cpu, cuda or mps
        devices: with --freeze false: devices per machine to train on (docs/devices.md)
        nodes: with --freeze false: machines to train on
        strategy: how several devices share the work; auto and ddp: each has the whole network;
            fsdp: each has a part of the weights (GPUs only)
        logger: what logs besides the CSV file: auto (tensorboard if it is installed), csv,
            tensorboard, mlflow or wandb; in Python also loggers of Lightning
        callbacks: callbacks of Lightning, for the training that chooses the epochs (Python only)
        resume: continue an interrupted training, with the same result as an uninterrupted one
        overwrite: replace the run in --out

    Returns:
        The run folder, or the folder of the grid.

    Raises:
        TransNetError: something is missing, broken or contradictory; the message says what.

    Example:
        >>> run = transnet.train(
        ...     "clips",
        ...     out="runs/quick",
        ...     backbone="test_efficientnet.r160_in1k",
        ...     weights="none",
        ...     clip=ClipConfig(frames=4, size=64),
        ...     training=TrainingConfig(epochs=2),
        ... )
        >>> transnet.load(run).classes
        ('boxing', 'handwaving', 'walking')
    """
    from transnet.data.datasets.csv import without_listed
    from transnet.data.splits import Split, split_names
    from transnet.experiments.run_grid import RunGrid, train_grid
    from transnet.experiments.shots_curve import train_shots_curve
    from transnet.training.train_run import RunSettings, train_run
    from transnet.training.trainer import FitOptions

    run = Path(out).expanduser()
    manifest, name = _dataset(data)
    if exclude is not None:
        manifest = without_listed(manifest, Path(exclude).expanduser())
    splits = [] if isinstance(split, Split) else split_names(manifest, split)
    is_grid = len(splits) > 1 or seeds != 1 or bool(results) or shots_curve
    _check_grid(seeds, is_grid=is_grid, split=split, devices=devices * nodes)
    _import_features(features_from, clip, training, cache)
    share = partial(FitOptions, devices=devices, nodes=nodes, strategy=strategy)
    options = share(logger=logger, extra_callbacks=callbacks)
    settings = RunSettings(
        manifest=manifest,
        data=name,
        split=split if isinstance(split, Split) else splits[0],
        run=run,
        backbone=backbone,
        weights=str(weights),
        clip=clip,
        model=model,
        training=training,
        cache=cache,
        finder=(segmenter, detector),
        device=device,
        resume=resume,
        overwrite=overwrite,
        options=options,
    )
    if not is_grid:
        return train_run(settings)
    count = CURVE_SEEDS if shots_curve and seeds == 1 else seeds
    grid = RunGrid(
        settings=settings,
        splits=splits,
        seeds=range(training.seed, training.seed + count),
        recipe=recipe or manifest.name,
        results=Path(results).expanduser() if results else run / "results.csv",
    )
    return train_shots_curve(grid) if shots_curve else train_grid(grid)


def _dataset(data: str | Path | Manifest) -> tuple[Manifest, str]:
    """The dataset, and its name for the record."""
    from transnet.data.datasets.catalog import open_dataset, resolve_dataset

    if isinstance(data, str | Path):
        return open_dataset(data), resolve_dataset(str(data))
    return data, data.name


def _check_grid(seeds: int, *, is_grid: bool, split: object, devices: int) -> None:
    if seeds < 1:
        raise TransNetError(f"seeds is {seeds}; accepted: 1 or more.")
    if is_grid and not isinstance(split, str | None):
        raise TransNetError(
            "split is a Split; accepted with several seeds or a table of results: the name of one."
        )
    if is_grid and devices > 1:
        raise TransNetError(
            f"devices is {devices}; accepted for a grid of runs: 1. Train one split and seed at a "
            "time."
        )


def _import_features(
    address: str | None, clip: ClipConfig, training: TrainingConfig, cache: str | None
) -> None:
    from transnet.archive.feature_parts import import_features
    from transnet.data.cache.features import FeatureCache
    from transnet.utils.paths import cache_folder

    if address is None:
        return
    if not training.freeze:
        raise TransNetError(
            f"features_from is {address!r}, which needs a frozen backbone; omit it, or --freeze "
            "false."
        )
    if clip.crop == "people":
        raise TransNetError(
            f"features_from is {address!r}, and such features are not of crops of people; omit it, "
            "or --crop people."
        )
    with FeatureCache(cache or cache_folder() / "features") as store:
        import_features(address, store)
