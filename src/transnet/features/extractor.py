"""Frame features of many clips: videos in, cache entries out, broken files listed.

Decoding runs in threads ahead of the network. A clip whose features are in the cache is not even
opened, so a run that was killed goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from transnet.config import ClipConfig
from transnet.data.clips import Clip, read_views
from transnet.data.feature_cache import FeatureCache, feature_key
from transnet.data.manifest import ClipRecord
from transnet.data.prefetch import prefetch
from transnet.data.preprocessing import CENTER, View, normalise
from transnet.deploy.fastest import accelerate
from transnet.errors import TransNetError, VideoError
from transnet.model.network import Network
from transnet.progress import progress_bar


@dataclass
class StageSeconds:
    """Where the time of an extraction went, in seconds.

    ``decode`` is summed over the decoding threads and so may exceed what a clock showed.
    """

    decode: float = 0.0
    backbone: float = 0.0
    total: float = 0.0

    def add(self, other: StageSeconds) -> None:
        self.decode += other.decode
        self.backbone += other.backbone
        self.total += other.total


@dataclass(frozen=True)
class ExtractedClips:
    """The clips whose features are in the cache.

    Attributes:
        keys: for each clip that could be read, the cache keys of its views.
        digests: a hash of each of these clips' video files.
        broken: the others, with what is wrong with each.
        computed: how many clips had to be computed, the rest was there.
        seconds: where the time went.
    """

    keys: dict[ClipRecord, list[str]]
    digests: dict[ClipRecord, str]
    broken: dict[ClipRecord, VideoError]
    computed: int
    seconds: StageSeconds = field(default_factory=StageSeconds)


class FeatureExtractor:
    """Computes what the frozen part of a network makes of clips, and keeps it.

    Args:
        model: the network; its backbone must be frozen.
        clip: how a video becomes a clip.
        mean: mean of RGB in 0..1, subtracted from a frame.
        std: standard deviation of RGB in 0..1, by which a frame is divided.
        cache: where features are kept.
        workers: decoding threads.
        device: where the network runs.
    """

    def __init__(
        self,
        model: Network,
        clip: ClipConfig,
        mean: Sequence[float],
        std: Sequence[float],
        cache: FeatureCache,
        *,
        workers: int = 2,
        device: torch.device | str = "cpu",
    ) -> None:
        self.cache = cache
        self._model = model.to(torch.device(device)).to(memory_format=model.memory_format).eval()
        self._clip, self._mean, self._std = clip, tuple(mean), tuple(std)
        self._workers, self._device = workers, torch.device(device)
        self._depends_on = {
            "backbone": model.backbone.fingerprint(),
            "readout": model.feature_kind,
            "clip": asdict(clip),
            "mean": self._mean,
            "std": self._std,
        }

    def extract(
        self,
        records: Sequence[ClipRecord],
        views_of: Callable[[str], Sequence[View]] = lambda _: (CENTER,),
        *,
        title: str,
    ) -> ExtractedClips:
        """Bring the features of some clips into the cache.

        Args:
            records: the clips.
            views_of: from a name of a clip, which is always the same, to the ways to look at it.
            title: what to call the work in the progress bar.

        Raises:
            TransNetError: the cache cannot be written.
        """
        found = ExtractedClips({}, {}, {}, 0)
        started = time.perf_counter()
        missing: list[tuple[ClipRecord, list[View], list[str]]] = []
        for record in dict.fromkeys(records):
            try:
                digest = self.cache.video_digest(record.path)
            except VideoError as error:
                found.broken[record] = error
                continue
            identity = f"{digest}:{record.start}:{record.end}"
            looks = views_of(identity)
            keys = [self._key(identity, view) for view in looks]
            found.digests[record], found.keys[record] = digest, keys
            lacking = [i for i, key in enumerate(keys) if key not in self.cache]
            if lacking:
                missing.append((record, [looks[i] for i in lacking], [keys[i] for i in lacking]))
        if missing:
            self._compute(missing, found, title)
        found.seconds.total = time.perf_counter() - started
        return ExtractedClips(found.keys, found.digests, found.broken, len(missing), found.seconds)

    def features(self, key: str) -> NDArray[np.floating]:
        """The features ``(n, ...)`` of a key that :meth:`extract` gave."""
        features = self.cache.get(key)
        if features is None:
            raise TransNetError(
                f"features have vanished from the cache at {self.cache.folder}; start again."
            )
        return features

    def _key(self, identity: str, view: View) -> str:
        return feature_key(clip_identity=identity, view=asdict(view), **self._depends_on)

    def _compute(
        self,
        missing: Sequence[tuple[ClipRecord, list[View], list[str]]],
        found: ExtractedClips,
        title: str,
    ) -> None:
        num_frames = sum(len(keys) for _, _, keys in missing) * self._clip.frames
        accelerate(self._model.backbone, num_frames)
        reads = ((lambda r=r, v=v: self._read(r, v, found)) for r, v, _ in missing)
        with progress_bar(title, len(missing), "clips") as bar:
            results = prefetch(reads, self._workers)
            for (record, _, keys), result in zip(missing, results, strict=True):
                try:
                    views = result.result()
                except VideoError as error:
                    found.broken[record] = error
                    del found.keys[record], found.digests[record]
                else:
                    started = time.perf_counter()
                    features = self._encode(views)
                    found.seconds.backbone += time.perf_counter() - started
                    self.cache.put(dict(zip(keys, features, strict=True)))
                bar.update(1)

    def _read(self, record: ClipRecord, views: list[View], found: ExtractedClips) -> list[Clip]:
        started = time.perf_counter()
        clips = read_views(record.path, self._clip, views, start=record.start, end=record.end)
        found.seconds.decode += time.perf_counter() - started
        return clips

    @torch.inference_mode()
    def _encode(self, clips: Sequence[Clip]) -> list[NDArray[np.floating]]:
        # One view at a time, as in prediction: equal batches give equal numbers.
        encoded = []
        for clip in clips:
            pixels = torch.from_numpy(normalise(clip.frames, self._mean, self._std))
            features = self._model.encode(pixels[None].to(self._device))[0]
            # A map is 49 times larger than its mean; half precision keeps its three digits.
            kept = features.half() if features.ndim > 2 else features.float()
            encoded.append(kept.cpu().numpy())
        return encoded
