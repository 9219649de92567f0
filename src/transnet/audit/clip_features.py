"""Frame features of clips, to compare clips with each other."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from transnet.checkpoints.backbone_weights import find_weights
from transnet.config import ClipConfig
from transnet.data.cache.features import FeatureCache
from transnet.data.manifest import ClipRecord
from transnet.errors import TransNetError
from transnet.inference.features import FeatureExtractor
from transnet.model.transnet import TransNet
from transnet.model.video_network import VIDEO_BACKBONES
from transnet.utils.paths import cache_folder
from transnet.utils.progress import say


def clip_features(
    records: Iterable[ClipRecord],
    *,
    backbone: str | None,
    weights: str,
    clip: ClipConfig,
    workers: int,
    cache: str | None,
) -> dict[ClipRecord, NDArray[np.floating]]:
    """The pooled frame features ``(n, channels)`` of every clip that can be read.

    Raises:
        TransNetError: the backbone is a video network or unknown, or its weights are missing.
    """
    if backbone in VIDEO_BACKBONES:
        raise TransNetError(
            f"backbone is {backbone!r}, a video network; audit compares frames, so it needs an "
            "image network, or --lists-only."
        )
    found = find_weights(weights, backbone)
    network = TransNet(
        found.backbone.name,
        2,
        num_frames=clip.frames,
        size=clip.size,
        readout="pool",
        backbone_args=found.backbone.args,
    )
    found.load_into(network.backbone)
    network.backbone.freeze()
    with FeatureCache(cache or cache_folder() / "features") as store:
        extractor = FeatureExtractor(
            network,
            clip,
            found.backbone.mean,
            found.backbone.std,
            store,
            workers=workers,
            device="cuda" if torch.cuda.is_available() else "cpu",
        )
        done = extractor.extract(sorted(records), title="features")
        if done.broken:
            say(f"{len(done.broken)} clips cannot be read and are left out (see transnet check)")
        return {record: extractor.features(keys[0]) for record, keys in done.keys.items()}
