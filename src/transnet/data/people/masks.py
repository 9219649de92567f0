"""From a mask of people to a box around each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transnet.data.people.boxes import Box

# Smaller spots of a mask are no people: share of the picture.
_SMALLEST = 0.004


def boxes_of_mask(probabilities: NDArray[np.floating], least: float = 0.5) -> list[Box]:
    """A box around each connected part of a mask of people, the largest part first.

    Two people who touch are one part.

    Args:
        probabilities: of "person", ``(H, W)``, 0..1.
        least: the probability from which a pixel belongs to a person.

    Example:
        >>> mask = np.zeros((40, 60))
        >>> mask[5:35, 10:20] = 1
        >>> boxes_of_mask(mask)
        [Box(left=10, top=5, right=20, bottom=35)]
    """
    labels, _ = ndimage.label(probabilities >= least, structure=np.ones((3, 3)))
    parts = ndimage.find_objects(labels)
    sizes = np.bincount(labels.ravel())[1:]
    large = [index for index in np.argsort(-sizes) if sizes[index] >= _SMALLEST * labels.size]
    return [
        Box(columns.start, rows.start, columns.stop, rows.stop)
        for rows, columns in (parts[index] for index in large)
    ]
