"""``transnet features``: the features of a dataset as Parquet parts, computed on many machines.

A row is one view of one clip: an entry of the feature cache, under the key that training asks for.
So :func:`import_features` only copies; an entry of other weights, another size or a video that has
changed has another key, and is never found by mistake.
"""

from __future__ import annotations

import json as jsonlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from transnet.archive.addresses import Shard
from transnet.archive.parts import Parts, Row, import_pyarrow, printable
from transnet.checkpoints.backbone_weights import BackboneWeights, find_weights
from transnet.checkpoints.record import package_versions
from transnet.config import ClipConfig, Device, Readout, option
from transnet.data.cache.features import FeatureCache
from transnet.data.datasets.catalog import open_dataset
from transnet.data.manifest import ClipRecord
from transnet.data.views import View, training_views
from transnet.errors import TransNetError
from transnet.inference.features import FeatureExtractor
from transnet.model.transnet import TransNet
from transnet.runtimes.choice import accelerated
from transnet.runtimes.device import find_device
from transnet.utils.progress import progress_bar, say

CLIPS_PER_PART = 256


@dataclass(frozen=True, kw_only=True)
class FeatureConfig:
    """What features are made of; the same settings as those of ``transnet train``."""

    readout: Readout = option("pool", "pool, or flatten: whole maps, 49 times larger at 7 x 7")
    views: int = option(4, "augmented views per clip")
    flip: bool = option(True, "mirror some views")
    workers: int = option(2, "decoding threads")
    device: Device = option("auto", "where the backbone runs")

    def __post_init__(self) -> None:
        for name in ("views", "workers"):
            if getattr(self, name) < 1:
                raise TransNetError(f"--{name} is {getattr(self, name)}; accepted: 1 or more.")


@dataclass
class FeatureSummary:
    """How an extraction went.

    Attributes:
        out: where the parts are.
        clips: of the dataset, or of its shard.
        before: clips that were there before.
        extracted: clips that were extracted now.
        failed: clips among them that cannot be read.
    """

    out: str
    clips: int
    before: int
    extracted: int = 0
    failed: int = 0

    def __str__(self) -> str:
        return (
            f"extracted {self.extracted} of {self.clips} clips, {self.before} were there before; "
            f"{self.failed} cannot be read\nsaved to {self.out}\n"
            f"next: transnet train DATA --features-from {self.out} --out RUN"
        )


def features(
    data: str,
    *,
    out: str,
    shard: str = "1/1",
    backbone: str | None = None,
    weights: str = "imagenet",
    clip: ClipConfig = ClipConfig(),
    config: FeatureConfig = FeatureConfig(),
    cache: str | None = None,
    json: bool = False,
) -> FeatureSummary:
    """Extract the features of a dataset, as Parquet that transnet train --features-from takes.

    Started again, it continues: a clip that is written is not extracted again.

    Args:
        data: a dataset, as transnet train takes it
        out: folder or address for the Parquet parts
        shard: I/N, the I-th of N parts of the dataset, for N jobs that share --out
        backbone: as for transnet train
        weights: as for transnet train; none: the random weights of --seed 0
        clip: how a video becomes a clip
        config: what features are made of
        cache: folder of a feature cache to read and fill on the way; by default nothing is kept
        json: print the summary as a JSON object

    Returns:
        How it went.

    Raises:
        TransNetError: something is missing or contradictory, or a part cannot be written.
    """
    part = Shard.parse(shard)
    manifest = open_dataset(data)
    records = [r for r in dict.fromkeys(manifest.clips) if part.count == 1 or _name(r) in part]
    job = _Job(find_weights(weights, backbone), clip, config)
    parts = Parts(out, "clip", part)
    with parts.locked():
        parts.settle(job.record(), adopt=("weights", "versions"))
        done = parts.keys()
        pending = [record for record in records if _name(record) not in done]
        summary = FeatureSummary(out, len(records), len(records) - len(pending))
        with job.opened(len(pending)), progress_bar("features", len(pending), "clips") as bar:
            for start in range(0, len(pending), CLIPS_PER_PART):
                chunk = pending[start : start + CLIPS_PER_PART]
                with _opened_cache(cache) as store:
                    rows = job.extract(store, chunk)
                parts.write(import_pyarrow().Table.from_pylist(rows, schema=feature_schema()))
                summary.extracted += len(chunk)
                summary.failed += sum(row["error"] is not None for row in rows)
                bar.update(len(chunk))
    print(jsonlib.dumps(asdict(summary)) if json else summary)
    return summary


def feature_schema() -> Any:
    """The columns of a row, as a ``pyarrow.Schema``.

    ``clip``, which names the clip: path, start and end; ``path``, ``label``, ``group``, ``start``
    and ``end`` as in the dataset; ``size`` and ``mtime_ns`` of the file and ``video``, a digest of
    its bytes; ``view``, the number of the view, 0 in evaluation; ``key``, the name of the entry in
    a feature cache; ``features``, ``(n, ...)`` in NumPy's ``.npy`` format; ``error``, why there
    are none.
    """
    pa = import_pyarrow()
    texts = dict.fromkeys(("clip", "path", "label", "group"), pa.string())
    numbers = dict.fromkeys(("start", "end", "size", "mtime_ns", "view"), pa.int64())
    found = {"video": pa.string(), "key": pa.string(), "features": pa.binary()}
    return pa.schema({**texts, **numbers, **found, "error": pa.string()})


def import_features(address: str, cache: FeatureCache) -> int:
    """Copy features into a feature cache, where training finds them.

    A video that lies at the same path, with the same size and date, is not read again either.

    Args:
        address: the ``--out`` of ``transnet features``.
        cache: where to.

    Returns:
        The entries that the cache lacked.

    Raises:
        TransNetError: there are no parts, one is damaged, or the cache cannot be written.
    """
    parts = Parts(address, "clip")
    names, copied = parts.names(), 0
    if not names:
        raise TransNetError(
            f"--features-from is {address!r}, which has no parts; accepted: the --out of transnet "
            "features."
        )
    with progress_bar("importing features", len(names), "parts") as bar:
        for name in names:
            missing = {}
            for row in parts.read(name).to_pylist():
                if row["error"] is None and row["key"] not in cache:
                    missing[row["key"]] = row["features"]
                if row["view"] == 0:
                    cache.remember_digest(row["path"], row["video"], row["size"], row["mtime_ns"])
            cache.write(missing)
            copied += len(missing)
            bar.update(1)
    say(f"{copied} features imported from {address} to {cache.folder}")
    return copied


class _Job:
    """A frozen network, and the settings that its features depend on."""

    def __init__(self, weights: BackboneWeights, clip: ClipConfig, config: FeatureConfig) -> None:
        self._weights, self._clip, self._config = weights, clip, config
        torch.manual_seed(0)
        self._network = TransNet(
            weights.backbone,
            2,
            num_frames=clip.frames,
            readout=config.readout,
            size=clip.size,
            backbone_args=weights.args,
        )
        weights.load_into(self._network.backbone)
        self._network.backbone.freeze()

    def record(self) -> dict[str, Any]:
        """What the features depend on, as JSON values."""
        return {
            "format": 1,
            "kind": "features",
            "backbone": self._weights.backbone,
            "fingerprint": self._network.backbone.fingerprint(),
            "mean": list(self._weights.mean),
            "std": list(self._weights.std),
            "clip": asdict(self._clip),
            "readout": self._config.readout,
            "views": self._config.views,
            "flip": self._config.flip,
            "weights": self._weights.source,
            "versions": package_versions(),
        }

    def opened(self, num_clips: int) -> AbstractContextManager[Any]:
        """Hold the backbone in its fastest runtime for so many clips."""
        frames = num_clips * self._config.views * self._clip.frames
        return accelerated(self._network.backbone, frames)

    def extract(self, store: FeatureCache, records: Sequence[ClipRecord]) -> list[Row]:
        """The rows of some clips."""
        config = self._config
        looks: Callable[[str], Sequence[View]] = partial(
            training_views, count=config.views, flip=config.flip
        )
        extractor = FeatureExtractor(
            self._network,
            self._clip,
            self._weights.mean,
            self._weights.std,
            store,
            workers=config.workers,
            device=find_device(config.device),
        )
        done = extractor.extract(records, looks, title=f"{len(records)} clips")
        rows = []
        for record in records:
            common = _common(record)
            if record in done.broken:
                rows.append({**common, "error": done.broken[record].reason})
                continue
            common["video"] = done.digests[record]
            keys = done.keys[record]
            for view, (key, value) in enumerate(zip(keys, store.read(keys), strict=True)):
                rows.append({**common, "view": view, "key": key, "features": value})
        return rows


def _name(record: ClipRecord) -> str:
    limits = "" if record.start is None and record.end is None else f":{record.start}:{record.end}"
    return printable(os.path.abspath(record.path)) + limits


def _common(record: ClipRecord) -> Row:
    row: Row = dict.fromkeys(feature_schema().names)
    row.update(
        clip=_name(record),
        path=printable(os.path.abspath(record.path)),
        label=printable(record.label),
        group=printable(record.group),
        start=record.start,
        end=record.end,
    )
    with suppress(OSError, ValueError):
        status = os.stat(record.path)
        row.update(size=status.st_size, mtime_ns=status.st_mtime_ns)
    return row


@contextmanager
def _opened_cache(folder: str | None) -> Iterator[FeatureCache]:
    """A feature cache; without a folder one that is removed afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="transnet-features-") as temporary,
        FeatureCache(folder or Path(temporary)) as store,
    ):
        yield store
