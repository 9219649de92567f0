"""The extraction of features on one machine: clips in, rows out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch

from transnet.archive.feature_config import FeatureConfig
from transnet.archive.feature_parts import clip_row
from transnet.archive.parts import Row
from transnet.checkpoints.backbone_weights import BackboneWeights
from transnet.checkpoints.record import package_versions
from transnet.config import ClipConfig
from transnet.data.cache.features import FeatureCache
from transnet.data.manifest import ClipRecord
from transnet.data.views import View, training_views
from transnet.inference.features import FeatureExtractor
from transnet.model.transnet import TransNet
from transnet.runtimes.choice import accelerated
from transnet.runtimes.device import find_device


class FeatureJob:
    """A frozen network, and the settings that its features depend on."""

    def __init__(self, weights: BackboneWeights, clip: ClipConfig, config: FeatureConfig) -> None:
        self._weights, self._clip, self._config = weights, clip, config
        torch.manual_seed(0)
        self._network = TransNet(
            weights.backbone.name,
            2,
            num_frames=clip.frames,
            readout=config.readout,
            cues=config.cues,
            size=clip.size,
            backbone_args=weights.backbone.args,
        )
        weights.load_into(self._network.backbone)
        self._network.backbone.freeze()

    def record(self) -> dict[str, Any]:
        """What the features depend on, as JSON values."""
        return {
            "format": 1,
            "kind": "features",
            "backbone": self._weights.backbone.name,
            "fingerprint": self._network.backbone.fingerprint(),
            "mean": list(self._weights.backbone.mean),
            "std": list(self._weights.backbone.std),
            "clip": self._clip.facts(),
            "readout": self._config.readout,
            "cues": self._config.cues,
            "views": self._config.views,
            "flip": self._config.flip,
            "weights": self._weights.backbone.weights,
            "versions": package_versions(),
        }

    def opened(self, num_clips: int) -> AbstractContextManager[Any]:
        """Hold the backbone in its fastest runtime for so many clips."""
        frames = num_clips * self._config.views * self._clip.frames
        return accelerated(self._network.backbone, frames)

    def extract(self, store: FeatureCache, records: Sequence[ClipRecord]) -> list[Row]:
        """The rows of some clips."""
        config = self._config
        views_of: Callable[[str], Sequence[View]] = partial(
            training_views, count=config.views, flip=config.flip
        )
        extractor = FeatureExtractor(
            self._network,
            self._clip,
            self._weights.backbone.mean,
            self._weights.backbone.std,
            store,
            workers=config.workers,
            device=find_device(config.device),
        )
        done = extractor.extract(records, views_of, title=f"{len(records)} clips")
        rows = []
        for record in records:
            common = clip_row(record)
            if record in done.broken:
                rows.append({**common, "error": done.broken[record].reason})
                continue
            common["video"] = done.digests[record]
            for view, key in enumerate(done.keys[record]):
                entries = extractor.entries(key)
                for entry, value in zip(entries, store.read(entries), strict=True):
                    rows.append({**common, "view": view, "key": entry, "features": value})
        return rows
