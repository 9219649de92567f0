"""One training by Lightning's Trainer: checkpoints, early stopping, progress, and resuming."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback, EarlyStopping
from torch.utils.data import DataLoader

from transnet.config import PretrainingConfig, TrainingConfig
from transnet.errors import FileError, TransNetError
from transnet.training.callbacks import MovableCheckpoint, TrainingProgress
from transnet.training.precision import slow_parts_in_float32
from transnet.training.samplers import EpochSampler
from transnet.training.timing import TrainingTimer, with_current_names
from transnet.training.trainer import FitOptions, build_trainer
from transnet.utils.files import written_whole

LAST, BEST, SUMMARY = "last.ckpt", "best.ckpt", "fit.json"
_DIGEST = "digest"


@dataclass(frozen=True)
class FitSummary:
    """How a training went.

    Attributes:
        epochs: epochs that were run.
        best_epoch: the one whose weights were kept, from 0.
        validation_score: its score on the validation clips, 0..1; ``None`` without such clips.
        train_s: seconds of all epochs, those before an interruption included.
        waited_s: seconds of those in which the network waited for data.
        earlier_s: seconds of ``train_s`` before the last interruption.
    """

    epochs: int
    best_epoch: int
    validation_score: float | None
    train_s: float = 0.0
    waited_s: float = 0.0
    earlier_s: float = 0.0


def fit(
    module: LightningModule,
    train_loader: DataLoader[Any],
    validation_loader: DataLoader[Any] | None,
    config: TrainingConfig | PretrainingConfig,
    folder: Path,
    options: FitOptions = FitOptions(),
) -> FitSummary:
    """Train, and leave the best weights in ``module``.

    With validation batches and ``options.keep_best`` the best epoch is the one of the lowest
    validation loss, otherwise it is the last. A training that ``folder`` holds is continued, or
    read if it has ended. The log holds each epoch's share of time spent waiting for data
    (``waiting``).

    Args:
        module: the network and its training step.
        train_loader: training batches.
        validation_loader: validation batches, if any.
        config: epochs and patience.
        folder: for checkpoints and logs.
        options: score, precision, device.

    Raises:
        TransNetError: a checkpoint in ``folder`` cannot be read, or nothing can be written there.
    """
    keep_best = options.keep_best and validation_loader is not None
    best = folder / (BEST if keep_best else LAST)
    if (folder / SUMMARY).exists():
        _restore(module, best)
        summary = _read_summary(folder / SUMMARY)
        return replace(summary, earlier_s=summary.train_s)
    if (folder / LAST).exists():
        _require_undamaged(folder / LAST)
    timer, progress = TrainingTimer(options.device), TrainingProgress(options.score)
    callbacks = [timer, progress, *options.extra_callbacks]
    callbacks += _checkpoints(folder, config, keep_best=keep_best)
    # FSDP leaves a network in pieces: a copy is trained then.
    trained = copy.deepcopy(module) if options.strategy == "fsdp" else module
    with _without_advice(), slow_parts_in_float32(trained):
        trainer = build_trainer(trained, config.epochs, folder, options, callbacks)
        _follow_epochs(train_loader, trainer)
        with _explained_errors(trainer, folder):
            trainer.fit(
                trained,
                timer.timed(train_loader),
                None if validation_loader is None else timer.timed(validation_loader),
                ckpt_path=folder / LAST if (folder / LAST).exists() else None,
                weights_only=True,
            )
    best_epoch = _restore(module, best)
    summary = FitSummary(
        trainer.current_epoch,
        best_epoch,
        progress.scores.get(str(best_epoch)),
        timer.train_s,
        timer.waited_s,
        timer.earlier_s,
    )
    if trainer.is_global_zero:
        _write_summary(folder / SUMMARY, summary)
    return summary


def _write_summary(target: Path, summary: FitSummary) -> None:
    values = asdict(summary)
    with written_whole(target) as path:
        path.write_text(json.dumps({**values, _DIGEST: _digest(values)}), encoding="utf-8")


def _digest(values: dict[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _checkpoints(
    folder: Path, config: TrainingConfig | PretrainingConfig, *, keep_best: bool
) -> list[Callback]:
    """Early stopping and checkpoints; ``last.ckpt`` comes last, to hold the others' states."""
    callbacks: list[Callback] = []
    if keep_best:
        monitor = "validation_loss"
        callbacks.append(
            MovableCheckpoint(
                folder,
                Path(BEST).stem,
                monitor=monitor,
                enable_version_counter=False,
                save_weights_only=True,
            )
        )
        if config.patience:
            callbacks.append(EarlyStopping(monitor, patience=config.patience))
    last = MovableCheckpoint(folder, Path(LAST).stem, enable_version_counter=False)
    return [*callbacks, last]


def _follow_epochs(loader: DataLoader[Any], trainer: Trainer) -> None:
    sampler = getattr(loader.batch_sampler, "sampler", None)
    if isinstance(sampler, EpochSampler):
        # Not trainer.current_epoch: when resuming, it lags until after the first batch is read.
        epochs: Any = trainer.fit_loop.epoch_progress.current
        sampler.follow(lambda: epochs.processed)


@contextmanager
def _without_advice() -> Iterator[None]:
    """Silence Lightning's advice on loader workers and logging steps, which are set on purpose."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="(pytorch_)?lightning")
        warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
        yield


@contextmanager
def _explained_errors(trainer: Trainer, folder: Path) -> Iterator[None]:
    """Turn what a training fails with into errors that name the cause and the next step."""
    resumed = (folder / LAST).exists()
    try:
        yield
    except SystemExit:  # Lightning's answer to Ctrl-C
        if trainer.interrupted:
            raise KeyboardInterrupt from None
        raise
    except FileError as error:
        raise TransNetError(
            "a file that was readable before cannot be read any more: "
            f"{str(error).strip().splitlines()[-1]}. Restore it, then continue with --resume."
        ) from error
    except OSError as error:
        raise TransNetError(
            f"{folder} cannot be written ({error}). Is the disk full? Free some space, then "
            "continue with --resume."
        ) from error
    except (EOFError, LookupError, RuntimeError, TypeError, ValueError, UnpicklingError) as error:
        if "shared memory" in str(error):
            raise TransNetError(
                "the loader workers have no shared memory left (/dev/shm is full); use --workers 1 "
                "or a smaller --batch-size, or give it more: docker run --shm-size 1g."
            ) from error
        if not resumed or trainer.global_step > 0:
            raise
        raise _unusable(folder / LAST, error) from error


def _require_undamaged(path: Path) -> None:
    """Verify the checksums of a checkpoint, a zip archive; ``torch.load`` ignores them."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except Exception as error:  # as below
        raise _unusable(path, error) from error
    if damaged is not None:
        raise _unusable(path, ValueError(f"{damaged} does not agree with its checksum"))


def _restore(module: LightningModule, path: Path) -> int:
    """Load the weights of a checkpoint and return its epoch, from 0."""
    _require_undamaged(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        module.on_load_checkpoint(state)
        module.load_state_dict(state["state_dict"])
        return int(state["epoch"])
    except Exception as error:  # the errors of torch.load on a damaged file have no common base
        raise _unusable(path, error) from error


def _read_summary(path: Path) -> FitSummary:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        recorded = values.pop(_DIGEST, None)  # older versions have none
        if recorded not in (None, _digest(values)):
            raise ValueError("it does not agree with its digest")
        return FitSummary(**with_current_names(values))
    except (AttributeError, OSError, TypeError, ValueError) as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> TransNetError:
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return TransNetError(
        f"{path} is missing or damaged ({reason}), so this training cannot be continued; restore "
        "the file, or start over with --overwrite."
    )
