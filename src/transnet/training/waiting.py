"""How long a network was taught, and how much of that it waited for data."""

from __future__ import annotations

import time
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

Mark = Any  # a point in time, of the clock or in a GPU's own queue


class Waiting(Callback):
    """Measures both, and logs each epoch's share of waiting as ``waiting``, 0..1.

    On a GPU a batch that comes while the GPU still computes is not waited for.

    Attributes:
        taught_s: seconds of all epochs, those of earlier sittings included.
        waited_s: those of them in which the network waited.
        earlier_s: those of them that were in earlier sittings.
    """

    def __init__(self) -> None:
        self.taught_s = self.waited_s = self.earlier_s = 0.0
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
        taught, waited = self._so_far()
        self._spans.clear()
        self._epoch_began += taught
        self.taught_s += taught
        self.waited_s += waited
        pl_module.log("waiting", waited / taught)

    def state_dict(self) -> dict[str, Any]:
        taught, waited = self._so_far()  # a checkpoint may be written before the epoch has ended
        return {"taught_s": self.taught_s + taught, "waited_s": self.waited_s + waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.taught_s, self.waited_s = state_dict["taught_s"], state_dict["waited_s"]
        self.earlier_s = self.taught_s

    def _so_far(self) -> tuple[float, float]:
        """Seconds of the epoch that goes on, and those of waiting among them."""
        taught = time.perf_counter() - self._epoch_began
        return taught, sum(_seconds(*span) for span in self._spans)


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
