"""Feature extraction of a dataset, from files to the cache, against its lower bound."""

from __future__ import annotations

import io
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, redirect_stderr
from pathlib import Path
from typing import Any

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

BACKBONE = Entrant("bare backbone, the same frames")
DECODING = Entrant("bare PyAV loop, the same files")
EXTRACTION = Entrant("files to feature cache")
MANY_FRAMES = 10**6
"""Enough frames to measure which runtime is fastest for the backbone."""


def measure_part(setting: Setting) -> list[Measurement]:
    """Feature extraction per clip, relative to the bare backbone plus bare decoding."""
    recognizer = setting.recognizer()
    info, network = recognizer.info, recognizer.model
    network.backbone.freeze()
    records = setting.records
    read = [read_clip(r.path, setting.clip, start=r.start, end=r.end) for r in records]
    mean, std = info.backbone.mean, info.backbone.std
    clips = [torch.from_numpy(normalize(clip.frames, mean, std)) for clip in read]

    def accelerated() -> AbstractContextManager[Any]:
        many = len(records) * setting.clip.frames
        return nullcontext() if setting.miniature else recognizer.accelerated(many)

    if not setting.miniature:
        with recognizer.accelerated(MANY_FRAMES):
            pass  # measures which runtime is fastest

    @torch.inference_mode()
    def encode(clip: Tensor) -> None:
        network.backbone(clip)

    def forward() -> None:
        with accelerated(), ThreadPoolExecutor(network.backbone.max_concurrency) as pool:
            list(pool.map(encode, clips))

    def extract() -> None:
        folder = Path(tempfile.mkdtemp(dir=setting.scratch))
        try:
            with FeatureCache(folder) as cache:
                extractor = FeatureExtractor(network, setting.clip, mean, std, cache)
                with redirect_stderr(io.StringIO()):  # its progress bar
                    found = extractor.extract(records, title="features")
            if found.broken:
                raise TransNetError(str(next(iter(found.broken.values()))))
        finally:
            shutil.rmtree(folder)

    outcome = contest(
        "features",
        {BACKBONE: forward, DECODING: lambda: decode_bare(records), EXTRACTION: extract},
        setting.schedule,
    )
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
        for entrant in (BACKBONE, DECODING, EXTRACTION)
    ]
