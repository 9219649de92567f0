"""``transnet features``: the features of a dataset as Parquet parts, computed on many machines.

A row is an entry of the feature cache, under the key that training asks for. So
:func:`~transnet.archive.feature_parts.import_features` only copies; an entry of other weights,
another size, or a changed video has another key, and is never found by mistake.
"""

from __future__ import annotations

import json as jsonlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from transnet.archive.addresses import Shard
from transnet.archive.feature_config import FeatureConfig
from transnet.archive.feature_parts import clip_name, feature_schema
from transnet.archive.parts import Parts, import_pyarrow
from transnet.config import ClipConfig
from transnet.errors import TransNetError
from transnet.utils.progress import progress_bar

if TYPE_CHECKING:
    from transnet.data.cache.features import FeatureCache

CLIPS_PER_PART = 256


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
        TransNetError: something is missing or contradictory, ``clip`` crops to people, or a part
            cannot be written.
    """
    from transnet.archive.feature_job import FeatureJob
    from transnet.checkpoints.backbone_weights import find_weights
    from transnet.data.datasets.catalog import open_dataset

    if clip.crop != "none":
        raise TransNetError(
            f"crop is {clip.crop!r}, but transnet features does not look for people; accepted: "
            "none. transnet train --crop people computes such features itself."
        )
    part = Shard.parse(shard)
    manifest = open_dataset(data)
    records = [r for r in dict.fromkeys(manifest.clips) if part.count == 1 or clip_name(r) in part]
    job = FeatureJob(find_weights(weights, backbone), clip, config)
    parts = Parts(out, "clip", part)
    with parts.locked():
        parts.settle(job.record(), adopt=("weights", "versions"))
        done = parts.keys()
        pending = [record for record in records if clip_name(record) not in done]
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


@contextmanager
def _opened_cache(folder: str | None) -> Iterator[FeatureCache]:
    """A feature cache; without a folder one that is removed afterwards."""
    from transnet.data.cache.features import FeatureCache

    with (
        tempfile.TemporaryDirectory(prefix="transnet-features-") as temporary,
        FeatureCache(folder or Path(temporary)) as store,
    ):
        yield store
