"""An epoch with a frozen backbone: from features, from decoded frames, from video."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
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
from transnet.data.views import CENTER
from transnet.inference.features import FeatureExtractor
from transnet.model.networks import Network
from transnet.model.normalization import Normalization
from transnet.training.datasets import CachedClips, CachedFeatures, EpochSampler, VideoClips
from transnet.training.optimizer import optimizers

CACHED = Entrant("epoch from the feature cache")
DECODED = Entrant("epoch from the clip cache")
VIDEO = Entrant("epoch from video")
AT_LEAST = 50.0


def measure(setting: Setting) -> list[Measurement]:
    """Rows of an epoch over the clips, by the datasets, sampler and optimizer of a training."""
    recognizer = setting.recognizer()
    info, network = recognizer.info, recognizer.model
    network.backbone.freeze()
    if not setting.miniature:
        with recognizer.accelerated(MANY_FRAMES):
            pass  # finds out in which runtime the backbone is fastest
    records = setting.records
    labels = [number % len(info.classes) for number in range(len(records))]
    normalize = Normalization(info.backbone.mean, info.backbone.std)

    def whole(frames: Tensor) -> Tensor:
        """Frozen, without a feature cache: the backbone looks at every clip in every epoch."""
        with torch.no_grad():
            encoded = network.encode(normalize(frames))
        return network.classify(encoded)

    with (
        tempfile.TemporaryDirectory(dir=setting.scratch) as folder,
        FeatureCache(Path(folder) / "features") as feature_cache,
        ClipCache(Path(folder) / "clips") as clip_cache,
    ):
        mean, std = info.backbone.mean, info.backbone.std
        extractor = FeatureExtractor(network, setting.clip, mean, std, feature_cache)
        features = extractor.extract(records, title="features")
        frames = cache_clips(
            clip_cache, records, setting.clip, lambda _: (CENTER,),
            workers=info.training.workers, title="frames",
        )  # fmt: skip
        for error in (*features.broken.values(), *frames.broken.values()):
            raise error
        cached = [features.keys[record] for record in records]
        decoded = [frames.keys[record] for record in records]
        datasets: dict[Entrant, tuple[Dataset, Callable[[Tensor], Tensor], int]] = {
            CACHED: (CachedFeatures(extractor, cached, labels), network.classify, 0),
            DECODED: (
                CachedClips(clip_cache, decoded, labels, info.clip.frames, flip=True),
                whole, info.training.workers,
            ),
            VIDEO: (
                VideoClips(records, labels, info.clip, flip=True), whole, info.training.workers
            ),
        }  # fmt: skip
        with recognizer.accelerated():  # batches come one after the other, as frames of a stream
            outcome = contest(
                "training",
                {entrant: _epochs(network, info, *how) for entrant, how in datasets.items()},
                setting.pace,
            )
    limits = {VIDEO: setting.limit("ratio", at_least=AT_LEAST)}
    return [
        measurement(
            outcome, entrant, part="training", threads=setting.threads,
            reference=() if entrant == CACHED else (CACHED,), limit=limits.get(entrant),
            note=f"{len(records)} clips",
        )
        for entrant in (CACHED, DECODED, VIDEO)
    ]  # fmt: skip


def _epochs(
    network: Network,
    info: RunInfo,
    dataset: Dataset,
    forward: Callable[[Tensor], Tensor],
    workers: int,
) -> Callable[[], None]:
    loader: DataLoader = DataLoader(
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
