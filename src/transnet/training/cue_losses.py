"""Each cue is trained by a loss of its own, see :mod:`transnet.model.cues`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from transnet.model.cues import MOTION

Loss = Callable[[Tensor, Tensor, float], Tensor]
"""From logits ``(B, C)``, targets and label smoothing, 0..1, to a loss."""


def losses_of_cues(
    loss: Loss, logits: Mapping[str, Tensor], targets: Tensor, smoothing: float
) -> list[Tensor]:
    """The loss of each cue, whose sum is trained.

    Label smoothing is for the appearance: a cue of motion that knows the class may say so and
    outweigh those that do not (docs/motion.md, "How the cues are weighed").

    Args:
        loss: the loss of a cue.
        logits: ``(B, C)`` of each cue.
        targets: what the loss compares them with.
        smoothing: label smoothing of the appearance, 0..1.
    """
    return [
        loss(of_cue, targets, 0.0 if cue in MOTION else smoothing) for cue, of_cue in logits.items()
    ]
