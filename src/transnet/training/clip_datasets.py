"""Datasets of clips: cached features, cached frames, or videos decoded on access."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from transnet.config import ClipConfig
from transnet.data.cache.clips import ClipCache
from transnet.data.clips import read_record
from transnet.data.manifest import ClipRecord
from transnet.data.views import CENTER, random_view
from transnet.inference.features import FeatureExtractor
from transnet.model.encoded import Encoded
from transnet.training.samplers import FIXED_VIEW, Draw

Example = tuple[Tensor | Encoded, Tensor]


class Numbered(Dataset[Any]):
    """The examples of a dataset, each followed by its index."""

    def __init__(self, dataset: Dataset[Any]) -> None:
        self._dataset: Any = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, draw: Draw) -> tuple[Any, Tensor, int]:
        inputs, label = self._dataset[draw]
        return inputs, label, draw[0]


class CachedFeatures(Dataset[Any]):
    """Cached features ``(n, ...)`` and target of clips."""

    def __init__(
        self, extractor: FeatureExtractor, keys: Sequence[Sequence[str]], labels: Sequence[Tensor]
    ) -> None:
        self._extractor, self._keys, self._labels = extractor, keys, labels

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, draw: Draw) -> Example:
        index, chosen = draw
        views = self._keys[index]
        key = views[0] if chosen == FIXED_VIEW else views[chosen % len(views)]
        encoded = self._extractor.encoded([key])
        return Encoded(*(each[0] for each in encoded)), self._labels[index]


class CachedClips(Dataset[Any]):
    """Cached frames, uint8 ``(n, H, W, 3)``, and target of clips."""

    def __init__(
        self,
        cache: ClipCache,
        keys: Sequence[Sequence[str]],
        labels: Sequence[Tensor],
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


class VideoClips(Dataset[Any]):
    """Frames, uint8 ``(n, H, W, 3)``, and target of clips, decoded on access."""

    def __init__(
        self,
        records: Sequence[ClipRecord],
        labels: Sequence[Tensor],
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
        clip = read_record(record, self._clip, view)
        return torch.from_numpy(clip.frames), self._labels[index]
