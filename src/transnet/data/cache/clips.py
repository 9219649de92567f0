"""The clip cache: decoded clips on disk, for trainings of the backbone, which read them each epoch.

The key of an entry depends on the video's bytes, the frame range, the sampling, the size, the view
and the storage format. An entry is one frame, so that each is a plain JPEG.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from transnet.config import ClipConfig
from transnet.data.cache.filling import KeptClips, ViewsOf, find_clips
from transnet.data.cache.store import Store, entry_key
from transnet.data.clips import Clip
from transnet.data.manifest import ClipRecord
from transnet.data.video.frames import Pixels
from transnet.data.views import View
from transnet.errors import FileError

Storage = Literal["jpeg", "uint8"]

# Chroma at full resolution. On UCF101 the mean absolute error is 0.9 of 255; a clip of 12 frames
# of 224 x 224 takes 230 KiB, an eighth of its pixels.
JPEG = {"quality": 95, "subsampling": 0}


class ClipCache(Store):
    """A :class:`~transnet.data.cache.store.Store` of clips.

    Args:
        folder: created if missing. Several processes on one machine may share it.
        storage: ``jpeg``, or ``uint8`` for exact pixels, eight times larger.

    Raises:
        TransNetError: the folder cannot be used, or holds something else.
    """

    title = "clip cache"
    alternative = (
        "choose another folder with --cache, or decode the videos in each epoch with "
        "--clip-cache none"
    )

    def __init__(self, folder: Path | str, storage: Storage = "jpeg") -> None:
        self._storage = storage
        super().__init__(folder)

    def key(self, identity: str, view: View, clip: ClipConfig) -> str:
        """The key of a clip.

        Args:
            identity: the video's bytes and the frame range.
            view: temporal offset, crop and flip.
            clip: sampling and size.
        """
        return entry_key(
            "clip",
            clip_identity=identity,
            view=asdict(view),
            clip=clip.facts(),
            storage=(self._storage, JPEG if self._storage == "jpeg" else {}),
        )

    def holds(self, key: str, num_frames: int) -> bool:
        """Whether every frame of a clip is here and undamaged."""
        return None not in self.read(_frame_key(key, number) for number in range(num_frames))

    def get(self, key: str, num_frames: int) -> Pixels:
        """The frames of a clip, uint8 RGB ``(num_frames, size, size, 3)``.

        Raises:
            FileError: the cache does not hold it.
        """
        frames = []
        for frame in self.read(_frame_key(key, number) for number in range(num_frames)):
            if frame is None:
                raise FileError(self.folder, "a clip is missing from this cache")
            frames.append(frame)
        try:
            return np.stack([self._decode(frame) for frame in frames])
        except (OSError, SyntaxError, ValueError) as error:
            raise FileError(
                self.folder,
                f"a clip in this cache is damaged ({error}); delete the folder, all of it can be "
                "computed again",
            ) from error

    def put(self, clips: Mapping[str, list[bytes]]) -> None:
        """Store clips as :meth:`encode` returned them: all of them or, if it fails, none.

        Raises:
            TransNetError: the disk is full or cannot be written.
        """
        self.write(
            {
                _frame_key(key, number): frame
                for key, frames in clips.items()
                for number, frame in enumerate(frames)
            }
        )

    def encode(self, frames: Pixels) -> list[bytes]:
        """Encode the frames of a clip, uint8 RGB ``(T, size, size, 3)``, for :meth:`put`."""
        return [self._encode(frame) for frame in frames]

    def _encode(self, frame: Pixels) -> bytes:
        if self._storage == "uint8":
            return frame.tobytes()
        buffer = io.BytesIO()
        Image.fromarray(frame).save(buffer, "JPEG", **JPEG)
        return buffer.getvalue()

    def _decode(self, value: bytes) -> Pixels:
        if self._storage == "uint8":
            pixels = np.frombuffer(value, np.uint8)
            size = round((pixels.size / 3) ** 0.5)
            return pixels.reshape(size, size, 3)
        with Image.open(io.BytesIO(value), formats=["JPEG"]) as picture:
            return np.asarray(picture)


def cache_clips(
    cache: ClipCache,
    records: Sequence[ClipRecord],
    clip: ClipConfig,
    views_of: ViewsOf,
    *,
    workers: int,
    title: str,
) -> KeptClips:
    """Decode the clips that a cache lacks, and store them.

    Args:
        cache: where they are stored.
        records: the clips.
        clip: how a video becomes a clip.
        views_of: the views of a clip, given its identity.
        workers: decoding threads.
        title: what to call the work in the progress bar.

    Raises:
        TransNetError: the cache cannot be written.
    """

    def key_of(identity: str, view: View) -> str:
        return cache.key(identity, view, clip)

    def encode(decoded: Clip) -> list[bytes]:
        return cache.encode(decoded.frames)

    def holds(key: str) -> bool:
        return cache.holds(key, clip.frames)

    found = find_clips(cache, records, views_of, key_of, holds)
    for frames in found.decode_missing(clip, encode, workers=workers, title=title):
        cache.put(frames)
    return found


def _frame_key(key: str, number: int) -> str:
    return f"{key}|{number}"
