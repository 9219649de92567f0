"""Lightning module of a segmenter: Dice and cross-entropy loss, mask metrics, optimizer."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torchmetrics import MetricCollection
from torchmetrics.classification import BinaryAccuracy, BinaryF1Score, BinaryJaccardIndex

from transnet.config import PretrainingConfig
from transnet.data.photos.photo import NEUTRAL
from transnet.model.segmenter import Segmenter
from transnet.training.optimizer import optimizers, refuse_divergence


def mask_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Mean cross-entropy of the pixels plus the Dice loss of the batch.

    Args:
        logits: logits of "person", ``(N, H, W)``.
        masks: background, person or neutral, ``(N, H, W)``; neutral pixels are ignored.
    """
    logits = logits.float()  # the sums exceed bfloat16
    counts = (masks != NEUTRAL).float()
    person = (masks == 1).float()
    entropy = F.binary_cross_entropy_with_logits(logits, person, counts, reduction="sum")
    found = logits.sigmoid() * counts
    # Plus one pixel: defined for photos without people, and small if none is predicted.
    overlap = (2 * (found * person).sum() + 1) / (found.sum() + person.sum() + 1)
    return entropy / counts.sum().clamp(min=1) + 1 - overlap


def mask_metrics(prefix: str = "") -> MetricCollection:
    """IoU and Dice of the person and pixel accuracy, over all pixels but neutral ones, 0..1.

    Inputs are probabilities and masks, both ``(N, H, W)``.
    """
    kinds: dict[str, Any] = {
        "iou": BinaryJaccardIndex,
        "dice": BinaryF1Score,  # equal to Dice
        "accuracy": BinaryAccuracy,
    }
    return MetricCollection(
        {name: kind(ignore_index=NEUTRAL, validate_args=False) for name, kind in kinds.items()},
        prefix=prefix,
    )


class SegmenterModule(LightningModule):
    """Trains a :class:`~transnet.model.segmenter.Segmenter` on photos with masks.

    Args:
        segmenter: the network.
        config: learning rates, schedule.
        num_steps: steps of the whole training, for the schedule.
    """

    def __init__(self, segmenter: Segmenter, config: PretrainingConfig, num_steps: int) -> None:
        super().__init__()
        self.segmenter = segmenter.to(memory_format=torch.channels_last)
        self._config, self._num_steps = config, num_steps
        self._train_metrics = mask_metrics("train_")
        self._validation_metrics = mask_metrics("validation_")

    def forward(self, frames: Tensor) -> Tensor:
        return self.segmenter(frames.contiguous(memory_format=torch.channels_last))

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        # Randomness depends on the step alone, so a resumed training gives the same weights.
        torch.manual_seed(1_000_003 * self._config.seed + self.global_step)
        return self._step("train", batch, self._train_metrics)

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        self._step("validation", batch, self._validation_metrics)

    def _step(self, part: str, batch: tuple[Tensor, Tensor], metrics: MetricCollection) -> Tensor:
        frames, masks = batch
        logits = self(frames)
        loss = mask_loss(logits, masks)
        refuse_divergence(loss, self.global_step)
        metrics.update(logits.detach().float().sigmoid(), masks)
        settings: dict[str, Any] = {"on_step": False, "on_epoch": True, "batch_size": len(frames)}
        self.log(f"{part}_loss", loss, sync_dist=True, **settings)
        self.log_dict(metrics, **settings)
        return loss

    def configure_optimizers(self) -> Any:
        return optimizers(self.segmenter, self.segmenter.backbone, self._config, self._num_steps)
