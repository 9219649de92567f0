"""The temporal part of a head: the paper's, a baseline, or one of your own."""

from __future__ import annotations

from transnet.config import Temporal
from transnet.model.baselines import (
    Attention,
    MeanPooling,
    Recurrent,
    SeparableConvolutions,
    TemporalBaseline,
)
from transnet.model.own_parts import OwnTemporal, TemporalFactory, TemporalSizes
from transnet.model.temporal import TemporalConvolutions

TemporalPart = TemporalConvolutions | TemporalBaseline


def temporal_part(
    kind: Temporal | TemporalFactory,
    num_frames: int,
    features: int,
    filters: int,
    num_classes: int,
    joint: bool,
    *,
    of_pairs: bool = False,
) -> TemporalPart:
    """The temporal part of a head, of n frames or of their n-1 pairs."""
    if kind == "conv1d":
        sizes = (num_frames, features, filters, num_classes)
        return TemporalConvolutions(*sizes, joint, of_pairs=of_pairs)
    steps = num_frames - of_pairs
    if callable(kind):
        return OwnTemporal(kind, TemporalSizes(steps, features, filters, num_classes))
    if kind == "separable":
        return SeparableConvolutions(steps, features, filters, num_classes)
    if kind == "attention":
        return Attention(steps, features, filters, num_classes)
    if kind == "mean":
        return MeanPooling(features, num_classes)
    return Recurrent(kind, features, filters, num_classes)
