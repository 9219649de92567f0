"""The clips of a run that an export is checked and calibrated on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from transnet.checkpoints.clip_list import CLIPS_FILE, require_undamaged_clips
from transnet.checkpoints.run import RunInfo
from transnet.config import ClipConfig
from transnet.data.cache.features import FeatureCache
from transnet.data.clips import Clip, read_record
from transnet.data.datasets.catalog import open_dataset
from transnet.data.datasets.csv import read_csv_dataset
from transnet.data.manifest import ClipRecord
from transnet.data.splits import make_split
from transnet.data.video.frames import Pixels
from transnet.errors import TransNetError, VideoError
from transnet.inference.finders import finder_of_crops
from transnet.inference.people_clips import follow_clips, known_clips, with_people
from transnet.utils.paths import cache_folder
from transnet.utils.reading import read_many
from transnet.utils.spacing import evenly_spaced


@dataclass(frozen=True)
class RunClips:
    """The clips of a run.

    Attributes:
        training: the training clips.
        test: the test clips; may be empty.
        config: how a video becomes a clip.
        workers: decoding threads.
    """

    training: tuple[ClipRecord, ...]
    test: tuple[ClipRecord, ...]
    config: ClipConfig
    workers: int

    @property
    def measured(self) -> tuple[ClipRecord, ...]:
        """The clips to measure on: the test clips, else the training clips."""
        return self.test or self.training

    def frames(self, records: Sequence[ClipRecord], count: int, title: str) -> list[Pixels]:
        """The frames, uint8 ``(T, H, W, 3)``, of up to ``count`` of the clips.

        They are evenly spaced over the list, which is sorted by class, so that all classes occur.
        """
        chosen = evenly_spaced(records, count)
        return [clip.frames for _, clip in self.readable(chosen, title)]

    def readable(
        self, records: Sequence[ClipRecord], title: str
    ) -> Iterator[tuple[ClipRecord, Clip]]:
        """Decode clips in threads, in order; clips that cannot be read are skipped."""
        read = partial(read_record, config=self.config)
        for record, clip in read_many(records, read, workers=self.workers, title=title):
            if isinstance(clip, Clip):
                yield record, clip
            elif not isinstance(clip, VideoError):
                raise clip


class CropSource(NamedTuple):
    """Where people come from, if the run is trained on crops of them; by default the cache.

    Attributes:
        cache: folder of the features of a training or an evaluation; by default the user's.
        segmenter: finds them, as for :func:`~transnet.inference.finders.find_people`.
        detector: finds them, too.
    """

    cache: str | None = None
    segmenter: str | None = None
    detector: str | None = None


def clips_of_run(
    run: Path, info: RunInfo, data: str | None, workers: int, source: CropSource = CropSource()
) -> RunClips:
    """The clips of a run, from its ``clips.csv`` or from its dataset.

    Args:
        run: the run folder.
        info: the description of the run.
        data: the dataset, if its clips are not where they were in training.
        workers: decoding threads.
        source: where people come from.

    Raises:
        TransNetError: there is no ``clips.csv`` and no ``data``, or the dataset is unreadable.
    """
    if data is not None:
        manifest, seed = open_dataset(data), info.training.seed
        split = make_split(manifest, info.split, validation=info.training.validation, seed=seed)
        return _readable_clips(run, info, tuple(split.train), tuple(split.test), workers, source)
    if not (run / "clips.csv").is_file():
        raise TransNetError(
            f"{run} has no clips.csv, and an export is checked on real clips; "
            "name the run's dataset with --data."
        )
    require_undamaged_clips(run)
    manifest = read_csv_dataset(run / CLIPS_FILE)
    part = manifest.splits["column"]
    training, test = (
        tuple(clip for clip in manifest.clips if part[clip] == name) for name in ("train", "test")
    )
    return _readable_clips(run, info, training, test, workers, source)


def missing_people(run: str | Path, info: RunInfo, clips: str) -> TransNetError:
    """The error that the people of some clips, such as ``training clips``, are not known."""
    return TransNetError(
        f"{run} is trained on crops of people, and the people of its {clips} are not in the cache; "
        f"find them with --segmenter or --detector (in training: {info.people}), or name the "
        "--cache of the training."
    )


def _readable_clips(
    run: Path,
    info: RunInfo,
    training: tuple[ClipRecord, ...],
    test: tuple[ClipRecord, ...],
    workers: int,
    source: CropSource,
) -> RunClips:
    """The clips, cropped to people if the run is trained so."""
    find = None
    if source.segmenter is not None or source.detector is not None:
        find = finder_of_crops(
            info.clip.crop,
            segmenter=source.segmenter,
            detector=source.detector,
            device="cpu",
            trained_with=info.people,
        )
    if info.clip.crop == "people":
        with FeatureCache(source.cache or cache_folder() / "features") as store:
            if find is None:
                training, test = (
                    known_clips(part, info.people, store, info.clip) for part in (training, test)
                )
            else:
                training, test = (
                    with_people(follow_clips(part, find, store, info.clip))
                    for part in (training, test)
                )
        if not (training or test):
            raise missing_people(run, info, "clips")
    return RunClips(training, test, info.clip, workers)
