"""Feature extraction of a dataset, from files to the cache, against its lower bound."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, redirect_stderr

import torch
from torch import Tensor

from transnet.benchmark.contest import Entrant, contest
from transnet.benchmark.decoding import decode_bare
from transnet.benchmark.measurement import Measurement, measurement
from transnet.benchmark.setting import Setting
from transnet.data.cache.features import FeatureCache
from transnet.data.clips import read_clip
from transnet.data.preprocessing import normalize
from transnet.errors import TransNetError
from transnet.inference.features import FeatureExtractor
from transnet.inference.recognizer import Recognizer

BACKBONE = Entrant("bare backbone, the same frames")
DECODING = Entrant("bare PyAV loop, the same files")
EXTRACTION = Entrant("files to feature cache")
MANY_FRAMES = 10**6
"""Enough frames to measure which runtime is fastest for the backbone."""


def measure_part(setting: Setting) -> list[Measurement]:
    """Feature extraction per clip, relative to the bare backbone plus bare decoding."""
    recognizer = setting.recognizer()
    recognizer.model.backbone.freeze()
    records = setting.records
    if not setting.miniature:
        with recognizer.accelerated(MANY_FRAMES):
            pass  # measures which runtime is fastest
    calls: dict[Entrant, Callable[[], object]] = {
        BACKBONE: _forward(setting, recognizer),
        DECODING: lambda: decode_bare(records),
        EXTRACTION: lambda: _extract(setting, recognizer),
    }
    outcome = contest("features", calls, setting.schedule)
    limit = setting.limit("ratio", 1.15)
    return [
        measurement(
            outcome,
            entrant,
            part="features",
            threads=setting.threads,
            per=len(records),
            reference=(BACKBONE, DECODING) if entrant == EXTRACTION else (),
            limit=limit if entrant == EXTRACTION else None,
        )
        for entrant in calls
    ]


def _forward(setting: Setting, recognizer: Recognizer) -> Callable[[], object]:
    """The bare backbone on the frames of every clip."""
    mean, std = recognizer.info.backbone.mean, recognizer.info.backbone.std
    backbone, records = recognizer.model.backbone, setting.records
    read = [read_clip(r.path, setting.clip, start=r.start, end=r.end) for r in records]
    clips = [torch.from_numpy(normalize(clip.frames, mean, std)) for clip in read]
    many = len(records) * setting.clip.frames

    @torch.inference_mode()
    def encode(clip: Tensor) -> None:
        backbone(clip)

    def forward() -> None:
        accelerated = nullcontext() if setting.miniature else recognizer.accelerated(many)
        with accelerated, ThreadPoolExecutor(backbone.max_concurrency) as pool:
            list(pool.map(encode, clips))

    return forward


def _extract(setting: Setting, recognizer: Recognizer) -> None:
    """Extract the features of every clip into an empty cache."""
    mean, std = recognizer.info.backbone.mean, recognizer.info.backbone.std
    with (
        tempfile.TemporaryDirectory(dir=setting.scratch) as folder,
        FeatureCache(folder) as cache,
        redirect_stderr(io.StringIO()),  # hides the progress bar
    ):
        extractor = FeatureExtractor(recognizer.model, setting.clip, mean, std, cache)
        found = extractor.extract(setting.records, title="features")
    if found.broken:
        raise TransNetError(str(next(iter(found.broken.values()))))
