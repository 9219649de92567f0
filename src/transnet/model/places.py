"""Whether each action was recorded in a place of its own, as far as its clips tell.

::

    ratio = median over the clips x of  d(x, nearest clip of its action in another group)
                                        ------------------------------------------------------
                                        d(x, nearest clip of another action in another group)

Groups are people or source videos, so two clips of different groups have at most the place and the
action in common. d is the distance of :mod:`transnet.model.novelty`, of what the whole frame shows.
Where all actions share their places, or each has many, the ratio is near 1; where each action has a
place of its own, other people in that place are much nearer than any other action. Validation clips
of such a dataset show the same places, so they cannot tell which cue sees the action.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from transnet.model.novelty import in_other_groups, nearest_distance

OWN_PLACES, SHARED_PLACES = 0.35, 0.6
"""The ratio up to which each action has places of its own, and from which it has none."""

_TINY = 1e-9


def own_places(descriptions: Tensor, labels: Sequence[int], groups: Sequence[str]) -> float:
    """How surely each action has places of its own: 0, no sign of it, to 1.

    Args:
        descriptions: unit vectors of N training clips, ``(N, D)``; see
            :func:`~transnet.model.novelty.describe_clips`.
        labels: the class index of each.
        groups: the group of each. Without two groups that show the same action, there is no sign.

    Example:
        >>> pool, court = torch.eye(2)
        >>> clips = torch.stack([pool, pool + 0.1 * court, court, court + 0.1 * pool])
        >>> clips = torch.nn.functional.normalize(clips, dim=1)
        >>> own_places(clips, [0, 0, 1, 1], ["ann", "bob", "ann", "bob"])
        1.0
        >>> own_places(clips, [0, 1, 1, 0], ["ann", "bob", "ann", "bob"])
        0.0
    """
    kinds = torch.tensor(labels)
    elsewhere, same = in_other_groups(groups), kinds[:, None] == kinds
    compared = (elsewhere & same).any(dim=1) & (elsewhere & ~same).any(dim=1)
    if not compared.any():
        return 0.0
    to_own = nearest_distance(descriptions, descriptions, elsewhere & same)[compared]
    to_other = nearest_distance(descriptions, descriptions, elsewhere & ~same)[compared]
    ratio = float((to_own.clamp(min=0) / to_other.clamp(min=_TINY)).median())
    return min(1.0, max(0.0, (SHARED_PLACES - ratio) / (SHARED_PLACES - OWN_PLACES)))
