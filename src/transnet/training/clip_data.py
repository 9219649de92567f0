"""The clips of a training as batches: from cached features, from cached frames, or from video."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from transnet.checkpoints.run import RunInfo
from transnet.config import NO_CLASS
from transnet.data.broken import check_broken
from transnet.data.cache.clips import ClipCache, cache_clips
from transnet.data.cache.features import FeatureCache
from transnet.data.cache.filling import KeptClips, StageSeconds
from transnet.data.cache.store import Store
from transnet.data.clips import read_record
from transnet.data.manifest import ClipRecord
from transnet.data.splits import Split
from transnet.data.views import training_views
from transnet.errors import FileError, TransNetError
from transnet.inference.features import FeatureExtractor
from transnet.model.networks import Network
from transnet.model.novelty import MAX_REFERENCES, NoveltyDetector, describe_clips
from transnet.model.places import own_places
from transnet.training.clip_datasets import CachedClips, CachedFeatures, Numbered, VideoClips
from transnet.training.samplers import Draw, Share, TrainingBatches, ValidationBatches
from transnet.utils.paths import cache_folder
from transnet.utils.reading import read_many


@contextmanager
def open_clip_data(
    info: RunInfo,
    split: Split,
    network: Network,
    cache: str | None = None,
    device: torch.device = torch.device("cpu"),
) -> Iterator[ClipData]:
    """Open the kind of clip data that suits a training.

    Features while the backbone is frozen; otherwise frames, or videos with ``--clip-cache none``.

    Args:
        info: record of the run.
        split: the clips.
        network: computes the features; its backbone is frozen if ``info.training.freeze``.
        cache: folder of the cache; features lie in it, frames in ``clips/``. ``None`` is the
            user's cache.
        device: device of the training.

    Raises:
        TransNetError: the folder cannot be used, or holds something else.
    """
    training = info.training
    features = cache or cache_folder() / "features"
    if training.freeze:
        with FeatureCache(features) as store:
            yield FeatureData(info, split, store, network, device)
    elif training.clip_cache == "none":
        with FeatureCache(features) as store:  # only for the hashes of the videos
            yield VideoData(info, split, store, device)
    else:
        folder = (Path(cache) if cache else cache_folder()) / "clips"
        with ClipCache(folder, training.clip_cache) as clips:
            yield FrameData(info, split, clips, device)


class ClipData(ABC):
    """The training and validation clips that can be read, as batches.

    Attributes:
        digests: a hash of the video file of each readable clip; filled by :meth:`prepare`.
        seconds: duration of :meth:`prepare` and its stages.
        refits: whether the network may be trained once more, on the validation clips too.
    """

    refits = False

    def __init__(self, info: RunInfo, split: Split, device: torch.device) -> None:
        self._info, self._split = info, split
        self._config = info.training
        self._pin_memory = device.type == "cuda"
        self.digests: dict[ClipRecord, str] = {}
        self.seconds = StageSeconds()

    @property
    def train(self) -> tuple[ClipRecord, ...]:
        """The readable training clips."""
        return tuple(record for record in self._split.train if record in self.digests)

    @property
    def validation(self) -> tuple[ClipRecord, ...]:
        """The readable validation clips."""
        return tuple(record for record in self._split.validation if record in self.digests)

    def prepare(self) -> None:
        """Decode every clip once, to find broken ones before the training starts.

        Clips that are in the cache are not decoded.

        Raises:
            TransNetError: too many clips are broken, or the cache cannot be written.
        """
        broken = self._read_all()
        total = len(self._split.train) + len(self._split.validation)
        check_broken(broken, total, self._config.max_broken, "They are left out.")
        read = {label for record in self.train for label in record.labels}
        lost = {label for record in self._split.train for label in record.labels} - read
        if lost:
            raise TransNetError(f"no readable training clip is left of: {', '.join(sorted(lost))}.")

    def loaders(
        self,
        train: Sequence[ClipRecord],
        validation: Sequence[ClipRecord],
        share: Share = Share(),
    ) -> tuple[DataLoader[Any], DataLoader[Any] | None]:
        """Batches of training clips and, if there are any, of validation clips.

        The latter come with their positions in ``validation``. Of several processes each gets its
        share.
        """
        batch_size, seed = self._config.batch_size, self._config.seed
        trained = TrainingBatches(len(train), batch_size, seed=seed, share=share)
        train_loader = self._loader(self._labeled(train), trained)
        if not validation:
            return train_loader, None
        batches = ValidationBatches(len(validation), batch_size, share)
        return train_loader, self._loader(Numbered(self._labeled(validation)), batches)

    def _labeled(self, records: Sequence[ClipRecord]) -> Dataset[Any]:
        return self._dataset(records, list(self._info.targets(records)))

    def _loader(self, dataset: Dataset[Any], batches: Sampler[list[Draw]]) -> DataLoader[Any]:
        workers = self._loader_workers()
        return DataLoader(
            dataset,
            batch_sampler=batches,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=self._pin_memory,
        )

    def _loader_workers(self) -> int:
        return self._config.workers

    @abstractmethod
    def _read_all(self) -> Mapping[ClipRecord, FileError]:
        """Read every clip, set ``digests`` and ``seconds``, and return the broken clips."""

    @abstractmethod
    def _dataset(self, records: Sequence[ClipRecord], labels: Sequence[Tensor]) -> Dataset[Any]: ...


class _CachedData(ClipData):
    """Clips of which several views are in a cache."""

    _keys: dict[ClipRecord, list[str]]

    def _read_all(self) -> Mapping[ClipRecord, FileError]:
        self._keys = {}
        views = self._config.views
        broken: dict[ClipRecord, FileError] = {}
        for records, count, part in (
            (self._split.train, views, "training clips"),
            (self._split.validation, views if self.refits else 1, "validation clips"),
        ):
            kept = self._keep(records, count, part)
            self._keys.update(kept.keys)
            self.digests.update(kept.digests)
            broken.update(kept.broken)
            self.seconds.add(kept.seconds)
        return broken

    @abstractmethod
    def _keep(self, records: Sequence[ClipRecord], views: int, part: str) -> KeptClips:
        """Bring ``views`` views of each clip into the cache."""


class FeatureData(_CachedData):
    """Cached features of a frozen backbone."""

    def __init__(
        self,
        info: RunInfo,
        split: Split,
        cache: FeatureCache,
        network: Network,
        device: torch.device,
    ) -> None:
        super().__init__(info, split, device)
        self._extractor = FeatureExtractor(
            network,
            info.clip,
            info.backbone.mean,
            info.backbone.std,
            cache,
            workers=info.training.workers,
            device=device,
        )
        # The validation clips of a dataset's own split are never trained on.
        self.refits = info.training.refit and not split.gives_validation

    def novelty(self) -> NoveltyDetector | None:
        """What tells clips that are unlike the training and validation clips, if anything can.

        With several labels at once, a clip without any of them is told by the thresholds.
        """
        if self._info.several_labels:
            return None
        return NoveltyDetector.fit(*self._described(self._of_classes(), views=None))

    def own_places(self) -> float:
        """How surely each action has places of its own, 0..1; with several labels at once 0."""
        if self._info.several_labels:
            return 0.0
        clips = sorted(self._of_classes(), key=lambda clip: clip.label)  # so that some are of each
        some = clips[:: math.ceil(len(clips) / MAX_REFERENCES)]
        return own_places(*self._described(some, views=1))

    def _of_classes(self) -> list[ClipRecord]:
        """The training and validation clips that show a class."""
        return [clip for clip in (*self.train, *self.validation) if clip.label != NO_CLASS]

    def _described(
        self, clips: Sequence[ClipRecord], views: int | None
    ) -> tuple[Tensor, list[int], list[str]]:
        """The first views of clips, ``None``: all: unit vectors, class indices, and groups."""
        vectors, labels, groups = [], [], []
        for clip in clips:
            vectors.append(describe_clips(self._extractor.encoded(self._keys[clip][:views])))
            count = len(vectors[-1])
            labels += [self._info.classes.index(clip.label)] * count
            groups += [clip.group] * count
        return torch.cat(vectors), labels, groups

    def _keep(self, records: Sequence[ClipRecord], views: int, part: str) -> KeptClips:
        views_of = partial(training_views, count=views, flip=self._config.flip)
        return self._extractor.extract(records, views_of, title=f"features, {part}")

    def _dataset(self, records: Sequence[ClipRecord], labels: Sequence[Tensor]) -> Dataset[Any]:
        return CachedFeatures(self._extractor, [self._keys[r] for r in records], labels)

    def _loader_workers(self) -> int:
        return 0  # reading a feature is faster than handing it to another process


class FrameData(_CachedData):
    """Cached frames, for a backbone that is trained."""

    def __init__(self, info: RunInfo, split: Split, cache: ClipCache, device: torch.device) -> None:
        super().__init__(info, split, device)
        self._cache = cache

    def _keep(self, records: Sequence[ClipRecord], views: int, part: str) -> KeptClips:
        return cache_clips(
            self._cache,
            records,
            self._info.clip,
            # Flipped only when they are read, so the same entries serve --flip true and false.
            partial(training_views, count=views, flip=False),
            workers=self._config.workers,
            title=f"frames, {part}",
        )

    def _dataset(self, records: Sequence[ClipRecord], labels: Sequence[Tensor]) -> Dataset[Any]:
        keys, num_frames = [self._keys[r] for r in records], self._info.clip.frames
        return CachedClips(self._cache, keys, labels, num_frames, flip=self._config.flip)


class VideoData(ClipData):
    """Videos that are decoded in every epoch, with new random views each time."""

    def __init__(self, info: RunInfo, split: Split, cache: Store, device: torch.device) -> None:
        super().__init__(info, split, device)
        self._cache = cache

    def _read_all(self) -> Mapping[ClipRecord, FileError]:
        started = time.perf_counter()
        records = [*self._split.train, *self._split.validation]
        broken: dict[ClipRecord, FileError] = {}
        checked = read_many(
            records, self._check, workers=self._config.workers, title="checking the videos"
        )
        for record, error in checked:
            try:
                if error is not None:
                    raise error
                self.digests[record] = self._cache.video_digest(record.path)
            except FileError as found:
                broken[record] = found
        self.seconds.total += time.perf_counter() - started
        return broken

    def _check(self, record: ClipRecord) -> None:
        read_record(record, self._info.clip)

    def _dataset(self, records: Sequence[ClipRecord], labels: Sequence[Tensor]) -> Dataset[Any]:
        return VideoClips(records, labels, self._info.clip, flip=self._config.flip)
