"""An epoch with a frozen backbone: from cached features, from decoded frames, from video."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from transnet.benchmark.contest import Entrant, contest
from transnet.benchmark.features import MANY_FRAMES
from transnet.benchmark.measurement import Measurement, measurement
from transnet.benchmark.setting import Setting
from transnet.checkpoint import RunInfo
from transnet.data.clips import read_clip
from transnet.data.feature_cache import FeatureCache
from transnet.data.preprocessing import CENTER, Pixels, normalise
from transnet.features.extractor import FeatureExtractor
from transnet.model.network import Network
from transnet.training.datasets import CachedFeatures, Draw, EpochSampler, Example, VideoClips
from transnet.training.optimizer import optimizers

CACHED = Entrant("epoch from the feature cache")
DECODED = Entrant("epoch from decoded frames")
VIDEO = Entrant("epoch from video")
AT_LEAST = 50.0


def measure(setting: Setting) -> list[Measurement]:
    """Rows of an epoch over the clips, by the datasets, sampler and optimiser of a training."""
    recognizer = setting.recognizer()
    info, network = recognizer.info, recognizer.model
    network.backbone.freeze()
    if not setting.miniature:
        recognizer.accelerate(MANY_FRAMES)
    records = setting.records
    labels = [number % len(info.classes) for number in range(len(records))]

    def whole(clips: Tensor) -> Tensor:
        with torch.no_grad():
            encoded = network.encode(clips)
        return network.classify(encoded)

    with (
        tempfile.TemporaryDirectory(dir=setting.scratch) as folder,
        FeatureCache(folder) as cache,
    ):
        extractor = FeatureExtractor(network, setting.clip, info.mean, info.std, cache)
        keys = extractor.extract(records, title="features").keys
        frames = [
            read_clip(r.path, setting.clip, CENTER, start=r.start, end=r.end).frames
            for r in records
        ]
        video = VideoClips(records, labels, info.clip, info.mean, info.std, flip=True)
        outcome = contest(
            "training",
            {
                CACHED: _epochs(
                    network, info, network.classify,
                    CachedFeatures(extractor, [keys[record] for record in records], labels),
                ),
                DECODED: _epochs(network, info, whole, _DecodedClips(frames, labels, info)),
                VIDEO: _epochs(network, info, whole, video, workers=info.training.workers),
            },
            setting.pace,
        )  # fmt: skip
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
    forward: Callable[[Tensor], Tensor],
    dataset: Dataset,
    *,
    workers: int = 0,
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


class _DecodedClips(Dataset):
    """Frames in memory: nothing is decoded, but the backbone has to look at them each time."""

    def __init__(self, frames: list[Pixels], labels: list[int], info: RunInfo) -> None:
        self._frames, self._labels, self._info = frames, labels, info

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, draw: Draw) -> Example:
        index = draw[0]
        pixels = normalise(self._frames[index], self._info.mean, self._info.std)
        return torch.from_numpy(pixels), self._labels[index]
