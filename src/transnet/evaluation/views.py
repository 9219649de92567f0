"""Several looks at a test clip, whose scores are averaged."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from transnet.data.preprocessing import CENTER, View

SpatialViews = Literal["center", "flip", "three-crops"]


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
