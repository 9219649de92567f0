"""What a training works with: its clips, as features or pixels that are cached, or as videos."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

from transnet.checkpoint import RunInfo
from transnet.config import TrainingConfig
from transnet.data.augment import training_views
from transnet.data.broken import check_broken
from transnet.data.clip_cache import ClipCache
from transnet.data.clips import read_clip
from transnet.data.decoding import KeptClips, StageSeconds, keep_clips
from transnet.data.feature_cache import FeatureCache
from transnet.data.manifest import ClipRecord
from transnet.data.prefetch import prefetch
from transnet.data.preprocessing import View
from transnet.data.splits import Split
from transnet.errors import TransNetError, VideoError
from transnet.features.extractor import FeatureExtractor
from transnet.folders import cache_folder
from transnet.model.network import Network
from transnet.progress import progress_bar
from transnet.training.datasets import (
    CachedClips,
    CachedFeatures,
    EpochSampler,
    FixedSampler,
    VideoClips,
)


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
        """Whether the validation clips may be learnt from once they have done their work.

        Features are there by then, so it costs little. Those that the data set itself keeps for
        validation are never learnt from.
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
        if self._config.freeze:
            broken = self._extract(model)
        elif isinstance(self._cache, ClipCache):
            broken = self._keep_frames(self._cache)
        else:
            broken = self._check()
        total = len(self._split.train) + len(self._split.validation)
        check_broken(broken, total, self._config.max_broken, "They are left out.")
        lost = {r.label for r in self._split.train} - {r.label for r in self.train}
        if lost:
            raise TransNetError(f"no readable training clip is left of: {', '.join(sorted(lost))}.")

    def _extract(self, model: Network) -> dict[ClipRecord, VideoError]:
        info, config = self._info, self._config
        assert isinstance(self._cache, FeatureCache)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._extractor = FeatureExtractor(
            model, info.clip, info.mean, info.std, self._cache,
            workers=config.workers, device=device,
        )  # fmt: skip
        extract, flip = self._extractor.extract, config.flip
        return self._keep_parts(
            lambda records, views, part: extract(
                records, partial(training_views, count=views, flip=flip), title=f"features, {part}"
            ),
            validation_views=config.views if self.refits else 1,
        )

    def _keep_frames(self, cache: ClipCache) -> dict[ClipRecord, VideoError]:
        clip, workers = self._info.clip, self._config.workers

        def key_of(identity: str, view: View) -> str:
            return cache.key(identity, view, clip)

        return self._keep_parts(
            lambda records, views, part: keep_clips(
                # Mirrored when they are read, so that the same entries serve with --flip false.
                cache, records, clip, partial(training_views, count=views, flip=False), key_of,
                lambda one: cache.encode(one.frames), cache.put,
                workers=workers, title=f"frames, {part}",
            ),
            validation_views=1,
        )  # fmt: skip

    def _keep_parts(
        self,
        keep: Callable[[Sequence[ClipRecord], int, str], KeptClips],
        *,
        validation_views: int,
    ) -> dict[ClipRecord, VideoError]:
        broken: dict[ClipRecord, VideoError] = {}
        for records, views, part in (
            (self._split.train, self._config.views, "training clips"),
            (self._split.validation, validation_views, "validation clips"),
        ):
            done = keep(records, views, part)
            self._keys.update(done.keys)
            self.digests.update(done.digests)
            broken.update(done.broken)
            self._seconds.add(done.seconds)
        return broken

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
        keys = [self._keys.get(record, []) for record in records]
        on_gpu = torch.cuda.is_available()
        if self._extractor is not None:
            dataset = CachedFeatures(self._extractor, keys, labels)
            return DataLoader(
                dataset, batch_size=config.batch_size, sampler=sampler, pin_memory=on_gpu
            )
        clips: Dataset
        if isinstance(self._cache, ClipCache):
            num_frames = info.clip.frames
            clips = CachedClips(self._cache, keys, labels, num_frames, flip=config.flip)
        else:
            clips = VideoClips(records, labels, info.clip, flip=config.flip)
        return DataLoader(
            clips,
            batch_size=config.batch_size,
            sampler=sampler,
            num_workers=config.workers,
            persistent_workers=True,
            pin_memory=on_gpu,
        )
