"""What a training step is fed: cached features, cached clips, or videos decoded anew.

A sampler deals ``(clip, draw)`` pairs; the draw, a random number, chooses the view. All that is
random is a function of seed and epoch, so a resumed training sees what it would have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from transnet.config import ClipConfig
from transnet.data.cache.clips import ClipCache
from transnet.data.clips import read_clip
from transnet.data.manifest import ClipRecord
from transnet.data.views import CENTER, random_view
from transnet.inference.features import FeatureExtractor

Draw = tuple[int, int]
Example = tuple[Tensor, int]


def leaves_one_alone(count: int, batch_size: int) -> bool:
    """Whether the last of several batches would hold one example only.

    Batch norm would take from it just what tells it from others, and keep that as its statistics:
    such a batch is better left out. In the next epoch another example is at the end.
    """
    return count > batch_size > 1 and count % batch_size == 1


FIXED_VIEW = -1
"""The draw that stands for the view of the evaluation."""


class CachedFeatures(Dataset):
    """Features ``(n, ...)`` and class number of clips that were extracted."""

    def __init__(
        self, extractor: FeatureExtractor, keys: Sequence[Sequence[str]], labels: Sequence[int]
    ) -> None:
        self._extractor, self._keys, self._labels = extractor, keys, labels

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, draw: Draw) -> Example:
        index, chosen = draw
        views = self._keys[index]
        key = views[0] if chosen == FIXED_VIEW else views[chosen % len(views)]
        features = torch.from_numpy(self._extractor.features(key))
        return features.float(), self._labels[index]


class CachedClips(Dataset):
    """Frames, uint8 ``(n, H, W, 3)``, and class number of clips that were decoded before."""

    def __init__(
        self,
        cache: ClipCache,
        keys: Sequence[Sequence[str]],
        labels: Sequence[int],
        num_frames: int,
        *,
        flip: bool,
    ) -> None:
        self._cache, self._keys, self._labels = cache, keys, labels
        self._num_frames, self._flip = num_frames, flip

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, draw: Draw) -> Example:
        index, chosen = draw
        views = self._keys[index]
        mirrors, view = (0, 0) if chosen == FIXED_VIEW else divmod(chosen, len(views))
        frames = self._cache.get(views[view], self._num_frames)
        if self._flip and mirrors % 2:
            frames = np.ascontiguousarray(frames[:, :, ::-1])
        return torch.from_numpy(frames), self._labels[index]


class VideoClips(Dataset):
    """Frames, uint8 ``(n, H, W, 3)``, and class number of clips, decoded when asked for."""

    def __init__(
        self,
        records: Sequence[ClipRecord],
        labels: Sequence[int],
        clip: ClipConfig,
        *,
        flip: bool,
    ) -> None:
        self._records, self._labels = records, labels
        self._clip, self._flip = clip, flip

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, draw: Draw) -> Example:
        index, chosen = draw
        record = self._records[index]
        view = CENTER
        if chosen != FIXED_VIEW:
            view = random_view(np.random.default_rng(chosen), flip=self._flip)
        clip = read_clip(record.path, self._clip, view, start=record.start, end=record.end)
        return torch.from_numpy(clip.frames), self._labels[index]


class EpochSampler(Sampler[Draw]):
    """Every clip once an epoch, in random order, each in a random view."""

    def __init__(self, count: int, *, seed: int) -> None:
        self._count, self._seed = count, seed
        self._current_epoch: Callable[[], int] = lambda: 0

    def follow(self, current_epoch: Callable[[], int]) -> None:
        """Ask this for the epoch. (Being told it comes too late when a training is resumed.)"""
        self._current_epoch = current_epoch

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Draw]:
        rng = np.random.default_rng((self._seed, self._current_epoch()))
        order = rng.permutation(self._count)
        draws = rng.integers(0, 2**31, size=self._count)
        return iter(zip(order.tolist(), draws.tolist(), strict=True))


class FixedSampler(Sampler[Draw]):
    """Every clip once, in order, in the view of the evaluation."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Draw]:
        return ((index, FIXED_VIEW) for index in range(self._count))
