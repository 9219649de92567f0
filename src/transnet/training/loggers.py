"""Where the losses and accuracies of a training are logged."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import get_args

from pytorch_lightning.loggers import (
    CSVLogger,
    Logger,
    MLFlowLogger,
    TensorBoardLogger,
    WandbLogger,
)

from transnet.config import LoggerName
from transnet.errors import TransNetError

PROJECT = "transnet"


def make_loggers(logger: LoggerName | Sequence[Logger], folder: Path) -> list[Logger]:
    """The loggers of a training: a CSV file and, if wanted, another one.

    Args:
        logger: ``csv``; ``tensorboard``; ``auto``, which is TensorBoard if it is installed;
            ``mlflow`` (at ``MLFLOW_TRACKING_URI``, else in ``mlflow.db`` in ``folder``); ``wandb``
            (``wandb login`` and its variables say where); or loggers of Lightning.
        folder: the folder ``logs`` in a run folder.

    Raises:
        TransNetError: there is no such logger, or it is not installed.
    """
    csv = CSVLogger(folder, name="csv")
    if not isinstance(logger, str):
        return [csv, *logger]
    if logger not in get_args(LoggerName):
        raise TransNetError(f"logger is {logger!r}; accepted: {', '.join(get_args(LoggerName))}.")
    if logger == "csv":
        return [csv]
    if logger == "auto":
        with suppress(ModuleNotFoundError):
            return [csv, TensorBoardLogger(folder, name="tensorboard")]
        return [csv]
    run = folder.parent.name
    try:
        if logger == "mlflow":
            folder.mkdir(parents=True, exist_ok=True)
            local = f"sqlite:///{(folder / 'mlflow.db').absolute()}"
            address = os.environ.get("MLFLOW_TRACKING_URI") or local
            return [csv, MLFlowLogger(PROJECT, run, tracking_uri=address)]
        if logger == "wandb":
            return [csv, WandbLogger(run, folder, project=PROJECT)]
        return [csv, TensorBoardLogger(folder, name="tensorboard")]
    except ModuleNotFoundError as error:
        raise TransNetError(
            f"logger is {logger!r}, which is not installed: pip install 'transnet-har[{logger}]'"
        ) from error
