"""Test clips that look like a training clip, whatever the lists say of their origin.

Two clips are as alike as their frames: each frame of one is compared with its best match in the
other, and the means of both directions count (the smaller one), as cosine of the image network's
features. What is alike is read off the data: pairs of clips of different actions and groups are
unrelated, and a pair that is more alike than nearly all of them (``UNRELATED_SHARE``) is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from transnet.data.manifest import ClipRecord

UNRELATED_PAIRS = 100_000
UNRELATED_SHARE = 0.9999
CANDIDATES = 20
_DRAWN_FROM = 200_000  # pairs; of more, some are drawn
_PAIRS_AT_A_TIME = 512


@dataclass(frozen=True)
class Pair:
    """A test clip and the training clip that it is most like.

    Attributes:
        test: the test clip.
        train: the training clip.
        similarity: up to 1.
    """

    test: ClipRecord
    train: ClipRecord
    similarity: float


@dataclass(frozen=True)
class NearDuplicates:
    """Test clips that look like a training clip.

    Attributes:
        limit: similarity above which a pair is reported; ``None`` if there are no unrelated pairs
            to read it off.
        pairs: for each test clip the most similar training clip of another group, the most alike
            first; the groups do not explain these.
        num_test: test clips that were compared.
    """

    limit: float | None
    pairs: tuple[Pair, ...]
    num_test: int

    @property
    def alike(self) -> tuple[Pair, ...]:
        """The pairs above the limit."""
        return tuple(p for p in self.pairs if self.limit is not None and p.similarity > self.limit)

    def distinct(self, count: int) -> list[Pair]:
        """The most similar pairs to look at, one for each pair of groups."""
        kinds: dict[tuple[str, str], Pair] = {}
        for pair in self.pairs:
            kinds.setdefault((pair.test.group, pair.train.group), pair)
        return list(kinds.values())[:count]


def near_duplicates(
    train: Sequence[ClipRecord],
    test: Sequence[ClipRecord],
    features: dict[ClipRecord, NDArray[np.floating]],
) -> NearDuplicates:
    """Compare every test clip with the training clips of other groups.

    Args:
        train: training clips.
        test: test clips.
        features: of each clip its frames' features, ``(n, channels)``; clips without are left out.
    """
    train = [clip for clip in train if clip in features]
    test = [clip for clip in test if clip in features]
    if not train or not test:
        return NearDuplicates(None, (), len(test))
    frames = {"train": _directions(train, features), "test": _directions(test, features)}
    group = _numbers([clip.group for clip in (*test, *train)])
    label = _numbers([clip.label for clip in (*test, *train)])
    foreign = group[: len(test), None] != group[None, len(test) :]
    unrelated = foreign & (label[: len(test), None] != label[None, len(test) :])
    limit = _limit(frames["test"], frames["train"], unrelated)
    closeness = frames["test"].mean(dim=1) @ frames["train"].mean(dim=1).T
    closeness[~foreign] = -torch.inf
    count = min(CANDIDATES, len(train))
    candidates = closeness.topk(count, dim=1).indices
    rows = torch.arange(len(test)).repeat_interleave(count)
    similarity = _similarity(frames["test"], frames["train"], rows, candidates.flatten())
    similarity[~foreign[rows, candidates.flatten()]] = -torch.inf
    best, position = similarity.view(len(test), count).max(dim=1)
    pairs = [
        Pair(clip, train[int(candidates[index, position[index]])], float(best[index]))
        for index, clip in enumerate(test)
        if torch.isfinite(best[index])
    ]
    pairs.sort(key=lambda pair: -pair.similarity)
    return NearDuplicates(limit, tuple(pairs), len(test))


def _directions(
    clips: Sequence[ClipRecord], features: dict[ClipRecord, NDArray[np.floating]]
) -> Tensor:
    stacked = torch.from_numpy(np.stack([features[clip] for clip in clips])).float()
    return torch.nn.functional.normalize(stacked, dim=2)


def _numbers(names: Sequence[str]) -> Tensor:
    known = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return torch.tensor([known[name] for name in names])


def _limit(test: Tensor, train: Tensor, unrelated: Tensor) -> float | None:
    generator = torch.Generator().manual_seed(0)
    if unrelated.numel() > _DRAWN_FROM:
        rows = torch.randint(len(test), (UNRELATED_PAIRS,), generator=generator)
        columns = torch.randint(len(train), (UNRELATED_PAIRS,), generator=generator)
        kept = unrelated[rows, columns]
        rows, columns = rows[kept], columns[kept]
    else:
        rows, columns = unrelated.nonzero(as_tuple=True)
    if len(rows) == 0:
        return None
    similarity = _similarity(test, train, rows, columns)
    return float(np.quantile(similarity.numpy(), UNRELATED_SHARE, method="higher"))


def _similarity(test: Tensor, train: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    parts = []
    for start in range(0, len(rows), _PAIRS_AT_A_TIME):
        some = slice(start, start + _PAIRS_AT_A_TIME)
        cosines = test[rows[some]] @ train[columns[some]].transpose(1, 2)
        there, back = cosines.amax(dim=2).mean(dim=1), cosines.amax(dim=1).mean(dim=1)
        parts.append(torch.minimum(there, back))
    return torch.cat(parts)
