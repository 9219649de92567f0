"""The 1D component: from the feature vectors of n frames to the logits of a clip."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

LEAK = 0.1


class TemporalConvolutions(nn.Module):
    """The paper's three 1D convolutions over time (section III-B).

    ::

        z_1 z_2 z_3 ... z_n          n frames, L features each
          \\/  \\/     ...              pair:  kernel 2, K filters, ReLU
         h_1 h_2 ... h_(n-1)
           \\  |  ...  /               whole: kernel n-1, C filters, ReLU
               v
               |                      score: kernel 1, C filters; softmax is in the loss
            logits

    Args:
        num_frames: n, 2 or more.
        features: L.
        filters: K.
        num_classes: C.
        joint: whether it learns together with the backbone. It begins as a mean over time then, and
            no unit of its second layer can die (see :func:`leaking_relu`).
        of_pairs: whether the inputs are features of the n-1 pairs already (motion): the first
            convolution then has kernel 1.
    """

    def __init__(
        self,
        num_frames: int,
        features: int,
        filters: int,
        num_classes: int,
        joint: bool = False,
        *,
        of_pairs: bool = False,
    ) -> None:
        super().__init__()
        self._joint = joint
        self.pair = nn.Conv1d(features, filters, kernel_size=1 if of_pairs else 2)
        self.whole = nn.Conv1d(filters, num_classes, kernel_size=num_frames - 1)
        self.score = nn.Conv1d(num_classes, num_classes, kernel_size=1)
        self._initialize()

    def forward(self, features: Tensor) -> Tensor:
        """Frame features ``(B, n, L)`` to logits ``(B, C)``."""
        z = features.transpose(1, 2)
        h = torch.relu(self.pair(z))  # h_j^i = f(sum_l sum_{k=i}^{i+1} z_l^k w_l^{j,k-i+1} + b^j)
        return self._whole_clip(h)

    def frame_terms(self, features: Tensor) -> Tensor:
        """What a frame adds to its pairs, as the earlier frame and as the later one.

        Before its ReLU a pair feature is a sum over its two frames, so that a stream can compute
        the term of each as it comes (:mod:`transnet.model.streaming`).

        Args:
            features: of frames, ``(N, L)``.

        Returns:
            ``(N, 2K)``: the K terms of an earlier frame, then the K terms of a later one.
        """
        earlier, later = self.pair.weight.unbind(dim=2)
        bias = self.pair.bias
        return torch.cat(
            [functional.linear(features, earlier), functional.linear(features, later, bias)], dim=1
        )

    def from_frame_terms(self, terms: Tensor) -> Tensor:
        """The terms of n frames, ``(B, n, 2K)``, to logits ``(B, C)``, as :meth:`forward` does."""
        earlier, later = terms.transpose(1, 2).chunk(2, dim=1)
        h = torch.relu(earlier[:, :, :-1] + later[:, :, 1:])
        # The convolutions of _whole_clip as products of matrices: of so few numbers they take
        # PyTorch a quarter of the time.
        v = functional.linear(h.flatten(1), self.whole.weight.flatten(1), self.whole.bias)
        return functional.linear(torch.relu(v), self.score.weight.squeeze(2), self.score.bias)

    def _whole_clip(self, h: Tensor) -> Tensor:
        v = self._relu(self.whole(h))  # v_j = f(sum_l sum_{k=1}^{n-1} h_l^k w^_l^{j,k} + b^^j)
        return self.score(v).flatten(start_dim=1)

    def _relu(self, inputs: Tensor) -> Tensor:
        return leaking_relu(inputs) if self._joint and self.training else torch.relu(inputs)

    def _initialize(self) -> None:
        # v has one unit a class. Started as usual, a unit that ReLU kills at the outset never
        # comes back and takes its class with it (on four UCF101 classes the accuracy of equal
        # runs then differed by 6 points from seed to seed). So each unit starts alive, as the
        # score of its own class.
        for layer, bias in ((self.pair, 0.0), (self.whole, 1.0), (self.score, 0.0)):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
            assert layer.bias is not None
            nn.init.constant_(layer.bias, bias)
        nn.init.dirac_(self.score.weight)
        with torch.no_grad():
            self.whole.weight.mul_(0.5)
            if self._joint:
                # Every pair of frames weighs the same at first, as in a mean over time. Random
                # weights tell a backbone now this and now that of frames that look alike; one
                # that starts from nothing then learned nothing in 430 steps.
                self.whole.weight.copy_(self.whole.weight.mean(dim=2, keepdim=True))


class GroupedConvolutions(nn.Module):
    """G :class:`TemporalConvolutions` of pairs as one, by products of matrices.

    It gives what they give one by one, in a fifth of the operations.

    Args:
        parts: of equal sizes, ``of_pairs``; their weights are copied.
    """

    pair_weight: Tensor
    pair_bias: Tensor
    whole_weight: Tensor
    whole_bias: Tensor
    score_weight: Tensor
    score_bias: Tensor

    def __init__(self, parts: Sequence[TemporalConvolutions]) -> None:
        super().__init__()
        for layer in ("pair", "whole", "score"):
            convolutions = [getattr(part, layer) for part in parts]
            # Inputs in the order of the kernel's steps: (G, steps * inputs, outputs).
            weights = [each.weight.detach().permute(2, 1, 0).flatten(0, 1) for each in convolutions]
            biases = [each.bias.detach()[None] for each in convolutions]
            self.register_buffer(f"{layer}_weight", torch.stack(weights))
            self.register_buffer(f"{layer}_bias", torch.stack(biases))

    def forward(self, pairs: Tensor) -> Tensor:
        """The inputs of all, ``(B, n-1, G L)``, to their logits, ``(B, G, C)``."""
        z = pairs.unflatten(2, (len(self.pair_weight), -1)).transpose(1, 2)
        h = torch.relu(torch.matmul(z, self.pair_weight) + self.pair_bias)
        v = torch.matmul(h.flatten(2).unsqueeze(2), self.whole_weight) + self.whole_bias
        return (torch.matmul(torch.relu(v), self.score_weight) + self.score_bias).squeeze(2)


def leaking_relu(inputs: Tensor) -> Tensor:
    """ReLU to the bit, but a tenth of the gradient comes through where it gives zero.

    A layer of one unit a class needs it where everything learns at once: a unit that is zero for
    every clip would learn nothing any more and take its class with it.
    """
    below = inputs.clamp(max=0)
    return torch.relu(inputs) + LEAK * (below - below.detach())
