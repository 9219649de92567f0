"""Lightning module of a recognizer: loss, metrics, optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy

from transnet.config import TrainingConfig
from transnet.model.cues import join
from transnet.model.networks import Network
from transnet.model.normalization import Normalization
from transnet.training.optimizer import optimizers, refuse_divergence


class RecognizerModule(LightningModule):
    """Trains a network on labeled clips with cross-entropy.

    With a frozen backbone a batch holds features, the output of ``model.encode``; otherwise uint8
    clips ``(B, T, H, W, 3)``, which are normalized on the network's device.

    Args:
        model: the network.
        config: loss, learning rates, schedule.
        num_classes: classes, C.
        num_steps: steps of the whole training, for the schedule.
        mean: mean of RGB in 0..1, subtracted from a frame.
        std: standard deviation of RGB in 0..1, by which a frame is divided.
    """

    def __init__(
        self,
        model: Network,
        config: TrainingConfig,
        num_classes: int,
        num_steps: int,
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        super().__init__()
        self.model = model
        self._config, self._num_steps = config, num_steps
        self._normalize = Normalization(mean, std)
        self._loss = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
        self._train_top1 = MulticlassAccuracy(num_classes, average="micro")
        self._validation_top1 = MulticlassAccuracy(num_classes, average="micro")

    def on_after_batch_transfer(
        self, batch: tuple[Tensor, Tensor], _: int
    ) -> tuple[Tensor, Tensor]:
        inputs, labels = batch
        return inputs if self._config.freeze else self._normalize(inputs), labels

    def forward(self, batch: Any) -> dict[str, Tensor]:
        encoded = batch if self._config.freeze else self.model.encode_cues(batch)
        return self.model.cue_logits(encoded)

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        # Dropout depends on the step alone, so a resumed training gives the same weights.
        torch.manual_seed(1_000_003 * self._config.seed + self.global_step)
        inputs, labels = batch
        of_cues = self(inputs)
        # Each cue is trained by a loss of its own, see transnet.model.cues.
        losses = [self._loss(logits, labels) for logits in of_cues.values()]
        loss = torch.stack(losses).sum() if len(losses) > 1 else losses[0]
        refuse_divergence(loss, self.global_step)
        self._train_top1(join(of_cues), labels)
        self._log_epoch("train", loss, self._train_top1, len(labels))
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        inputs, labels = batch
        logits = join(self(inputs))
        self._validation_top1(logits, labels)
        loss = self._loss(logits, labels)
        self._log_epoch("validation", loss, self._validation_top1, len(labels))

    def _log_epoch(
        self, part: str, loss: Tensor, top1: MulticlassAccuracy, batch_size: int
    ) -> None:
        settings: dict[str, Any] = {"on_step": False, "on_epoch": True, "batch_size": batch_size}
        self.log(f"{part}_loss", loss, sync_dist=True, **settings)
        self.log(f"{part}_top1", top1, **settings)

    def configure_optimizers(self) -> Any:
        return optimizers(self.model, self.model.backbone, self._config, self._num_steps)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self._config.freeze:  # a frozen backbone need not be written every epoch
            state = checkpoint["state_dict"]
            checkpoint["state_dict"] = {
                name: value for name, value in state.items() if not self._is_of_backbone(name)
            }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self._config.freeze:
            own = self.state_dict()
            checkpoint["state_dict"].update(
                {name: value for name, value in own.items() if self._is_of_backbone(name)}
            )

    def _is_of_backbone(self, name: str) -> bool:
        return name.startswith(("model.backbone.", "model.spatial.backbone."))
