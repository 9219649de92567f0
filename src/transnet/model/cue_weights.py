"""How much each cue counts in the answer: a prior, and what validation clips say.

::

    probability of a class = sum over cues of weight * probability that the cue gives to it

The weights are the mixing proportions of a mixture whose components, the cues, are fixed. They are
found by expectation maximization with a Dirichlet prior (Dempster, Laird and Rubin, Maximum
Likelihood from Incomplete Data via the EM Algorithm, 1977). Few validation clips move them little.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

WEIGHTS = {"appearance": 0.25, "fine_change": 0.25, "moving_appearance": 0.5, "flow": 1.5}
"""The prior weight of each cue, where it is not 1. The appearance, of the whole frame or of what
moves, tells the place as well: little of it costs nothing in the usual places and helps in others.
Flow sees least of the place. Fine change tells the direction of time best, and actions worst:
docs/motion.md, "How the cues are weighed"."""

WEIGHTS_IN_OWN_PLACES = {**WEIGHTS, "flow": 8.0}
"""The same where each action has places of its own (:mod:`transnet.model.places`): in other places
flow is right most often (docs/motion.md, "Where each action has a place of its own")."""

PRIOR_CLIPS, PRIOR_CLIPS_IN_OWN_PLACES = 10, 100
"""How many validation clips the prior counts as much as. Where each action has places of its own,
validation clips show the same places: the cues that know the place are right about all of them, a
cue that sees the action about most, and so it would lose its weight."""

ENOUGH = 0.5
"""What a right cue is counted to give to the truth, where each action has places of its own. How
much it really gives says how well it fits the places there: many validation clips in the usual
places would give all weight to the cues that know the place. In other datasets it says how good a
cue is, and counts."""

STEPS, PRECISION = 300, 1e-6
TINY = 1e-12


class Prior(NamedTuple):
    """What is known of the cues before validation clips say anything.

    Attributes:
        weights: of each cue, where it is not 1.
        clips: how many validation clips it counts as much as.
    """

    weights: Mapping[str, float]
    clips: float


def prior_of(own_places: float) -> Prior:
    """The prior where each action has places of its own, 0..1.

    Example:
        >>> prior_of(0.0).weights["flow"], prior_of(1.0).weights["flow"]
        (1.5, 8.0)
    """

    def between(shared: float, own: float) -> float:
        return shared + own_places * (own - shared)

    weights = {cue: between(WEIGHTS[cue], WEIGHTS_IN_OWN_PLACES[cue]) for cue in WEIGHTS}
    return Prior(weights, between(PRIOR_CLIPS, PRIOR_CLIPS_IN_OWN_PLACES))


def without_sureness(given: Tensor, right: Tensor, own_places: float) -> Tensor:
    """What a cue gives to the truth, less how sure it is where actions have places of their own.

    Args:
        given: the probability, 0..1, that it gives to the label of each of N clips.
        right: whether that is its best class, ``(N,)``.
        own_places: how surely each action has places of its own, 0..1: 1: all right clips count as
            :data:`ENOUGH`, the others as they are.

    Example:
        >>> given, right = torch.tensor([0.9, 0.4, 0.1]), torch.tensor([True, True, False])
        >>> without_sureness(given, right, 1.0)
        tensor([0.5000, 0.5000, 0.1000])
    """
    least, most = own_places * ENOUGH, 1 - own_places * (1 - ENOUGH)
    return torch.where(right, given.clamp(least, most), given.clamp(max=most))


def best_weights(given: Mapping[str, Tensor], prior: Prior) -> dict[str, float]:
    """The weights of the cues that are most probable after the clips (MAP); they add up to 1.

    Args:
        given: the probability, 0..1, that each cue gives to what is true of N clips that were not
            trained on: to their labels ``(N,)``, or to the presence or absence of each of C classes
            ``(N, C)``.
        prior: what is known of the cues before.

    Example:
        >>> right, wrong = torch.full((90,), 0.9), torch.full((90,), 0.1)
        >>> weights = best_weights({"flow": wrong, "fine_change": right}, prior_of(0.0))
        >>> weights["fine_change"] > 0.8
        True
    """
    values = torch.stack([each.double().unsqueeze(-1).flatten(1) for each in given.values()])
    num_clips = values.shape[1]
    shares = [*shares_of_cues(given, prior.weights).values()]
    expected = weights = torch.tensor(shares, dtype=torch.float64)
    for _ in range(STEPS):
        before = weights
        joint = weights[:, None, None] * values
        responsibilities = joint / joint.sum(dim=0).clamp(min=TINY)
        counts = responsibilities.mean(dim=2).sum(dim=1)
        weights = (prior.clips * expected + counts) / (prior.clips + num_clips)
        weights = weights / weights.sum()
        if float((weights - before).abs().max()) < PRECISION:
            break
    return dict(zip(given, weights.tolist(), strict=True))


def shares_of_cues(cues: Iterable[str], weights: Mapping[str, float]) -> dict[str, float]:
    """The weights of the cues, 1 where there is none, made to add up to 1."""
    own = {cue: weights.get(cue, 1.0) for cue in cues}
    total = sum(own.values())
    return {cue: weight / total for cue, weight in own.items()}
