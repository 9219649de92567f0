"""Explanations: Grad-CAM heat on the frames of a clip, and how much of it lies on people."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import numpy as np
import torch
from matplotlib import colormaps
from numpy.typing import NDArray
from torch.nn import functional

from transnet.data.clips import Clip, read_record
from transnet.data.manifest import ClipRecord
from transnet.data.video.frames import Pixels
from transnet.errors import TransNetError
from transnet.inference.recognizer import Recognizer
from transnet.inference.segmenter import PersonSegmenter
from transnet.model.attribution import attribute
from transnet.model.networks import Network
from transnet.model.transnet import TransNet
from transnet.utils.progress import progress_bar

MAX_EXPLAINED = 100
HEAT_COLORS = "inferno"


@dataclass(frozen=True, eq=False)
class Explanation:
    """Which pixels and frames a prediction depends on.

    Attributes:
        label: the class that is explained.
        probability: its probability, 0..1.
        clip: the input of the network.
        heat: Grad-CAM of each frame (Selvaraju et al., 2017), ``(n, size, size)``, 0..1; 1 is the
            maximum over the clip.
        frame_weights: drop of the probability when a frame is hidden, ``(n,)``.
        heat_on_person: share of the heat on people, 0..1; ``None`` without a segmenter or heat.
        person_area: share of the pixels that show people, 0..1: the value of ``heat_on_person``
            for heat spread evenly.
        cues: the probability that each cue gives the class, 0..1.
        cue_weights: how much each cue counts; they add up to 1.
        flow: with motion, what moves between a frame and the next one, ``(n-1, 2, h, w)``: x and y,
            as shares of the frame's width.
    """

    label: str
    probability: float
    clip: Clip
    heat: NDArray[np.float32]
    frame_weights: NDArray[np.float32]
    heat_on_person: float | None = None
    person_area: float | None = None
    cues: Mapping[str, float] = field(default_factory=dict)
    cue_weights: Mapping[str, float] = field(default_factory=dict)
    flow: NDArray[np.float32] | None = None

    @property
    def decisive(self) -> int:
        """The number of the frame whose hiding lowers the probability most."""
        return int(self.frame_weights.argmax())

    def to_dict(self) -> dict[str, Any]:
        """The explanation as JSON values, without its arrays of pixels."""
        values: dict[str, Any] = {
            "label": self.label,
            "probability": self.probability,
            "times_s": self.clip.times_s.tolist(),
            "frame_weights": self.frame_weights.tolist(),
        }
        if len(self.cues) > 1:
            values |= {"cues": dict(self.cues), "cue_weights": dict(self.cue_weights)}
        if self.heat_on_person is not None:
            values |= {"heat_on_person": self.heat_on_person, "person_area": self.person_area}
        return values


@dataclass(frozen=True)
class HeatOnPerson:
    """Mean share of the Grad-CAM heat on people, over several clips.

    Attributes:
        share: share of the heat on people, 0..1.
        person_area: share of the pixels that show people, 0..1.
        num_clips: clips with any heat.
    """

    share: float
    person_area: float
    num_clips: int


def has_maps(model: Network) -> TypeGuard[TransNet]:
    """Whether the appearance of each frame is classified from a feature map: Grad-CAM needs it."""
    return (
        isinstance(model, TransNet)
        and "appearance" in model.cues
        and model.backbone.grid is not None
    )


def require_maps(recognizer: Recognizer) -> TransNet:
    """The network, if Grad-CAM applies to it.

    Raises:
        TransNetError: its backbone outputs no feature map of a frame.
    """
    model = recognizer.model
    if isinstance(model, TransNet) and "appearance" not in model.cues:
        raise TransNetError(
            "the run classifies motion alone, which has no heat; accepted: runs that were trained "
            "with cues 'both' or 'appearance'."
        )
    if not has_maps(model):
        raise TransNetError(
            f"{recognizer.info.backbone.name} outputs no feature map of a frame, so its "
            "predictions cannot be explained; accepted: runs with a backbone that gives one."
        )
    return model


def explain_clip(
    recognizer: Recognizer,
    clip: Clip,
    label: str | None = None,
    segmenter: PersonSegmenter | None = None,
) -> Explanation:
    """Explain the prediction for a clip, or the score of another class.

    Args:
        recognizer: the recognizer.
        clip: its input.
        label: the class to explain; by default the predicted one.
        segmenter: finds people, to measure the heat on them.

    Raises:
        TransNetError: the class is unknown, or the backbone outputs no feature map of a frame.
    """
    model, classes = require_maps(recognizer), recognizer.classes
    if label is not None and label not in classes:
        raise TransNetError(f"--label is {label!r}; accepted: {', '.join(classes)}.")
    pixels = recognizer.normalized(clip.frames)
    if label is None:
        with torch.inference_mode():
            label = classes[int(model(pixels[None])[0, : len(classes)].argmax())]
    found = attribute(model, pixels, classes.index(label))
    size = clip.frames.shape[1:3]
    heat = functional.interpolate(found.heat[:, None], size, mode="bilinear")[:, 0].cpu().numpy()
    on_person = area = None
    if segmenter is not None:
        people = segmenter.probabilities(clip.frames) > 0.5
        area = float(people.mean())
        on_person = float(heat[people].sum() / heat.sum()) if heat.sum() > 0 else None
    return Explanation(
        label,
        found.probability,
        clip,
        (heat / max(heat.max(), 1e-12)).astype(np.float32),
        found.frame_weights.cpu().numpy(),
        on_person,
        area,
        found.cues,
        found.cue_weights,
        None if found.flow is None else (found.flow / found.flow.shape[3]).cpu().numpy(),
    )


def heat_on_person(
    recognizer: Recognizer, segmenter: PersonSegmenter, clips: Sequence[ClipRecord]
) -> HeatOnPerson | None:
    """Measure the heat on people, on at most 100 evenly spaced clips.

    Returns:
        The means over the clips; ``None`` if no clip has any heat.

    Raises:
        TransNetError: the backbone outputs no feature map of a frame.
        VideoError: a clip cannot be read.
    """
    chosen = clips[:: max(1, math.ceil(len(clips) / MAX_EXPLAINED))]
    shares, areas = [], []
    with progress_bar("explaining predictions", len(chosen), "clips") as bar:
        for record in chosen:
            clip = read_record(record, recognizer.info.clip)
            found = explain_clip(recognizer, clip, segmenter=segmenter)
            if found.heat_on_person is not None and found.person_area is not None:
                shares.append(found.heat_on_person)
                areas.append(found.person_area)
            bar.update(1)
    if not shares:
        return None
    return HeatOnPerson(statistics.mean(shares), statistics.mean(areas), len(shares))


def heated(pixels: Pixels, heat: NDArray[np.floating]) -> Pixels:
    """Overlay heat, ``(H, W)``, 0..1, on a frame, uint8 RGB ``(H, W, 3)``."""
    colors = 255 * colormaps[HEAT_COLORS](np.asarray(heat))[..., :3]
    strength = 0.75 * np.sqrt(np.clip(heat, 0, 1))[..., None]
    return ((1 - strength) * 0.8 * pixels + strength * colors).round().astype(np.uint8)
