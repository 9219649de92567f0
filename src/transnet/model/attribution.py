"""Which pixels and which frames a prediction depends on."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from transnet.model.cue_weights import shares_of_cues
from transnet.model.transnet import TransNet


class Attribution(NamedTuple):
    """Why a clip was given a class.

    Attributes:
        heat: Grad-CAM of each frame, ``(n, h, w)``, 0 or more, in one unit for the whole clip.
        frame_weights: by how much the probability of the class falls when the appearance of a frame
            is hidden, ``(n,)``, -1..1.
        probability: of the class, 0..1.
        cues: the probability that each cue gives the class, 0..1; their weighted mean is
            ``probability`` before the temperature.
        cue_weights: the share of each cue in that mean; they add up to 1.
        flow: with motion, what moves between a frame and the next one, ``(n-1, 2, P, Q)``: x and y,
            in positions of the fine map.
    """

    heat: Tensor
    frame_weights: Tensor
    probability: float
    cues: dict[str, float]
    cue_weights: dict[str, float]
    flow: Tensor | None


def attribute(model: TransNet, clip: Tensor, class_index: int) -> Attribution:
    """Attribute the probability of a class to the pixels and the frames of a clip.

    The heat is Grad-CAM (Selvaraju et al., 2017, equations 1 and 2) on the last feature map of
    each frame: the sum of the channels (of a vision transformer, those of its patches), weighted by
    the mean gradient of the class's logit, with negative evidence set to 0. A frame is hidden by
    replacing its features with the mean of the other frames' features. The motion of the clip
    stays as it is.

    Args:
        model: the network, in evaluation mode; appearance is among its cues.
        clip: normalized frames, ``(n, 3, H, W)``, on the network's device.
        class_index: index of the class among the logits.
    """
    with torch.no_grad():
        maps = model.backbone(clip)
        cues = model.cue_logits(model.encode_cues(clip[None]))
        motion = {cue: values for cue, values in cues.items() if cue != "appearance"}
        flow = model.flow_of_clip(clip) if model.has_motion else None
    # cuDNN does not differentiate recurrent layers in evaluation mode.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        maps = maps.detach().requires_grad_()
        features = model.spatial.readout(model.spatial.pool(maps))
        logits = model.temporal(features[None])
        (gradient,) = torch.autograd.grad(logits[0, class_index], maps)
    with torch.no_grad():
        weights = gradient.mean(dim=(2, 3), keepdim=True)
        heat = torch.relu((weights * maps)[:, : model.backbone.local_channels].sum(dim=1))
        probability = _probability(model, logits, motion, class_index)[0]
        hidden = _each_frame_hidden(features.detach())
        without = _probability(model, model.temporal(hidden), motion, class_index)
        of_cues = {
            cue: float(model.scoring.probabilities(z)[0, class_index]) for cue, z in cues.items()
        }
    weights_of_cues = shares_of_cues(of_cues, model.scoring.cue_weights)
    return Attribution(
        heat.detach(), probability - without, float(probability), of_cues, weights_of_cues, flow
    )


def _probability(
    model: TransNet, appearance: Tensor, motion: dict[str, Tensor], class_index: int
) -> Tensor:
    """The probability of a class, for each row of the appearance's logits ``(N, C)``, ``(N,)``."""
    rows = {cue: values.expand(len(appearance), -1) for cue, values in motion.items()}
    logits = model.scoring.join({"appearance": appearance, **rows}) / model.temperature
    return model.scoring.probabilities(logits)[:, class_index]


def _each_frame_hidden(features: Tensor) -> Tensor:
    """``(n, L)`` to n clips ``(n, n, L)``: in clip i, frame i is the mean of the others."""
    count = len(features)
    others = (features.sum(dim=0, keepdim=True) - features) / (count - 1)
    clips = features.repeat(count, 1, 1)
    clips[torch.arange(count), torch.arange(count)] = others
    return clips
