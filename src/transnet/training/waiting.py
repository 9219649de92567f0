"""How long a network waited for data."""

from __future__ import annotations

import time
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

Mark = Any  # a point in time, of the clock or in a GPU's own queue


class Waiting(Callback):
    """Measures it, and logs each epoch's share as ``waiting``, 0..1.

    On a GPU a batch that comes while the GPU still computes is not waited for.

    Attributes:
        seconds: in all, up to the end of the last epoch.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._spans: list[tuple[Mark, Mark]] = []
        self._epoch_began = 0.0

    def timed(self, loader: DataLoader) -> TimedLoader:
        """The same batches; the time until each of them is there is counted."""
        return TimedLoader(loader, self._spans)

    def on_train_start(self, *_: Any) -> None:
        self._epoch_began = time.perf_counter()

    def on_train_epoch_end(
        self, _: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        waited = sum(_seconds(*span) for span in self._spans)
        self._spans.clear()
        self.seconds += waited
        now = time.perf_counter()
        pl_module.log("waiting", waited / (now - self._epoch_began))
        self._epoch_began = now


class TimedLoader(DataLoader):
    """A loader like another one, which also writes down when it is waited for."""

    def __init__(self, loader: DataLoader, spans: list[tuple[Mark, Mark]]) -> None:
        vars(self).update(vars(loader))
        self._spans = spans

    def __iter__(self) -> Any:
        began = _mark()
        for batch in super().__iter__():
            self._spans.append((began, _mark()))
            yield batch
            began = _mark()


def _mark() -> Mark:
    if not torch.cuda.is_available():
        return time.perf_counter()
    mark = torch.cuda.Event(enable_timing=True)
    mark.record()
    return mark


def _seconds(began: Mark, ended: Mark) -> float:
    if isinstance(began, float):
        return ended - began
    ended.synchronize()
    return began.elapsed_time(ended) / 1000
