"""What a training works with: its clips, as features or pixels that are cached, or as videos."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

from transnet.checkpoints.run import RunInfo
from transnet.config import TrainingConfig
from transnet.data.broken import check_broken
from transnet.data.cache.clips import ClipCache, cache_clips
from transnet.data.cache.features import FeatureCache
from transnet.data.cache.filling import KeptClips, StageSeconds
from transnet.data.clips import read_clip
from transnet.data.manifest import ClipRecord
from transnet.data.splits import Split
from transnet.data.views import training_views
from transnet.errors import TransNetError, VideoError
from transnet.inference.features import FeatureExtractor
from transnet.model.networks import Network
from transnet.training.datasets import (
    CachedClips,
    CachedFeatures,
    EpochSampler,
    FixedSampler,
    VideoClips,
    leaves_one_alone,
)
from transnet.utils.paths import cache_folder
from transnet.utils.progress import progress_bar
from transnet.utils.threads import prefetch


def open_cache(config: TrainingConfig, folder: str | None) -> FeatureCache | ClipCache:
    """The cache that suits a training: of features while the backbone is frozen, else of clips.

    Args:
        config: how the network learns.
        folder: where the user wants it; features lie right in there, clips in ``clips/``.

    Raises:
        TransNetError: the folder cannot be used, or holds something else.
    """
    if config.freeze or config.clip_cache == "none":
        return FeatureCache(folder or cache_folder() / "features")
    return ClipCache((Path(folder) if folder else cache_folder()) / "clips", config.clip_cache)


class Material:
    """The training and validation clips that can be read, as batches.

    Args:
        info: what the run is.
        split: who trains, who is tested.
        cache: as :func:`open_cache` gives it.
        seconds: to which the time of the preparation is added.

    Attributes:
        digests: a hash of the video file of each clip that can be read.
    """

    def __init__(
        self, info: RunInfo, split: Split, cache: FeatureCache | ClipCache, seconds: StageSeconds
    ) -> None:
        self._info, self._split, self._cache, self._seconds = info, split, cache, seconds
        self._config = info.training
        self._extractor: FeatureExtractor | None = None
        self._keys: dict[ClipRecord, list[str]] = {}
        self.digests: dict[ClipRecord, str] = {}

    @property
    def refits(self) -> bool:
        """Whether the validation clips may be learned from once they have done their work.

        Features are there by then, so it costs little. Those that the dataset itself keeps for
        validation are never learned from.
        """
        return self._config.freeze and self._config.refit and not self._split.gives_validation

    @property
    def train(self) -> tuple[ClipRecord, ...]:
        return tuple(record for record in self._split.train if record in self.digests)

    @property
    def validation(self) -> tuple[ClipRecord, ...]:
        return tuple(record for record in self._split.validation if record in self.digests)

    def prepare(self, model: Network) -> None:
        """Decode every clip once, so that a broken one is found before the training starts.

        What comes of it is kept, the features of a frozen backbone or the frames, and what is
        there from an earlier training is not even decoded. Without a clip cache nothing is kept.

        Raises:
            TransNetError: too many clips are broken, or the cache cannot be written.
        """
        info, config = self._info, self._config
        if config.freeze:
            assert isinstance(self._cache, FeatureCache)
            device = "cuda" if torch.cuda.is_available() else "cpu"
            self._extractor = FeatureExtractor(
                model, info.clip, info.backbone.mean, info.backbone.std, self._cache,
                workers=config.workers, device=device,
            )  # fmt: skip
        kept = config.freeze or isinstance(self._cache, ClipCache)
        broken = self._keep_all() if kept else self._check()
        total = len(self._split.train) + len(self._split.validation)
        check_broken(broken, total, config.max_broken, "They are left out.")
        lost = {r.label for r in self._split.train} - {r.label for r in self.train}
        if lost:
            raise TransNetError(f"no readable training clip is left of: {', '.join(sorted(lost))}.")

    def _keep_all(self) -> dict[ClipRecord, VideoError]:
        broken: dict[ClipRecord, VideoError] = {}
        for records, views, part in (
            (self._split.train, self._config.views, "training clips"),
            (self._split.validation, self._config.views if self.refits else 1, "validation clips"),
        ):
            done = self._keep(records, views, part)
            self._keys.update(done.keys)
            self.digests.update(done.digests)
            broken.update(done.broken)
            self._seconds.add(done.seconds)
        return broken

    def _keep(self, records: Sequence[ClipRecord], views: int, part: str) -> KeptClips:
        looks = partial(training_views, count=views)
        if isinstance(self._cache, ClipCache):
            # Mirrored only when they are read: the same entries serve with --flip false.
            return cache_clips(
                self._cache, records, self._info.clip, partial(looks, flip=False),
                workers=self._config.workers, title=f"frames, {part}",
            )  # fmt: skip
        assert self._extractor is not None
        return self._extractor.extract(
            records, partial(looks, flip=self._config.flip), title=f"features, {part}"
        )

    def _check(self) -> dict[ClipRecord, VideoError]:
        started = time.perf_counter()
        records = [*self._split.train, *self._split.validation]
        broken: dict[ClipRecord, VideoError] = {}

        def read(record: ClipRecord) -> None:
            read_clip(record.path, self._info.clip, start=record.start, end=record.end)

        calls = ((lambda r=record: read(r)) for record in records)
        with progress_bar("checking the videos", len(records), "clips") as bar:
            for record, result in zip(records, prefetch(calls, self._config.workers), strict=True):
                try:
                    result.result()
                    self.digests[record] = self._cache.video_digest(record.path)
                except VideoError as error:
                    broken[record] = error
                bar.update(1)
        self._seconds.total += time.perf_counter() - started
        return broken

    def loaders(
        self, train: Sequence[ClipRecord], validation: Sequence[ClipRecord]
    ) -> tuple[DataLoader, DataLoader | None]:
        """Batches to learn from and, if there are such clips, batches to validate on."""
        return (
            self._loader(train, training=True),
            self._loader(validation, training=False) if validation else None,
        )

    def _loader(self, records: Sequence[ClipRecord], *, training: bool) -> DataLoader:
        info, config = self._info, self._config
        labels = [info.classes.index(record.label) for record in records]
        sampler = (
            EpochSampler(len(records), seed=config.seed) if training else FixedSampler(len(records))
        )
        drop_last = training and leaves_one_alone(len(records), config.batch_size)
        on_gpu = torch.cuda.is_available()
        if self._extractor is not None:
            keys = [self._keys[record] for record in records]
            dataset = CachedFeatures(self._extractor, keys, labels)
            return DataLoader(
                dataset, batch_size=config.batch_size, sampler=sampler, drop_last=drop_last,
                pin_memory=on_gpu,
            )  # fmt: skip
        clips: Dataset
        if isinstance(self._cache, ClipCache):
            keys, num_frames = [self._keys[record] for record in records], info.clip.frames
            clips = CachedClips(self._cache, keys, labels, num_frames, flip=config.flip)
        else:
            clips = VideoClips(records, labels, info.clip, flip=config.flip)
        return DataLoader(
            clips,
            batch_size=config.batch_size,
            sampler=sampler,
            drop_last=drop_last,
            num_workers=config.workers,
            persistent_workers=True,
            pin_memory=on_gpu,
        )
