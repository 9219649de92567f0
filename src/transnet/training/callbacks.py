"""Callbacks of every training: atomic, movable checkpoints and one progress bar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO

from transnet.utils.files import written_whole
from transnet.utils.progress import progress_bar


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoint files that take their name only once they are complete."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        with written_whole(Path(path)) as beside:
            torch.save(checkpoint, beside)


class MovableCheckpoint(ModelCheckpoint):
    """Remembers the best score even if the run folder has been moved."""

    @property
    def state_key(self) -> str:
        """The key in checkpoints; it must not change."""
        _, _, arguments = super().state_key.partition("{")
        return f"_Checkpoint{{{arguments}"

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        here, before = str(self.dirpath), str(state_dict["dirpath"])

        def moved(value: Any) -> Any:
            if isinstance(value, dict):
                return {moved(key): inner for key, inner in value.items()}
            return value.replace(before, here, 1) if isinstance(value, str) else value

        super().load_state_dict({key: moved(value) for key, value in state_dict.items()})


class TrainingProgress(Callback):
    """One bar for the whole training, with the metrics of the last epoch.

    Args:
        score: the logged metric to record.

    Attributes:
        scores: that metric by epoch (from 0, as text).
    """

    state_key = "_Progress"  # the key in checkpoints; it must not change

    def __init__(self, score: str) -> None:
        self._bar: Any = None
        self._score = score
        self.scores: dict[str, float] = {}

    def state_dict(self) -> dict[str, Any]:
        return {"scores": self.scores}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.scores = dict(state_dict["scores"])

    def on_train_start(self, trainer: Trainer, _: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        total = (trainer.max_epochs or 0) * int(trainer.num_training_batches)
        self._bar = progress_bar("training", total, "batches")
        self._bar.update(trainer.global_step)

    def on_train_batch_end(self, *_: Any) -> None:
        if self._bar is not None:
            self._bar.update(1)

    def on_validation_end(self, trainer: Trainer, _: LightningModule) -> None:
        score = float(trainer.callback_metrics[self._score])
        self.scores[str(trainer.current_epoch)] = score

    def on_train_epoch_end(self, trainer: Trainer, _: LightningModule) -> None:
        if self._bar is None:
            return
        metrics = {name: f"{float(value):.3f}" for name, value in trainer.callback_metrics.items()}
        self._bar.set_postfix(epoch=trainer.current_epoch + 1, refresh=False, **metrics)

    def on_train_end(self, *_: Any) -> None:
        if self._bar is not None:
            self._bar.close()

    def on_exception(self, *_: Any) -> None:
        if self._bar is not None:
            self._bar.close()
