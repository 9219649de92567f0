"""Which pixels and which frames a prediction depends on."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from transnet.model.transnet import TransNet


class Attribution(NamedTuple):
    """The evidence for one class in one clip.

    Attributes:
        heat: Grad-CAM of each frame, ``(n, h, w)``, 0 or more, on one scale for the whole clip.
        frame_weights: drop in the probability of the class when a frame is hidden, ``(n,)``,
            -1..1.
        probability: probability of the class, 0..1.
    """

    heat: Tensor
    frame_weights: Tensor
    probability: float


def attribute(model: TransNet, clip: Tensor, class_index: int) -> Attribution:
    """Attribute the probability of a class to the pixels and the frames of a clip.

    The heat is Grad-CAM (Selvaraju et al., 2017, equations 1 and 2) on the last feature map of
    each frame: the sum of the channels, weighted by the mean gradient of the class's logit, with
    negative evidence set to 0. A frame is hidden by replacing its features with the mean of the
    other frames' features.

    Args:
        model: the network, in evaluation mode.
        clip: normalized frames, ``(n, 3, H, W)``, on the network's device.
        class_index: index of the class among the logits.
    """
    flatten = model.feature_kind == "flatten"
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
    """``(n, L)`` to n clips ``(n, n, L)``: in clip i, frame i is the mean of the others."""
    count = len(features)
    others = (features.sum(dim=0, keepdim=True) - features) / (count - 1)
    clips = features.repeat(count, 1, 1)
    clips[torch.arange(count), torch.arange(count)] = others
    return clips
