"""One call of Lightning's Trainer: logs, checkpoints, early stopping, progress."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch.utils.data import DataLoader

from transnet.config import PretrainingConfig, TrainingConfig
from transnet.errors import FileError, TransNetError
from transnet.training.datasets import EpochSampler
from transnet.training.precision import bfloat16_where_fast, slow_parts_in_float32
from transnet.training.waiting import Waiting
from transnet.utils.files import written_whole
from transnet.utils.progress import progress_bar


@dataclass(frozen=True)
class FitSummary:
    """How a training went.

    Attributes:
        epochs: epochs that were run.
        best_epoch: the one whose weights were kept, from 0.
        validation_score: its score on the validation part, 0..1; ``None`` without such a part.
        taught_s: seconds of all its epochs, those of earlier sittings included.
        waited_s: those of them in which the network waited for data.
        earlier_s: those of them that were in earlier sittings.
    """

    epochs: int
    best_epoch: int
    validation_score: float | None
    taught_s: float = 0.0
    waited_s: float = 0.0
    earlier_s: float = 0.0


def fit(
    lesson: lightning.LightningModule,
    train_loader: DataLoader,
    validation_loader: DataLoader | None,
    config: TrainingConfig | PretrainingConfig,
    folder: Path,
    *,
    score: str = "validation_top1",
    max_gradient: float | None = None,
    mixed_precision: bool = False,
    further: Sequence[Callback] = (),
) -> FitSummary:
    """Train, and leave the best weights in ``lesson``.

    The log says of each epoch which share of the time the network waited for data (``waiting``).
    A ``last.ckpt`` in ``folder`` is continued. With a validation part the best epoch is the one
    of the lowest validation loss, without one it is the last.

    Args:
        lesson: the network and its training step.
        train_loader: training batches.
        validation_loader: validation batches, if there is such a part.
        config: how it learns.
        folder: for checkpoints and logs.
        score: the logged figure that becomes ``validation_score``.
        max_gradient: norm to which gradients are clipped, if they are.
        mixed_precision: compute in bfloat16 where the device does, with float32 weights.
        further: callbacks beside those that every training has.

    Raises:
        TransNetError: what an earlier sitting left cannot be read.
    """
    ended = folder / "fit.json"
    if ended.exists():
        _restore(lesson, folder / ("last.ckpt" if validation_loader is None else "best.ckpt"))
        summary = _read_summary(ended)
        return replace(summary, earlier_s=summary.taught_s)
    precision = bfloat16_where_fast(lesson) if mixed_precision else "32-true"
    progress = _Progress(score)
    summary = _fit(
        lesson,
        train_loader,
        validation_loader,
        config,
        folder,
        precision,
        max_gradient,
        progress,
        further,
    )
    with written_whole(ended) as path:
        path.write_text(json.dumps(asdict(summary)), encoding="utf-8")
    return summary


def _fit(
    lesson: lightning.LightningModule,
    train_loader: DataLoader,
    validation_loader: DataLoader | None,
    config: TrainingConfig | PretrainingConfig,
    folder: Path,
    precision: Any,
    max_gradient: float | None,
    progress: _Progress,
    further: Sequence[Callback],
) -> FitSummary:
    monitor = "validation_loss" if validation_loader is not None else None
    kept = last = _Checkpoint(folder, "last", enable_version_counter=False)
    waiting = Waiting()
    callbacks: list[Callback] = [waiting, progress, *further]
    if monitor:
        kept = _Checkpoint(
            folder, "best", monitor=monitor, enable_version_counter=False, save_weights_only=True
        )
        callbacks.append(kept)
        if config.patience:
            callbacks.append(EarlyStopping(monitor, patience=config.patience))
    callbacks.append(last)  # at the end, so that it knows what the others made of the epoch
    _quiet()
    with warnings.catch_warnings(), slow_parts_in_float32(lesson):
        # Advice on loader workers and logging steps, to which our settings are the answer.
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
        trainer = lightning.Trainer(
            max_epochs=config.epochs,
            accelerator="auto",
            devices=1,
            precision=precision,
            gradient_clip_val=max_gradient,
            callbacks=callbacks,
            plugins=[_WholeFiles()],
            logger=[
                CSVLogger(folder / "logs", name="csv"),
                TensorBoardLogger(folder / "logs", name="tensorboard"),
            ],
            log_every_n_steps=1,
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=folder,
        )
        if isinstance(train_loader.sampler, EpochSampler):
            # Not trainer.current_epoch: when resuming, it lags until after the first batch is read.
            epochs: Any = trainer.fit_loop.epoch_progress.current
            train_loader.sampler.follow(lambda: epochs.processed)
        resumed = folder / "last.ckpt"
        try:
            trainer.fit(
                lesson,
                waiting.timed(train_loader),
                None if validation_loader is None else waiting.timed(validation_loader),
                ckpt_path=resumed if resumed.exists() else None,
                weights_only=True,
            )
        except SystemExit:  # what Ctrl-C becomes in there
            if trainer.interrupted:
                raise KeyboardInterrupt from None
            raise
        except FileError as error:
            raise TransNetError(
                "a file that was readable before cannot be read any more: "
                f"{str(error).strip().splitlines()[-1]}. Go on with --resume once it can."
            ) from error
        except OSError as error:
            raise TransNetError(
                f"{folder} cannot be written ({error}). Is the disk full? Go on with --resume."
            ) from error
        except (
            EOFError,
            LookupError,
            RuntimeError,
            TypeError,
            ValueError,
            UnpicklingError,
        ) as error:
            if not resumed.exists() or trainer.global_step > 0:
                raise
            raise _unusable(resumed, error) from error
    best_epoch = _restore(lesson, folder / f"{kept.filename}.ckpt")
    score = progress.scores.get(str(best_epoch))
    return FitSummary(
        trainer.current_epoch, best_epoch, score,
        waiting.taught_s, waiting.waited_s, waiting.earlier_s,
    )  # fmt: skip


def _restore(lesson: lightning.LightningModule, path: Path) -> int:
    """Load the weights of a checkpoint and return its epoch, from 0."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        lesson.on_load_checkpoint(state)
        lesson.load_state_dict(state["state_dict"])
        return int(state["epoch"])
    except Exception as error:  # what a damaged file makes of torch.load has no common base
        raise _unusable(path, error) from error


def _read_summary(path: Path) -> FitSummary:
    try:
        return FitSummary(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError) as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> TransNetError:
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return TransNetError(
        f"{path} is missing or damaged ({reason}), so this training cannot be continued; put it "
        "back, or start anew with --overwrite."
    )


def _quiet() -> None:
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)


class _WholeFiles(TorchCheckpointIO):
    """Checkpoints that take their name only once they are complete."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        with written_whole(Path(path)) as beside:
            torch.save(checkpoint, beside)


class _Checkpoint(ModelCheckpoint):
    """Remembers the best score even if the run folder has been moved."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        here, before = str(self.dirpath), str(state_dict["dirpath"])

        def moved(value: Any) -> Any:
            if isinstance(value, dict):
                return {moved(key): inner for key, inner in value.items()}
            return value.replace(before, here, 1) if isinstance(value, str) else value

        super().load_state_dict({key: moved(value) for key, value in state_dict.items()})


class _Progress(Callback):
    """One bar for the whole training, with the figures of the last epoch."""

    def __init__(self, score: str) -> None:
        self._bar: Any = None
        self._score = score
        self.scores: dict[str, float] = {}

    def state_dict(self) -> dict[str, Any]:
        return {"scores": self.scores}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.scores = dict(state_dict["scores"])

    def on_train_start(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        total = (trainer.max_epochs or 0) * int(trainer.num_training_batches)
        self._bar = progress_bar("training", total, "batches")
        self._bar.update(trainer.global_step)

    def on_train_batch_end(self, *_: Any) -> None:
        self._bar.update(1)

    def on_validation_epoch_end(
        self, trainer: lightning.Trainer, _: lightning.LightningModule
    ) -> None:
        score = float(trainer.callback_metrics[self._score])
        self.scores[str(trainer.current_epoch)] = score

    def on_train_epoch_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        figures = {name: f"{float(value):.3f}" for name, value in trainer.callback_metrics.items()}
        epoch = trainer.current_epoch + 1
        self._bar.set_postfix(epoch=epoch, refresh=False, **figures)

    def on_train_end(self, *_: Any) -> None:
        self._bar.close()

    def on_exception(self, *_: Any) -> None:
        if self._bar is not None:
            self._bar.close()
