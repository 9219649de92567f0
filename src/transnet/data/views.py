"""Views: which moments and which square of a video become a clip, consistent over its frames.

The training views of a clip depend on the clip alone and not on the run's seed: runs with other
seeds find their features in the cache. Which of them is used in which epoch is the run's choice.
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
    """One way to look at a video: which moments, which square of the picture, mirrored or not.

    Attributes:
        offset: where the clip's frames are taken (see :mod:`transnet.data.sampling`), 0 to 1.
        zoom: the picture's short side is resized to ``zoom * size`` pixels, 1 or more.
        x: where the square is cut, 0 at the left edge, 1 at the right one.
        y: where the square is cut, 0 at the top, 1 at the bottom.
        flip: mirror left and right.
    """

    offset: float = 0.5
    zoom: float = 8 / 7
    x: float = 0.5
    y: float = 0.5
    flip: bool = False


CENTER = View()
"""The view of every evaluation and prediction: the middle of the picture, unmirrored."""


def training_views(identity: str, count: int, *, flip: bool = True) -> tuple[View, ...]:
    """``count`` views of a clip: the one of the evaluation, then random ones.

    Args:
        identity: anything that names the clip and stays the same from run to run.
        count: views, 1 or more.
        flip: whether half of the random ones are mirrored.
    """
    seed = hashlib.blake2b(identity.encode(), digest_size=8).digest()
    rng = np.random.default_rng(int.from_bytes(seed))
    return (CENTER, *(random_view(rng, flip=flip) for _ in range(count - 1)))


def random_view(rng: np.random.Generator, *, flip: bool = True) -> View:
    """A random moment, a random square between the whole short side and 70 % of it, a mirror."""
    return View(
        offset=float(rng.uniform(0, 1)),
        zoom=float(rng.uniform(1, MAX_ZOOM)),
        x=float(rng.uniform()),
        y=float(rng.uniform()),
        flip=flip and bool(rng.integers(2)),
    )


def evaluation_views(temporal: int = 1, spatial: SpatialViews = "center") -> tuple[View, ...]:
    """Every combination of moments and squares.

    Args:
        temporal: samples of the video, evenly spread over the room that each frame has.
        spatial: ``center`` (the middle square), ``flip`` (that and its mirror image), or
            ``three-crops`` (left or top, middle, right or bottom, each as large as it can be).
    """
    squares = {
        "center": (CENTER,),
        "flip": (CENTER, replace(CENTER, flip=True)),
        "three-crops": tuple(View(zoom=1.0, x=place, y=place) for place in (0.0, 0.5, 1.0)),
    }[spatial]
    offsets = [(sample + 0.5) / temporal for sample in range(temporal)]
    return tuple(replace(square, offset=offset) for offset in offsets for square in squares)
