"""Where TransNet or one of its rivals looked, and which frames decided."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from transnet.model.transnet import TransNet


class Attribution(NamedTuple):
    """Why a clip was given a class.

    Attributes:
        heat: Grad-CAM of each frame, ``(n, h, w)``, 0 or more, in one unit for the whole clip.
        frame_weights: by how much the probability of the class falls when a frame is hidden,
            ``(n,)``, -1..1.
        probability: of the class, 0..1.
    """

    heat: Tensor
    frame_weights: Tensor
    probability: float


def attribute(model: TransNet, clip: Tensor, class_index: int) -> Attribution:
    """Ask a network in evaluation mode why it gives a clip the probability that it gives a class.

    The heat is Grad-CAM (Selvaraju et al., 2017, equations 1 and 2) on the last map of each frame:
    the map's channels are weighted by the mean gradient of the class's logit, added, and what
    speaks against the class is dropped. A frame is hidden by putting the mean of the other frames'
    features in its place.

    Args:
        model: the network.
        clip: normalized, ``(n, 3, H, W)``.
        class_index: which logit.
    """
    flatten = model.spatial.readout.kind == "flatten"
    with torch.no_grad():
        maps = model.backbone(clip)
    # cuDNN does not differentiate recurrent layers in evaluation mode.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        maps = maps.detach().requires_grad_()
        features = model.spatial.readout(maps if flatten else maps.mean(dim=(2, 3)))
        logits = model.temporal(features[None])
        (gradient,) = torch.autograd.grad(logits[0, class_index], maps)
    with torch.no_grad():
        weights = gradient.mean(dim=(2, 3), keepdim=True)
        heat = torch.relu((weights * maps).sum(dim=1))
        probability = logits.softmax(dim=1)[0, class_index]
        hidden = _each_frame_hidden(features.detach())
        without = model.temporal(hidden).softmax(dim=1)[:, class_index]
    return Attribution(heat.detach(), probability - without, float(probability))


def _each_frame_hidden(features: Tensor) -> Tensor:
    """``(n, L)`` to n clips ``(n, n, L)``, in the i-th of which frame i is the others' mean."""
    count = len(features)
    others = (features.sum(dim=0, keepdim=True) - features) / (count - 1)
    clips = features.repeat(count, 1, 1)
    clips[torch.arange(count), torch.arange(count)] = others
    return clips
