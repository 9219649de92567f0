"""An epoch with a frozen backbone: from cached features, from cached frames, from video."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from transnet.benchmark.contest import Entrant, contest
from transnet.benchmark.features import MANY_FRAMES
from transnet.benchmark.measurement import Measurement, measurement
from transnet.benchmark.setting import Setting
from transnet.checkpoints.run import RunInfo
from transnet.data.cache.clips import ClipCache, cache_clips
from transnet.data.cache.features import FeatureCache
from transnet.data.manifest import ClipRecord
from transnet.data.views import CENTER
from transnet.inference.features import FeatureExtractor
from transnet.model.networks import Network
from transnet.model.normalization import Normalization
from transnet.training.clip_datasets import CachedClips, CachedFeatures, VideoClips
from transnet.training.optimizer import optimizers
from transnet.training.samplers import EpochSampler

CACHED = Entrant("epoch from the feature cache")
DECODED = Entrant("epoch from the clip cache")
VIDEO = Entrant("epoch from video")
AT_LEAST = 50.0


_Forward = Callable[[Any], Tensor]


def measure_part(setting: Setting) -> list[Measurement]:
    """An epoch over the clips, with the datasets, sampler and optimizer of a training."""
    recognizer = setting.recognizer()
    info, network = recognizer.info, recognizer.model
    network.backbone.freeze()
    if not setting.miniature:
        with recognizer.accelerated(MANY_FRAMES):
            pass  # measures which runtime is fastest
    with (
        tempfile.TemporaryDirectory(dir=setting.scratch) as folder,
        FeatureCache(Path(folder) / "features") as feature_cache,
        ClipCache(Path(folder) / "clips") as clip_cache,
    ):
        mean, std = info.backbone.mean, info.backbone.std
        extractor = FeatureExtractor(network, setting.clip, mean, std, feature_cache)
        datasets = _datasets(setting.records, info, extractor, clip_cache)
        calls = {
            entrant: _epochs(network, info, dataset, workers)
            for entrant, (dataset, workers) in datasets.items()
        }
        with recognizer.accelerated():  # batches come one after the other, as frames of a stream
            outcome = contest("training", calls, setting.schedule)
    limits = {VIDEO: setting.limit("ratio", at_least=AT_LEAST)}
    return [
        measurement(
            outcome,
            entrant,
            part="training",
            threads=setting.threads,
            reference=() if entrant == CACHED else (CACHED,),
            limit=limits.get(entrant),
            note=f"{len(setting.records)} clips",
        )
        for entrant in (CACHED, DECODED, VIDEO)
    ]


def _datasets(
    records: Sequence[ClipRecord], info: RunInfo, extractor: FeatureExtractor, cache: ClipCache
) -> dict[Entrant, tuple[Dataset[Any], int]]:
    """The clips as each entrant reads them, and its worker processes."""
    labels = list(torch.arange(len(records)) % len(info.classes))
    workers = info.training.workers
    features = extractor.extract(records, title="features")
    frames = cache_clips(
        cache, records, info.clip, lambda _: (CENTER,), workers=workers, title="frames"
    )
    for error in (*features.broken.values(), *frames.broken.values()):
        raise error
    cached = [features.keys[record] for record in records]
    decoded = [frames.keys[record] for record in records]
    return {
        CACHED: (CachedFeatures(extractor, cached, labels), 0),
        DECODED: (CachedClips(cache, decoded, labels, info.clip.frames, flip=True), workers),
        VIDEO: (VideoClips(records, labels, info.clip, flip=True), workers),
    }


def _forward(network: Network, info: RunInfo, dataset: Dataset[Any]) -> _Forward:
    if isinstance(dataset, CachedFeatures):
        return lambda encoded: network.classify(*encoded)
    normalize = Normalization(info.backbone.mean, info.backbone.std)

    def whole(frames: Tensor) -> Tensor:
        """Frozen, without a feature cache: the backbone encodes every clip in every epoch."""
        with torch.no_grad():
            encoded = network.encode(normalize(frames))
        return network.classify(encoded)

    return whole


def _epochs(
    network: Network,
    info: RunInfo,
    dataset: Dataset[Any],
    workers: int,
) -> Callable[[], None]:
    forward = _forward(network, info, dataset)
    loader: DataLoader[Any] = DataLoader(
        dataset,
        batch_size=info.training.batch_size,
        sampler=EpochSampler(len(cast("Any", dataset)), seed=0),
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    optimizer = optimizers(network, network.backbone, info.training, num_steps=1)["optimizer"]
    loss = nn.CrossEntropyLoss(label_smoothing=info.training.label_smoothing)

    def epoch() -> None:
        network.train()
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss(forward(inputs), labels).backward()
            optimizer.step()

    return epoch
