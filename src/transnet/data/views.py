"""Views: which moments and which square of a video form a clip, the same for all its frames.

The training views of a clip depend on the clip and not on the seed of the run, so runs with other
seeds find their features in the cache. The run chooses which view is used in which epoch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

MAX_ZOOM = 10 / 7

SpatialViews = Literal["center", "flip", "three-crops"]


@dataclass(frozen=True)
class View:
    """Temporal offset, crop and flip of a clip.

    Attributes:
        offset: temporal offset (see :mod:`transnet.data.sampling`), 0 <= offset < 1.
        zoom: the shorter side of the frame is resized to ``zoom * size`` pixels, 1 or more.
        x: horizontal position of the crop, 0 at the left edge, 1 at the right edge.
        y: vertical position of the crop, 0 at the top, 1 at the bottom.
        flip: whether to mirror left and right.
    """

    offset: float = 0.5
    zoom: float = 8 / 7
    x: float = 0.5
    y: float = 0.5
    flip: bool = False


CENTER = View()
"""The view of evaluation and prediction: the middle of the video and of the frame, no flip."""


def training_views(identity: str, count: int, *, flip: bool = True) -> tuple[View, ...]:
    """Augmented views of a clip: the evaluation view first, then random ones.

    Args:
        identity: name of the clip that stays the same from run to run; seeds the random views.
        count: number of views, 1 or more.
        flip: whether half of the random views are mirrored.
    """
    seed = hashlib.blake2b(identity.encode(), digest_size=8).digest()
    rng = np.random.default_rng(int.from_bytes(seed))
    return (CENTER, *(random_view(rng, flip=flip) for _ in range(count - 1)))


def random_view(rng: np.random.Generator, *, flip: bool = True) -> View:
    """A random offset, a random crop of 70 to 100 % of the shorter side, and a random flip."""
    return View(
        offset=float(rng.uniform(0, 1)),
        zoom=float(rng.uniform(1, MAX_ZOOM)),
        x=float(rng.uniform()),
        y=float(rng.uniform()),
        flip=flip and bool(rng.integers(2)),
    )


def evaluation_views(temporal: int = 1, spatial: SpatialViews = "center") -> tuple[View, ...]:
    """Views for test-time augmentation: every combination of temporal offset and crop.

    Args:
        temporal: number of evenly spaced temporal offsets.
        spatial: ``center`` (the center crop), ``flip`` (the center crop and its mirror image), or
            ``three-crops`` (left or top, center, right or bottom, each of the full shorter side).
    """
    crops = {
        "center": (CENTER,),
        "flip": (CENTER, replace(CENTER, flip=True)),
        "three-crops": tuple(View(zoom=1.0, x=place, y=place) for place in (0.0, 0.5, 1.0)),
    }[spatial]
    offsets = [(sample + 0.5) / temporal for sample in range(temporal)]
    return tuple(replace(crop, offset=offset) for offset in offsets for crop in crops)
