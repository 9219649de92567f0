"""How long a network was trained, and how much of that it waited for data."""

from __future__ import annotations

import time
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from torch.utils.data import DataLoader

Mark = Any  # a point in time: of the clock, or in a GPU's stream
Seconds = tuple[float, float]


class TrainingTimer(Callback):
    """Measures training time and data wait, and logs the share of waiting as ``waiting``, 0..1.

    On a GPU, a batch that arrives while the GPU still computes is not waited for.

    Args:
        device: device of the training.

    Attributes:
        train_s: seconds of all epochs, those before an interruption included.
        waited_s: seconds of those in which the network waited for data.
        earlier_s: seconds of ``train_s`` before the last interruption.
    """

    state_key = "Waiting"  # the key in checkpoints; it must not change

    def __init__(self, device: torch.device) -> None:
        self.train_s = self.waited_s = self.earlier_s = 0.0
        self._on_gpu = device.type == "cuda"
        self._spans: list[tuple[Mark, Mark]] = []
        self._epoch_began = 0.0

    def timed(self, loader: DataLoader[Any]) -> TimedLoader:
        """The same loader; the wait for each batch is measured."""
        return TimedLoader(loader, self)

    def on_train_start(self, *_: Any) -> None:
        self._epoch_began = time.perf_counter()

    def on_train_epoch_end(self, _: Trainer, pl_module: LightningModule) -> None:
        train_s, waited_s = self._current_epoch()
        self._spans.clear()
        self._epoch_began += train_s
        self.train_s += train_s
        self.waited_s += waited_s
        pl_module.log("waiting", waited_s / train_s)

    def state_dict(self) -> dict[str, Any]:
        train_s, waited_s = self._current_epoch()  # a checkpoint may be written during an epoch
        return {"train_s": self.train_s + train_s, "waited_s": self.waited_s + waited_s}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        state = with_current_names(state_dict)
        self.train_s, self.waited_s = state["train_s"], state["waited_s"]
        self.earlier_s = self.train_s

    def mark(self) -> Mark:
        """The current time."""
        if not self._on_gpu:
            return time.perf_counter()
        mark = torch.cuda.Event(enable_timing=True)
        mark.record()
        return mark

    def add_wait(self, began: Mark, ended: Mark) -> None:
        """Count the time between two marks as data wait."""
        self._spans.append((began, ended))

    def _current_epoch(self) -> Seconds:
        """Training time and data wait of the unfinished epoch."""
        train_s = time.perf_counter() - self._epoch_began
        return train_s, sum(_seconds(*span) for span in self._spans)


class TimedLoader(DataLoader[Any]):
    """A copy of a loader that reports the wait for each batch."""

    def __init__(self, loader: DataLoader[Any], timer: TrainingTimer) -> None:
        vars(self).update(vars(loader))
        self._timer = timer

    def __iter__(self) -> Any:
        began = self._timer.mark()
        for batch in super().__iter__():
            self._timer.add_wait(began, self._timer.mark())
            yield batch
            began = self._timer.mark()


def with_current_names(values: dict[str, Any]) -> dict[str, Any]:
    """Saved times under their current names: older versions wrote ``taught_s`` for ``train_s``."""
    return {{"taught_s": "train_s"}.get(name, name): value for name, value in values.items()}


def _seconds(began: Mark, ended: Mark) -> float:
    if isinstance(began, float):
        return ended - began
    ended.synchronize()
    return began.elapsed_time(ended) / 1000
