"""Near-duplicates: test clips that look like a training clip of another group.

The similarity of two clips is the cosine similarity of the image network's frame features: each
frame of one clip is compared with its best match in the other, and the smaller mean of the two
directions counts. The limit comes from the data: pairs of clips of different classes and groups are
unrelated; a pair that is more similar than nearly all of them (``UNRELATED_SHARE``) is reported.
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
_MAX_PAIRS = 200_000  # of more pairs, some are drawn
_BATCH_OF_PAIRS = 512


@dataclass(frozen=True)
class Pair:
    """A test clip and the training clip that is most similar to it.

    Attributes:
        test: the test clip.
        train: the training clip.
        similarity: -1..1.
    """

    test: ClipRecord
    train: ClipRecord
    similarity: float


@dataclass(frozen=True)
class NearDuplicates:
    """Test clips that look like a training clip.

    Attributes:
        limit: similarity above which a pair is reported; ``None`` without unrelated pairs.
        pairs: the most similar training clip of another group for each test clip, most similar
            first.
        num_test: number of test clips compared.
    """

    limit: float | None
    pairs: tuple[Pair, ...]
    num_test: int

    @property
    def alike(self) -> tuple[Pair, ...]:
        """The pairs above the limit."""
        return tuple(p for p in self.pairs if self.limit is not None and p.similarity > self.limit)

    def distinct(self, count: int) -> list[Pair]:
        """The most similar pairs, one per pair of groups."""
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
        features: frame features ``(n, channels)`` of each clip; clips without are left out.
    """
    train = [clip for clip in train if clip in features]
    test = [clip for clip in test if clip in features]
    if not train or not test:
        return NearDuplicates(None, (), len(test))
    frames = {"train": _unit_features(train, features), "test": _unit_features(test, features)}
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


def _unit_features(
    clips: Sequence[ClipRecord], features: dict[ClipRecord, NDArray[np.floating]]
) -> Tensor:
    stacked = torch.from_numpy(np.stack([features[clip] for clip in clips])).float()
    return torch.nn.functional.normalize(stacked, dim=2)


def _numbers(names: Sequence[str]) -> Tensor:
    known = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return torch.tensor([known[name] for name in names])


def _limit(test: Tensor, train: Tensor, unrelated: Tensor) -> float | None:
    generator = torch.Generator().manual_seed(0)
    if unrelated.numel() > _MAX_PAIRS:
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
    for start in range(0, len(rows), _BATCH_OF_PAIRS):
        some = slice(start, start + _BATCH_OF_PAIRS)
        cosines = test[rows[some]] @ train[columns[some]].transpose(1, 2)
        there, back = cosines.amax(dim=2).mean(dim=1), cosines.amax(dim=1).mean(dim=1)
        parts.append(torch.minimum(there, back))
    return torch.cat(parts)
