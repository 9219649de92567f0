"""The networks that can be trained: TransNet, and the 3D networks to compare it with.

Both have ``backbone``, ``feature_kind``, ``has_motion``, ``memory_format``, ``encode``,
``encode_cues``, ``cue_logits``, ``classify``, ``temperature`` and ``scoring``.
"""

from __future__ import annotations

import torch

from transnet.model.transnet import TransNet
from transnet.model.video_network import VideoNetwork

Network = TransNet | VideoNetwork


def device_of(module: torch.nn.Module) -> torch.device:
    """The device of a network's parameters, wherever it has been moved."""
    return next(module.parameters()).device
