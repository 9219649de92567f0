"""Training the head of a network on features that are held in memory: seconds, not minutes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from transnet.config import TrainingConfig
from transnet.model.transnet import TransNet
from transnet.training.optimizer import optimizers

Tell = Callable[[float], None]


class HeadTraining:
    """Trains the readout and the temporal part of a network whose backbone is frozen.

    Every training starts from the same weights, those of the network when this was made.

    Args:
        model: the network; its backbone is frozen.
        features: what its backbone made of every view of every take, ``(N, V, n, ...)``.
        labels: class numbers, ``(N,)``.
        config: how it learns.

    Attributes:
        model, config: the same.
    """

    def __init__(
        self, model: TransNet, features: Tensor, labels: Tensor, config: TrainingConfig
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
        loss_of = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
        model.train()
        for epoch in range(config.epochs):
            for chosen in self._batches(members, batches):
                views = torch.randint(self._features.shape[1], (len(chosen),))
                loss = loss_of(model.classify(self._features[chosen, views]), self._labels[chosen])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
            tell((epoch + 1) / config.epochs)
        model.eval()

    @torch.inference_mode()
    def probabilities(self, members: Tensor) -> Tensor:
        """What the network makes of the main view of some takes, ``(N, C)``."""
        return self.model.classify(self._features[members, 0]).softmax(dim=1)

    def held_out(self) -> Iterator[tuple[int, Tensor]]:
        """Test each take by a training without it: its number, its probabilities ``(C,)``.

        A take that is the only one of its class is left out: nothing else shows the class.
        """
        everyone = torch.arange(len(self._labels))
        for number in everyone.tolist():
            others = everyone[everyone != number]
            if (self._labels[others] == self._labels[number]).any():
                self.fit(others)
                yield number, self.probabilities(torch.tensor([number]))[0]

    def _batches(self, members: Tensor, count: int) -> list[Tensor]:
        """All members in random order, in parts of nearly equal size."""
        return list(members[torch.randperm(len(members))].tensor_split(count))

    def _head_state(self) -> dict[str, Any]:
        state = self.model.state_dict()
        return {name: value for name, value in state.items() if ".backbone." not in name}
