"""Whether each action was recorded in a place of its own, as far as its clips tell.

::

    ratio(x) = d(x, nearest clip of its action in another group)
               ------------------------------------------------------
               d(x, nearest clip of another action in another group)

    of an action: the median over its clips; of the dataset: the geometric mean over its actions

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

_ALIKE = 1e-4
"""Distance below which two clips look the same."""


def own_places(descriptions: Tensor, labels: Sequence[int], groups: Sequence[str]) -> float:
    """How surely each action has places of its own: 0, no sign of it, to 1.

    Args:
        descriptions: unit vectors of N training clips, ``(N, D)``; see
            :func:`~transnet.model.novelty.describe_clips`.
        labels: the class index of each.
        groups: the group of each. Without two groups that show the same action, there is no sign.
            If each clip has a group of its own, perhaps because none were named, the sign counts
            half: clips of one recording look alike as well.

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
    own, other = elsewhere & same, elsewhere & ~same
    to_own, to_other = (
        nearest_distance(descriptions, descriptions, allowed).clamp(min=0) + _ALIKE
        for allowed in (own, other)
    )
    compared = own.any(dim=1) & other.any(dim=1)
    ratios = (to_own / to_other).log()
    kinds, ratios = kinds[compared], ratios[compared]
    of_actions = [ratios[kinds == kind].quantile(0.5) for kind in kinds.unique()]
    if not of_actions:
        return 0.0
    ratio = float(torch.stack(of_actions).mean().exp())
    found = min(1.0, max(0.0, (SHARED_PLACES - ratio) / (SHARED_PLACES - OWN_PLACES)))
    return found / 2 if len({*groups}) == len(groups) else found
