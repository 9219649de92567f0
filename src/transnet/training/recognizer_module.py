"""Lightning module of a recognizer: loss, metrics, optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from torch.distributed.fsdp import FullyShardedDataParallel

from transnet.config import TrainingConfig
from transnet.model.networks import Network
from transnet.model.normalization import Normalization
from transnet.training.cue_losses import losses_of_cues
from transnet.training.feature_augmentation import drop_frames, mix_clips
from transnet.training.gathering import ClipScores, average_buffers, gather_clips
from transnet.training.optimizer import optimizers, refuse_divergence


class RecognizerModule(LightningModule):
    """Trains a network on labeled clips; the loss and the score are those of its scoring.

    With a frozen backbone a batch holds features, the output of ``model.encode``; otherwise uint8
    clips ``(B, T, H, W, 3)``, which are normalized on the network's device.

    Args:
        model: the network.
        config: loss, learning rates, schedule.
        num_classes: classes, C.
        num_steps: steps of the whole training, for the schedule.
        class_weights: weight of each class in the loss, ``(C,)``; equal if not given.
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
        class_weights: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self._config, self._num_steps = config, num_steps
        self._normalize = Normalization(mean, std)
        self._class_weights = class_weights
        self._scoring = model.scoring
        self._train_score = self._scoring.metric(num_classes)
        self._validated: list[ClipScores] = []

    def on_after_batch_transfer(self, batch: Any, _: int) -> Any:
        inputs, *others = batch
        return (inputs if self._config.freeze else self._normalize(inputs), *others)

    def forward(self, batch: Any) -> dict[str, Tensor]:
        encoded = batch if self._config.freeze else self.model.encode_cues(batch)
        return self.model.cue_logits(encoded)

    def training_step(self, batch: tuple[Any, Tensor], _: int) -> Tensor:
        # Dropout depends on the step alone, so a resumed training gives the same weights.
        seed = 1_000_003 * self._config.seed + self.global_step
        torch.manual_seed(seed + 7_919 * self.global_rank)
        inputs, labels = batch
        others, share = labels, 1.0
        if self._config.drop_frames:
            inputs = drop_frames(inputs, self._config.drop_frames)
        if self._config.mixup:
            inputs, others, share = mix_clips(inputs, labels, self._config.mixup)
        of_cues = self(inputs)
        losses = self._losses(of_cues, labels)
        if share < 1:
            pairs = zip(losses, self._losses(of_cues, others), strict=True)
            losses = [share * own + (1 - share) * other for own, other in pairs]
        loss = torch.stack(losses).sum() if len(losses) > 1 else losses[0]
        refuse_divergence(loss, self.global_step)
        self._train_score.update(self._scoring.join(of_cues).detach(), labels)
        settings: dict[str, Any] = {"on_step": False, "on_epoch": True, "batch_size": len(labels)}
        self.log("train_loss", loss, sync_dist=True, **settings)
        self.log(f"train_{self._scoring.measure}", self._train_score, **settings)
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        if self.trainer.is_last_batch:
            average_buffers(self)

    def validation_step(self, batch: tuple[Any, Tensor, Tensor], _: int) -> None:
        inputs, labels, positions = batch
        of_cues = {cue: logits.float().cpu() for cue, logits in self(inputs).items()}
        self._validated.append(ClipScores(positions.cpu(), of_cues, labels.cpu()))

    def on_validation_epoch_end(self) -> None:
        of_cues, labels = gather_clips(self._validated)
        self._validated.clear()
        self.model.temperature = self._scoring.calibrate(of_cues, labels)
        # Weights that were learned from these clips would flatter the loss and the score.
        logits = self._scoring.join(of_cues, self._scoring.prior.weights)
        score = self._scoring.score(logits, labels)
        name = f"validation_{self._scoring.measure}"
        smoothing = self._config.label_smoothing
        self.log_dict({"validation_loss": self._loss(logits, labels, smoothing), name: score})

    def _losses(self, of_cues: dict[str, Tensor], labels: Tensor) -> list[Tensor]:
        return losses_of_cues(self._loss, of_cues, labels, self._config.label_smoothing)

    def _loss(self, logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
        weights = self._class_weights
        if weights is not None:
            weights = weights.to(logits.device)
        return self._scoring.loss(logits, labels, weights, smoothing)

    def configure_optimizers(self) -> Any:
        return optimizers(self.model, self.model.backbone, self._config, self._num_steps)

    def configure_gradient_clipping(
        self,
        optimizer: Any,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        whole = self.trainer.strategy.model
        if isinstance(whole, FullyShardedDataParallel):  # only it knows the norm of all pieces
            if gradient_clip_val is not None:
                whole.clip_grad_norm_(gradient_clip_val)
            return
        self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["temperature"] = self.model.temperature
        checkpoint["thresholds"] = list(self._scoring.thresholds)
        checkpoint["cue_weights"] = dict(self._scoring.cue_weights)
        checkpoint["own_places"] = self._scoring.own_places
        if self._config.freeze:  # a frozen backbone need not be written every epoch
            state = checkpoint["state_dict"]
            checkpoint["state_dict"] = {
                name: value for name, value in state.items() if not self._is_of_backbone(name)
            }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # Checkpoints of older versions have none.
        self.model.temperature = float(checkpoint.get("temperature", self.model.temperature))
        thresholds = checkpoint.get("thresholds", self._scoring.thresholds)
        self._scoring.thresholds = tuple(map(float, thresholds))
        if checkpoint.get("own_places", 0.0) == self._scoring.own_places:
            self._scoring.cue_weights = checkpoint.get("cue_weights", self._scoring.cue_weights)
        if self._config.freeze:
            own = self.state_dict()
            checkpoint["state_dict"].update(
                {name: value for name, value in own.items() if self._is_of_backbone(name)}
            )

    def _is_of_backbone(self, name: str) -> bool:
        return name.startswith(("model.backbone.", "model.spatial.backbone."))
