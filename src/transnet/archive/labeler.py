"""Videos in, rows out: what each machine of a labeling job does, whatever engine drives it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from transnet.archive.addresses import LocalFile, UnreachableError, fetch
from transnet.archive.label_config import LabelConfig
from transnet.archive.parts import Row, import_pyarrow, printable
from transnet.archive.segments import segments_of
from transnet.archive.stages import Stage, run_stages
from transnet.checkpoints.hub_files import local_folder
from transnet.checkpoints.novelty import NAME as NOVELTY
from transnet.checkpoints.novelty import unknown_pays
from transnet.data.clips import Clip, read_clip, require_whole_pictures
from transnet.data.isolated import IsolatedReader
from transnet.data.video.isolation import Isolation
from transnet.errors import FileError, TransNetError, VideoError
from transnet.inference.base import Scored
from transnet.inference.recognizer import Recognizer, load
from transnet.model.networks import device_of
from transnet.runtimes.choice import VARIABLE
from transnet.utils.threads import usable_cores

GPU_BATCH = 16
FETCHERS = 8
MAX_UNREACHABLE = 50
"""So many files in a row that cannot be opened mean that the storage is gone, not the files."""


@dataclass
class _Video:
    """A video on its way through the stages."""

    address: str
    file: LocalFile | None = None
    clip: Clip | None = None
    error: str = ""
    reachable: bool = True


@dataclass
class Labeler:
    """Labels videos in three stages: fetch, decode, backbone.

    Also the class that Ray Data's ``map_batches`` calls: it can be made anywhere from values alone.

    Args:
        run: a run folder.
        config: how videos are labeled.
        runtime: the runtime of the backbone; by default the one that is fastest on this machine.
        num_videos: videos ahead, which decides whether it pays to find out what is fastest.
        isolate: decode in child processes with limits of memory and time.

    Attributes:
        stages: the stages of the last call of :meth:`label`, with the time that each took.

    Example:
        >>> rows = list(Labeler("runs/exercises").label(["clip.mp4"]))
        >>> len(rows)
        1
    """

    run: str
    config: LabelConfig = LabelConfig()
    runtime: str = ""
    num_videos: int = 10**6
    isolate: bool = False
    stages: list[Stage] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.recognizer: Recognizer = load(self.run, device=self.config.device).watching(
            self.config.region
        )
        require_whole_pictures(self.recognizer.info.clip)
        self.digest = model_digest(self.run)
        self.device = device_of(self.recognizer.model)
        if self.config.segments_from_s is not None and self.device.type != "cpu":
            raise TransNetError("--segments-from-s needs --device cpu.")
        if self.config.segments_from_s is not None and self.isolate:
            raise TransNetError("--isolate is for whole clips; leave out --segments-from-s.")
        self._isolation = Isolation()
        self._read = IsolatedReader(self._isolation) if self.isolate else read_clip
        self._workers = self.config.workers or usable_cores()
        self._batch = self.config.batch or (1 if self.device.type == "cpu" else GPU_BATCH)
        self._unreachable = 0
        self._kept_open: ExitStack | None = None

    @contextmanager
    def opened(self) -> Iterator[str]:
        """Hold the backbone in its runtime, whose name is given, for several calls."""
        threads = torch.get_num_threads()
        before = os.environ.get(VARIABLE)
        if self.runtime:
            os.environ[VARIABLE] = self.runtime
        torch.set_num_threads(self._workers)
        try:
            num_frames = self.num_videos * self.recognizer.info.clip.frames
            with self.recognizer.accelerated(num_frames) as runtime:
                if runtime == "eager":
                    torch.set_num_threads(1)  # several calls at once instead, see label()
                yield runtime
        finally:
            self._isolation.close()
            torch.set_num_threads(threads)
            if self.runtime:
                os.environ.pop(VARIABLE)
                os.environ.update({} if before is None else {VARIABLE: before})

    def label(self, addresses: Iterable[str]) -> Iterator[Row]:
        """Label some videos; call it while the labeler is :meth:`opened`.

        Args:
            addresses: paths, and addresses of ``fsspec``.

        Yields:
            A row of :func:`label_schema` for each, in the order in which they are finished.

        Raises:
            TransNetError: 50 files in a row could not be opened.
        """
        # One core a call, so a row does not depend on the number of workers.
        backbone = self.recognizer.model.backbone
        eager = self.device.type == "cpu" and getattr(backbone, "engine", None) is None
        concurrency = self._workers if eager else backbone.max_concurrency
        capacity = max(2 * self._workers, 2 * self._batch)
        with tempfile.TemporaryDirectory(prefix="transnet-label-") as folder:

            def fetched(items: list[str]) -> list[_Video]:
                return [_fetch(address, folder) for address in items]

            self.stages = [
                Stage("fetch", fetched, max(FETCHERS, 2 * self._workers), capacity=self._workers),
                Stage("decode", self._decode, self._workers, capacity=capacity),
                Stage("backbone", self._classify, concurrency, self._batch, capacity),
            ]
            for video, row in run_stages(addresses, self.stages):
                self._unreachable = 0 if video.reachable else self._unreachable + 1
                yield row
                if self._unreachable >= MAX_UNREACHABLE:
                    raise TransNetError(
                        f"{MAX_UNREACHABLE} files in a row could not be opened (the last: "
                        f"{video.address}: {video.error}). Is the storage there? Start again with "
                        "--retry-failed once it is."
                    )

    def __call__(self, batch: dict[str, Any]) -> Any:
        """A batch of Ray Data, ``{"path": (B,)}``, to a ``pyarrow.Table`` of rows."""
        if self._kept_open is None:
            self._kept_open = ExitStack()
            self._kept_open.enter_context(self.opened())  # until the actor ends
        rows = list(self.label(batch["path"].tolist()))
        return import_pyarrow().Table.from_pylist(rows, schema=label_schema())

    def _decode(self, videos: list[_Video]) -> list[_Video]:
        for video in videos:
            if video.file is None:
                continue
            try:
                video.clip = self._read(
                    video.file.path,
                    self.recognizer.info.clip,
                    allow_partial=self.config.allow_partial,
                )
                video.error = video.clip.damage
            except VideoError as error:
                video.error = error.reason
            except Exception as error:  # one strange file must not end a job of a million
                video.error = f"cannot be decoded ({type(error).__name__}: {error})."
        return videos

    def _classify(self, videos: list[_Video]) -> list[tuple[_Video, Row]]:
        readable = [video.clip for video in videos if video.clip is not None]
        scores = iter(self._scores(readable) if readable else ())
        rows = []
        for video in videos:
            row = self._row(video, None if video.clip is None else next(scores))
            rows.append((video, row))
            video.clip = None
            if video.file is not None:
                video.file.release()
        return rows

    def _scores(self, clips: list[Clip]) -> list[Scored]:
        """The scores of each clip; every forward pass has the same shape.

        So a row does not depend on the videos that happened to be labeled with it.
        """
        missing = self._batch - len(clips)
        pixels = np.stack([clip.frames for clip in (*clips, *clips[:1] * missing)])
        return self.recognizer.score_clips(pixels)[: len(clips)]

    def _row(self, video: _Video, scored: Scored | None) -> Row:
        row: Row = dict.fromkeys(label_schema().names)
        row.update(path=printable(video.address), model=self.digest, error=video.error or None)
        if video.file is not None:
            row["size"] = video.file.size
        if scored is None or video.clip is None or video.file is None:
            return row
        if not all(map(math.isfinite, scored.probabilities)):
            return {**row, "error": "the network gave no number for it."}
        seconds = video.clip.video_s
        prediction = self.recognizer.prediction(video.address, scored, 0.0, seconds)
        row.update(
            label=prediction.label,
            score=prediction.score,
            scores=list(prediction.scores.items()),
            seconds=seconds,
        )
        least_s = self.config.segments_from_s
        if least_s is not None and video.clip.video_s >= least_s:
            try:
                row["segments"] = segments_of(self.recognizer, video.file.path)
            except FileError as error:
                row["error"] = error.reason
        return row


def label_schema() -> Any:
    """The columns of a row, as a ``pyarrow.Schema``.

    ``path``; ``size`` in bytes; ``label``, the best class, several joined by ``|``, or
    ``unknown``; ``score``, the probability of the best class; ``scores``, that of every class, best
    first; ``segments``, if they were asked for; ``seconds``, the length of the video; ``error``,
    why there is no label; ``model``, a digest of the model.
    """
    pa = import_pyarrow()
    segment = pa.struct(
        [("label", pa.string()), ("start_s", pa.float64()), ("end_s", pa.float64()),
         ("score", pa.float32())]
    )  # fmt: skip
    return pa.schema(
        {
            "path": pa.string(),
            "size": pa.int64(),
            "label": pa.string(),
            "score": pa.float32(),
            "scores": pa.map_(pa.string(), pa.float32()),
            "segments": pa.list_(segment),
            "seconds": pa.float64(),
            "error": pa.string(),
            "model": pa.string(),
        }
    )


def model_digest(run: str) -> str:
    """A hash of everything in a run folder that decides an answer.

    Raises:
        TransNetError: a file of the run cannot be read.
    """
    folder = local_folder(run)
    try:
        digest = hashlib.blake2b(digest_size=16)
        with open(folder / "model.safetensors", "rb") as file:
            digest.update(hashlib.file_digest(file, "blake2b").digest())
        record = json.loads((folder / "transnet.json").read_text(encoding="utf-8"))
        kept = {name: record[name] for name in ("classes", "clip", "model", "mean", "std")}
        digest.update(json.dumps(kept, sort_keys=True).encode())
        if unknown_pays(folder) and (folder / NOVELTY).is_file():
            digest.update((folder / NOVELTY).read_bytes())
        return digest.hexdigest()
    except (OSError, ValueError, KeyError) as error:
        raise TransNetError(f"{run} cannot be read as a run folder ({error}).") from error


def _fetch(address: str, folder: str) -> _Video:
    try:
        return _Video(address, fetch(address, folder))
    except UnreachableError as error:
        return _Video(address, error=error.reason, reachable=False)
