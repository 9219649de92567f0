"""Features of many clips: videos in, cache entries out, broken files listed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

import numpy as np
import torch
from numpy.typing import NDArray

from transnet.config import ClipConfig
from transnet.data.cache.features import FeatureCache, feature_key, motion_key
from transnet.data.cache.filling import KeptClips, find_clips
from transnet.data.clips import Clip
from transnet.data.manifest import ClipRecord
from transnet.data.views import CENTER, View
from transnet.errors import TransNetError
from transnet.model.encoded import Encoded
from transnet.model.motion import VERSION as MOTION_VERSION
from transnet.model.networks import Network, device_of
from transnet.model.normalization import Normalization
from transnet.runtimes.choice import accelerated


class FeatureExtractor:
    """Computes the output of the frozen part of a network for clips, and caches it.

    Args:
        model: the network; its backbone must be frozen. It runs on the device that it is on.
        clip: how a video becomes a clip.
        mean: mean of RGB in 0..1, subtracted from a frame.
        std: standard deviation of RGB in 0..1, by which a frame is divided.
        cache: the cache.
        workers: decoding threads.
        device: moves the network to this device first, if given.
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
        device: torch.device | str | None = None,
    ) -> None:
        self.cache = cache
        if device is not None:
            model = model.to(torch.device(device))
        self._model = model.to(memory_format=model.memory_format).eval()
        self._normalization = Normalization(mean, std)
        self._clip, self._workers = clip, workers
        self._depends_on = {
            "backbone": model.backbone.fingerprint(),
            "readout": model.feature_kind,
            "clip": clip.facts(),
            "mean": tuple(mean),
            "std": tuple(std),
        }

    def extract(
        self,
        records: Sequence[ClipRecord],
        views_of: Callable[[str], Sequence[View]] = lambda _: (CENTER,),
        *,
        title: str,
    ) -> KeptClips:
        """Compute the features of clips that the cache lacks.

        Args:
            records: the clips.
            views_of: function from the stable name of a clip to its views.
            title: text of the progress bar.

        Raises:
            TransNetError: the cache cannot be written.
        """
        found = find_clips(self.cache, records, views_of, self._key, self._holds)
        if found.missing:
            self._compute(found, title)
        return found

    def _compute(self, found: KeptClips, title: str) -> None:
        """Encode the missing views one at a time, as in prediction, for equal numbers."""
        started = time.perf_counter()
        backbone = self._model.backbone
        backbone_s: list[float] = []

        def encode(clip: Clip) -> list[NDArray[np.floating]]:
            begun = time.perf_counter()
            features = self._encode(clip)
            backbone_s.append(time.perf_counter() - begun)
            return features

        # By all frames, not by those that are left: a resumed run takes the same runtime.
        num_frames = sum(map(len, found.keys.values())) * self._clip.frames
        with accelerated(backbone, num_frames):
            found.seconds.total += time.perf_counter() - started
            in_threads = backbone.max_concurrency > 1

            def prepare(clip: Clip) -> Clip | list[NDArray[np.floating]]:
                return encode(clip) if in_threads else clip

            workers = max(self._workers, backbone.max_concurrency)
            for views in found.decode_missing(self._clip, prepare, workers=workers, title=title):
                entries: dict[str, NDArray[np.floating]] = {}
                for key, view in views.items():
                    arrays = encode(view) if isinstance(view, Clip) else view
                    entries.update(zip(self.entries(key), arrays, strict=True))
                self.cache.put(entries)
        found.seconds.backbone = sum(backbone_s)

    def encoded(self, keys: Sequence[str]) -> Encoded:
        """The features of keys returned by :meth:`extract`, as a batch of float32."""
        arrays = [[self.features(entry) for entry in self.entries(key)] for key in keys]
        frames, *pairs = (
            torch.from_numpy(np.stack(each)).float() for each in zip(*arrays, strict=True)
        )
        return Encoded(frames, pairs[0] if pairs else frames.new_empty(len(keys), 0))

    def encoded_views(self, keys: Iterable[Sequence[str]]) -> Encoded:
        """The features of V views of each of N clips: frames ``(N, V, n, ...)``, pairs alike."""
        clips = [self.encoded(views) for views in keys]
        return Encoded(*(torch.stack(each) for each in zip(*clips, strict=True)))

    def features(self, key: str) -> NDArray[np.floating]:
        """The features ``(n, ...)`` of the frames of a key returned by :meth:`extract`."""
        features = self.cache.get(key)
        if features is None:
            raise TransNetError(
                f"features have disappeared from the cache at {self.cache.folder}; start again."
            )
        return features

    def _key(self, identity: str, view: View) -> str:
        return feature_key(clip_identity=identity, view=asdict(view), **self._depends_on)

    def _holds(self, key: str) -> bool:
        return all(entry in self.cache for entry in self.entries(key))

    def entries(self, key: str) -> list[str]:
        """The cache entries of a view: its frames and, with motion, its pairs of frames."""
        if not self._model.has_motion:
            return [key]
        return [key, motion_key(frames=key, version=MOTION_VERSION)]

    @torch.inference_mode()
    def _encode(self, clip: Clip) -> list[NDArray[np.floating]]:
        pixels = self._normalization.on(device_of(self._model), clip.frames)
        encoded = self._model.encode_cues(pixels[None])
        frames, pairs = encoded.frames[0], encoded.pairs[0]
        # A map is 49 times larger than its mean; half precision keeps three digits.
        kept = [frames.half() if frames.ndim > 2 else frames.float()]
        if self._model.has_motion:
            kept.append(pairs.float())
        return [features.cpu().numpy() for features in kept]
