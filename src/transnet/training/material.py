"""What a training works with: its clips, as features that are cached or as videos to decode."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch.utils.data import DataLoader

from transnet.checkpoint import RunInfo
from transnet.data.augment import training_views
from transnet.data.broken import check_broken
from transnet.data.clips import read_clip
from transnet.data.feature_cache import FeatureCache
from transnet.data.manifest import ClipRecord
from transnet.data.prefetch import prefetch
from transnet.data.splits import Split
from transnet.errors import TransNetError, VideoError
from transnet.features.extractor import FeatureExtractor, StageSeconds
from transnet.model.network import Network
from transnet.progress import progress_bar
from transnet.training.datasets import CachedFeatures, EpochSampler, FixedSampler, VideoClips


class Material:
    """The training and validation clips that can be read, as batches.

    Args:
        info: what the run is.
        split: who trains, who is tested.
        cache: where features are kept.
        seconds: to which the time of an extraction is added.

    Attributes:
        digests: a hash of the video file of each clip that can be read.
    """

    def __init__(
        self, info: RunInfo, split: Split, cache: FeatureCache, seconds: StageSeconds
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

    def extract(self, model: Network) -> None:
        """Compute the features of every clip, or find them in the cache."""
        info, config = self._info, self._config
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._extractor = FeatureExtractor(
            model, info.clip, info.mean, info.std, self._cache,
            workers=config.workers, device=device,
        )  # fmt: skip
        broken: dict[ClipRecord, VideoError] = {}
        validation_views = config.views if self.refits else 1
        for records, views, title in (
            (self._split.train, config.views, "features, training clips"),
            (self._split.validation, validation_views, "features, validation clips"),
        ):
            views_of = partial(training_views, count=views, flip=config.flip)
            done = self._extractor.extract(records, views_of, title=title)
            self._keys.update(done.keys)
            self.digests.update(done.digests)
            broken.update(done.broken)
            self._seconds.add(done.seconds)
        self._refuse_if_broken(broken)

    def check(self) -> None:
        """Decode every clip once, so that a broken one is found before the training starts."""
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
        self._refuse_if_broken(broken)

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
        if self._extractor is not None:
            keys = [self._keys[record] for record in records]
            dataset = CachedFeatures(self._extractor, keys, labels)
            return DataLoader(dataset, batch_size=config.batch_size, sampler=sampler)
        clips = VideoClips(records, labels, info.clip, info.mean, info.std, flip=config.flip)
        return DataLoader(
            clips,
            batch_size=config.batch_size,
            sampler=sampler,
            num_workers=config.workers,
            persistent_workers=True,
        )

    def _refuse_if_broken(self, broken: dict[ClipRecord, VideoError]) -> None:
        total = len(self._split.train) + len(self._split.validation)
        check_broken(broken, total, self._config.max_broken, "They are left out.")
        lost = {r.label for r in self._split.train} - {r.label for r in self.train}
        if lost:
            raise TransNetError(f"no readable training clip is left of: {', '.join(sorted(lost))}.")
