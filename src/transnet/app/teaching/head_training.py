"""Training the heads of a network on features that are held in memory: seconds, not minutes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from transnet.config import TrainingConfig
from transnet.model.encoded import Encoded
from transnet.model.transnet import TransNet
from transnet.training.cue_losses import losses_of_cues
from transnet.training.optimizer import optimizers

Tell = Callable[[float], None]

MOST_TRAININGS = 10
"""Trainings that test the takes. Each takes one to three seconds."""


class HeadTraining:
    """Trains the heads of a network whose backbone is frozen: all but the backbone.

    Every training starts from the same weights, those of the network when this was made.

    Args:
        model: the network; its backbone is frozen.
        features: what its backbone made of every view of every take: frames ``(N, V, n, ...)``,
            pairs ``(N, V, n-1, M)``.
        labels: class numbers, ``(N,)``.
        config: how it learns.

    Attributes:
        model, config: the same.
    """

    def __init__(
        self, model: TransNet, features: Encoded, labels: Tensor, config: TrainingConfig
    ) -> None:
        self.model, self.config = model, config
        self._features, self._labels = features, labels
        self._start = copy.deepcopy(self._head_state())

    def fit(self, members: Tensor, tell: Tell = lambda _share: None) -> None:
        """Train from the start on some takes.

        Args:
            members: their numbers.
            tell: is told the share that is done, 0..1.
        """
        config, model = self.config, self.model
        model.load_state_dict(self._start, strict=False)
        torch.manual_seed(config.seed)
        batches = max(1, len(members) // config.batch_size)
        made = optimizers(model, model.backbone, config, config.epochs * batches)
        optimizer, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
        model.train()
        for epoch in range(config.epochs):
            for chosen in self._batches(members, batches):
                views = torch.randint(self._features.frames.shape[1], (len(chosen),))
                logits = model.cue_logits(self._encoded(chosen, views))
                loss = torch.stack(
                    losses_of_cues(_loss, logits, self._labels[chosen], config.label_smoothing)
                ).sum()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
            tell((epoch + 1) / config.epochs)
        model.eval()

    @torch.inference_mode()
    def probabilities(self, members: Tensor) -> Tensor:
        """What the network makes of the main view of some takes, ``(N, C)``."""
        return self.model.classify(*self._encoded(members, 0)).softmax(dim=1)

    def held_out(self) -> Iterator[tuple[int, Tensor]]:
        """Test each take by a training without it: its number, its probabilities ``(C,)``.

        Up to :data:`MOST_TRAININGS` takes, each has a training of its own; of more, several share
        one. A take that is the only one of its class is left out: nothing else shows the class.
        """
        by_class = self._labels.argsort(stable=True)
        for first in range(min(len(by_class), MOST_TRAININGS)):
            tested = by_class[first::MOST_TRAININGS]
            others = by_class[~torch.isin(by_class, tested)]
            tested = tested[torch.isin(self._labels[tested], self._labels[others])]
            if len(tested):
                self.fit(others)
                yield from zip(tested.tolist(), self.probabilities(tested), strict=True)

    def _encoded(self, members: Tensor, views: Tensor | int) -> Encoded:
        return Encoded(*(each[members, views] for each in self._features))

    def _batches(self, members: Tensor, count: int) -> list[Tensor]:
        """All members in random order, in parts of nearly equal size."""
        return list(members[torch.randperm(len(members))].tensor_split(count))

    def _head_state(self) -> dict[str, Any]:
        state = self.model.state_dict()
        return {name: value for name, value in state.items() if ".backbone." not in name}


def _loss(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    return functional.cross_entropy(logits, labels, label_smoothing=smoothing)
