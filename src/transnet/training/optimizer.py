"""Optimizer and schedule: AdamW, linear warm-up, half a cosine to zero."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from transnet.config import PretrainingConfig, TrainingConfig
from transnet.errors import TransNetError


def optimizers(
    model: nn.Module,
    backbone: nn.Module,
    config: TrainingConfig | PretrainingConfig,
    num_steps: int,
) -> dict[str, Any]:
    """Optimizer and schedule, as Lightning's ``configure_optimizers`` returns them.

    Args:
        model: the network; frozen parameters are left out.
        backbone: the part of it with a learning rate of its own.
        config: learning rates, weight decay and warm-up.
        num_steps: steps of the whole training.
    """
    groups = []
    inner = {id(p) for p in backbone.parameters()}
    for rate, inside in ((config.learning_rate, False), (config.backbone_learning_rate, True)):
        for decayed in (True, False):
            members = [
                p
                for p in model.parameters()
                if p.requires_grad
                and (id(p) in inner) == inside
                and (p.ndim > 1) == decayed  # no decay of biases and norms
            ]
            if members:
                decay = config.weight_decay if decayed else 0.0
                groups.append({"params": members, "lr": rate, "weight_decay": decay})
    optimizer = torch.optim.AdamW(groups)
    warmup = max(1, round(config.warmup * num_steps))

    def factor(step: int) -> float:
        """Share of the peak learning rate, 0..1."""
        if step < warmup:
            return (step + 1) / warmup
        done = (step - warmup) / max(1, num_steps - warmup)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def refuse_divergence(loss: Tensor, step: int) -> None:
    """Stop a training whose loss is not finite.

    Raises:
        TransNetError: the loss is infinite or not a number.
    """
    if not torch.isfinite(loss):
        raise TransNetError(
            f"the loss is {loss.item()} in step {step}: the training has diverged. Start over with "
            "a lower --learning-rate or --backbone-learning-rate."
        )
