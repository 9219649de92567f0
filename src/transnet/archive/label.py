"""``transnet label``: the action of every video of an archive, as Parquet."""

from __future__ import annotations

import json as jsonlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

from transnet.archive.addresses import Shard, in_shard
from transnet.archive.label_config import LabelConfig
from transnet.archive.parts import Parts, PartWriter, Row, printable
from transnet.errors import TransNetError
from transnet.utils.progress import progress_bar, say

if TYPE_CHECKING:
    from transnet.archive.labeler import Labeler

Engine = Literal["local", "ray"]


@dataclass
class LabelSummary:
    """How a labeling went.

    Attributes:
        out: where the parts are.
        videos: of the source, or of its shard.
        before: videos that had been labeled before.
        labeled: videos that were labeled now.
        failed: videos among them that have no label.
        seconds: of the labeling, without the preparation.
        cpu_s: core seconds of the process meanwhile.
        model: digest of the model.
        runtime: in which the backbone ran.
        stages: seconds that the threads of each stage were busy, and had a core, and its videos.
    """

    out: str
    videos: int
    before: int
    model: str
    runtime: str
    labeled: int = 0
    failed: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0
    stages: dict[str, dict[str, float]] = field(default_factory=dict)

    def __str__(self) -> str:
        rate = self.labeled / self.seconds if self.seconds else 0.0
        before = f", {self.before} were labeled before" if self.before else ""
        return (
            f"labeled {self.labeled} of {self.videos} videos in {self.seconds:.0f} s "
            f"({rate:.1f} a second){before}; {self.failed} have an error\nsaved to {self.out}"
        )


def label(
    source: str,
    *,
    run: str,
    out: str,
    shard: str = "1/1",
    engine: Engine = "local",
    ray_address: str | None = None,
    config: LabelConfig = LabelConfig(),
    part_rows: int = 1000,
    part_seconds: float = 60.0,
    retry_failed: bool = False,
    isolate: bool = False,
    json: bool = False,
) -> LabelSummary:
    """Label an archive of videos, as Parquet.

    Started again, it continues: a video that has a row is not labeled again.

    Args:
        source: a folder, a .txt file with a path a line, a .csv file with a column path, or an
            address such as s3://bucket/videos
        run: the folder of a trained run
        out: folder or address for the Parquet parts
        shard: I/N, the I-th of N parts of the source, for N jobs that share --out
        engine: local (this machine) or ray (Ray Data, on this machine or a cluster)
        ray_address: of a Ray cluster; by default one is started on this machine
        config: how videos are labeled
        part_rows: rows of a part
        part_seconds: seconds after which a smaller part is written: what a kill costs at most
        retry_failed: label the videos again that have an error
        isolate: decode in child processes with limits of memory and time, for files of strangers;
            not with --segments-from-s
        json: print the summary as a JSON object

    Returns:
        How it went.

    Raises:
        TransNetError: there is no such source or run, or the parts cannot be written.
    """
    from transnet.archive.addresses import list_videos
    from transnet.archive.labeler import Labeler, label_schema

    part = Shard.parse(shard)
    if part_rows < 1:
        raise TransNetError(f"--part-rows is {part_rows}; accepted: 1 or more.")
    videos = in_shard(list_videos(source), part)
    parts = Parts(out, "path", part)
    with parts.locked():
        if retry_failed:
            say(f"labeling {parts.drop('error')} videos again that had an error")
        done = parts.keys()
        pending = [video for video in videos if printable(video) not in done]
        before = len(videos) - len(pending)
        if before:
            say(f"{before} of {len(videos)} videos are labeled already")
        labeler = Labeler(run, config, num_videos=len(pending), isolate=isolate)
        with _opened(labeler, parts) as runtime:
            summary = LabelSummary(out, len(videos), before, labeler.digest, runtime)
            if engine == "ray":
                from transnet.archive.ray_engine import label_with_ray

                rows = label_with_ray(labeler, runtime, pending, ray_address)
            else:
                rows = labeler.label(pending)
            with PartWriter(parts, label_schema(), rows=part_rows, seconds=part_seconds) as writer:
                _collect(rows, writer, len(pending), summary)
        summary.stages = {
            stage.name: {"busy_s": stage.busy_s, "cpu_s": stage.cpu_s, "videos": stage.items}
            for stage in labeler.stages
        }
    print(jsonlib.dumps(asdict(summary)) if json else summary)
    return summary


def _collect(rows: Iterator[Row], writer: PartWriter, total: int, summary: LabelSummary) -> None:
    started, cpu_started = time.perf_counter(), time.process_time()
    with progress_bar("labeling", total, "videos") as bar:
        for row in rows:
            writer.add(row)
            summary.labeled += 1
            summary.failed += row["label"] is None
            bar.set_postfix(failed=summary.failed, refresh=False)
            bar.update(1)
            summary.seconds = time.perf_counter() - started
            summary.cpu_s = time.process_time() - cpu_started


@contextmanager
def _opened(labeler: Labeler, parts: Parts) -> Iterator[str]:
    """Open a labeler in the runtime that made the rows that are there, so that all rows agree."""
    from transnet.checkpoints.record import package_versions

    with labeler.opened() as runtime:
        found = parts.settle(
            {
                "format": 1,
                "kind": "labels",
                "model": labeler.digest,
                "segments_from_s": labeler.config.segments_from_s,
                "allow_partial": labeler.config.allow_partial,
                **({"region": labeler.config.region} if labeler.config.region else {}),
                "runtime": runtime,
                "run": labeler.run,
                "classes": list(labeler.recognizer.classes),
                "versions": package_versions(),
            },
            adopt=("runtime", "run", "versions"),
        )
        if found["runtime"] == runtime:
            yield runtime
            return
    labeler.runtime = str(found["runtime"])
    with labeler.opened() as runtime:
        yield runtime
