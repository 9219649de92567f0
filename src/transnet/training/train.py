"""``transnet train``: from a data set to a run folder."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from transnet import checkpoint
from transnet.checkpoint import RunInfo
from transnet.config import ClipConfig, ModelConfig, TrainingConfig
from transnet.data.clips import read_clip
from transnet.data.datasets import open_dataset
from transnet.data.feature_cache import FeatureCache
from transnet.data.manifest import ClipRecord
from transnet.data.splits import Split, make_split
from transnet.errors import TransNetError, VideoError
from transnet.folders import cache_folder
from transnet.model.transnet import TransNet
from transnet.progress import progress_bar, say
from transnet.training.datasets import CachedFeatures, EpochSampler, FixedSampler, VideoClips
from transnet.training.features import FeatureExtractor, ahead, check_broken
from transnet.training.fit import FitSummary, fit
from transnet.training.recognizer import RecognizerTraining
from transnet.weights import find_weights

MIN_REFIT_EPOCHS = 10


@dataclass
class TrainingSeconds:
    """Where the time of a training went, in seconds; ``decode`` is summed over threads."""

    decode: float = 0.0
    backbone: float = 0.0
    features: float = 0.0
    fit: float = 0.0
    total: float = 0.0


def train(
    data: str,
    *,
    out: str,
    backbone: str | None = None,
    weights: str = "imagenet",
    split: str | None = None,
    clip: ClipConfig = ClipConfig(),
    model: ModelConfig = ModelConfig(),
    training: TrainingConfig = TrainingConfig(),
    cache: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Path:
    """Teach a recogniser the actions of a data set.

    Args:
        data: a folder of class folders, a CSV file (path, label, group, start, end, split), or
            ucf101:DIR
        out: folder for the run: the model, the logs, the list of clips
        backbone: image network, any model name of timm; by default what the weights file says,
            else mobilenetv1_100
        weights: imagenet, none (random), a .safetensors file or a folder with one
        split: official, official:K, paper (random 80 / 20 by clip), group or column; by default
            the data set's own, else by group
        clip: how a video becomes a clip
        model: size and form of the network
        training: how it learns
        cache: folder for the features of a frozen backbone; by default in the user's cache
        resume: continue a training that was interrupted, to the same result
        overwrite: replace a run that is already there

    Returns:
        The run folder.

    Raises:
        TransNetError: something is missing, broken or contradictory; the message says what.
    """
    started = time.perf_counter()
    run = Path(out).expanduser()
    manifest = open_dataset(data)
    parts = make_split(manifest, split, validation=training.validation, seed=training.seed)
    for line in (manifest.summary(), *manifest.notes, _describe(parts)):
        say(line)
    found = find_weights(weights, backbone)
    classes = tuple(sorted({record.label for record in parts.train}))
    info = RunInfo.describe(classes, (clip, model, training), found, data, parts)
    torch.manual_seed(training.seed)
    network = info.build_model()
    found.load_into(network.spatial.backbone)
    if training.freeze:
        network.spatial.backbone.freeze()
    _prepare_folder(run, info, resume=resume, overwrite=overwrite)

    seconds = TrainingSeconds()
    with FeatureCache(cache or cache_folder() / "features") as store:
        material = _Material(info, parts, store, seconds)
        if training.freeze:
            material.extract(network)
        else:
            material.check()
        summary = _teach(network, info, material, run, seconds)
        checkpoint.save_clips(run, material.usable(), material.digests)
    checkpoint.save_model(run, network)
    seconds.total = time.perf_counter() - started
    (run / "seconds.json").write_text(json.dumps(asdict(seconds), indent=2), encoding="utf-8")
    say(_closing(run, summary, len(material.train), seconds))
    return run


class _Material:
    """The training and validation clips, once it is known which of them can be read."""

    def __init__(
        self, info: RunInfo, split: Split, cache: FeatureCache, seconds: TrainingSeconds
    ) -> None:
        self._info, self._split, self._cache, self._seconds = info, split, cache, seconds
        self._config = info.training
        self._extractor: FeatureExtractor | None = None
        self._keys: dict[ClipRecord, list[str]] = {}
        self.digests: dict[ClipRecord, str] = {}

    @property
    def train(self) -> tuple[ClipRecord, ...]:
        return tuple(record for record in self._split.train if record in self.digests)

    @property
    def validation(self) -> tuple[ClipRecord, ...]:
        return tuple(record for record in self._split.validation if record in self.digests)

    def usable(self) -> Split:
        return replace(self._split, train=self.train, validation=self.validation)

    def extract(self, model: TransNet) -> None:
        """Compute the features of every clip, or find them in the cache."""
        info, config = self._info, self._config
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._extractor = FeatureExtractor(
            model, info.clip, info.mean, info.std, self._cache,
            workers=config.workers, device=device,
        )  # fmt: skip
        broken: dict[ClipRecord, VideoError] = {}
        validation_views = config.views if config.refit else 1
        for records, views, title in (
            (self._split.train, config.views, "features, training clips"),
            (self._split.validation, validation_views, "features, validation clips"),
        ):
            done = self._extractor.extract(records, views=views, flip=config.flip, title=title)
            self._keys.update(done.keys)
            self.digests.update(done.digests)
            broken.update(done.broken)
            self._seconds.decode += done.seconds.decode
            self._seconds.backbone += done.seconds.backbone
            self._seconds.features += done.seconds.total
        self._refuse_if_broken(broken)

    def check(self) -> None:
        """Decode every clip once, so that a broken one is found before the training starts."""
        records = [*self._split.train, *self._split.validation]
        broken: dict[ClipRecord, VideoError] = {}

        def read(record: ClipRecord) -> str:
            digest = self._cache.video_digest(record.path)
            read_clip(record.path, self._info.clip, start=record.start, end=record.end)
            return digest

        calls = ((lambda r=record: read(r)) for record in records)
        with progress_bar("checking the videos", len(records), "clips") as bar:
            for record, result in zip(records, ahead(calls, self._config.workers), strict=True):
                try:
                    self.digests[record] = result.result()
                except VideoError as error:
                    broken[record] = error
                bar.update(1)
        self._refuse_if_broken(broken)

    def loader(self, records: Sequence[ClipRecord], *, training: bool) -> DataLoader:
        """Batches of these clips, in the form that the model is trained on."""
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
            # A batch of one clip has no variance for the batch norm of the readout to learn from.
            drop_last=training and len(records) % config.batch_size == 1 < len(records),
        )

    def _refuse_if_broken(self, broken: dict[ClipRecord, VideoError]) -> None:
        total = len(self._split.train) + len(self._split.validation)
        check_broken(broken, total, self._config.max_broken)
        lost = {r.label for r in self._split.train} - {r.label for r in self.train}
        if lost:
            raise TransNetError(f"no readable training clip is left of: {', '.join(sorted(lost))}.")


def _teach(
    network: TransNet, info: RunInfo, material: _Material, run: Path, seconds: TrainingSeconds
) -> FitSummary:
    """Train with early stopping; then, if it costs little, once more on all training clips.

    The second training starts from the same weights and takes the epochs that the first one
    found best, so it needs no validation part, and the test part is as unseen as before.
    """
    started = time.perf_counter()
    config = info.training
    start = {name: value.clone() for name, value in network.state_dict().items()}
    summary = _fit(network, info, config, material, material.validation, run)
    if config.freeze and config.refit and material.validation:
        network.load_state_dict(start)
        epochs = min(config.epochs, max(MIN_REFIT_EPOCHS, summary.best_epoch + 1))
        _fit(network, info, replace(config, epochs=epochs), material, (), run / "refit")
    seconds.fit = time.perf_counter() - started
    return summary


def _fit(
    network: TransNet,
    info: RunInfo,
    config: TrainingConfig,
    material: _Material,
    validation: Sequence[ClipRecord],
    folder: Path,
) -> FitSummary:
    learnt = [clip for clip in (*material.train, *material.validation) if clip not in validation]
    train_loader = material.loader(learnt, training=True)
    validation_loader = material.loader(validation, training=False) if validation else None
    num_steps = config.epochs * len(train_loader)
    lesson = RecognizerTraining(network, config, len(info.classes), num_steps)
    lesson.train()  # the trainer leaves modes as it finds them; a frozen backbone ignores this
    return fit(lesson, train_loader, validation_loader, config, folder)


_LEFTOVERS = (
    "last.ckpt", "best.ckpt", "fit.json", "model.safetensors", "clips.csv", "seconds.json",
    "metrics.json", "report.html",
)  # fmt: skip


def _prepare_folder(run: Path, info: RunInfo, *, resume: bool, overwrite: bool) -> None:
    started = (run / "transnet.json").exists()
    if started and resume:
        _check_same_settings(run, info)
        return
    if started and not overwrite:
        raise TransNetError(
            f"--out is {str(run)!r}, which holds a run already; accepted: a new folder, "
            "--resume to continue that run, or --overwrite to replace it."
        )
    if resume and not started:
        say(f"{run} holds no run yet, so there is nothing to resume: starting anew.")
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TransNetError(f"--out is {str(run)!r}, which cannot be made ({error}).") from error
    for leftover in _LEFTOVERS:
        (run / leftover).unlink(missing_ok=True)
    for folder in ("logs", "refit"):
        shutil.rmtree(run / folder, ignore_errors=True)
    checkpoint.save_info(run, info)


def _check_same_settings(run: Path, info: RunInfo) -> None:
    before, now = asdict(checkpoint.load_info(run)), asdict(info)
    for name, value in now.items():
        if name != "versions" and before[name] != value:
            raise TransNetError(
                f"--resume: {name} was {before[name]!r} when {run} was started and is now "
                f"{value!r}; accepted: the same settings, or a new --out."
            )


def _describe(split: Split) -> str:
    return (
        f"split {split.name}: {len(split.train)} clips to train, {len(split.validation)} to "
        f"decide when to stop, {len(split.test)} to test; {split.siblings_in_train:.1%} of the "
        "test clips have a sibling (same group) in training"
    )


def _closing(run: Path, summary: FitSummary, num_clips: int, seconds: TrainingSeconds) -> str:
    top1 = summary.validation_top1
    quality = "" if top1 is None else f", validation top-1 {top1:.1%}"
    return (
        f"trained on {num_clips} clips in {seconds.total:.0f} s "
        f"(features {seconds.features:.0f} s, training {seconds.fit:.0f} s): "
        f"{summary.epochs} epochs, best {summary.best_epoch + 1}{quality}\n"
        f"saved to {run}\n"
        f"next: transnet evaluate {run}"
    )
