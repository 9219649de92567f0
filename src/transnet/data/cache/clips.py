"""Decoded clips, kept on disk: a training of the backbone reads them anew in each epoch.

What an entry is named by: the video's bytes, the frame range, the sampling, the size, the view and
the way it is stored. An entry is one frame, so that every picture is a plain JPEG.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from transnet.config import ClipConfig
from transnet.data.cache.filling import KeptClips, keep_clips
from transnet.data.cache.store import Store, entry_key
from transnet.data.manifest import ClipRecord
from transnet.data.video.frames import Pixels
from transnet.data.views import View
from transnet.errors import FileError

Storage = Literal["jpeg", "uint8"]

# Colors at full resolution. On UCF101 a pixel is off by 0.9 of 255 in the mean; a clip of 12
# frames of 224 pixels has 230 KiB, an eighth of its pixels.
JPEG = {"quality": 95, "subsampling": 0}


class ClipCache(Store):
    """A :class:`~transnet.data.cache.store.Store` of clips.

    Args:
        folder: where it lives; made if need be. Several processes may share it, on a local disk.
        storage: ``jpeg``, or ``uint8``: the pixels themselves, eight times larger.

    Raises:
        TransNetError: the folder cannot be used, or holds something else.
    """

    title = "clip cache"
    way_out = (
        "choose another folder with --cache, or decode the videos anew in each epoch with "
        "--clip-cache none"
    )

    def __init__(self, folder: Path | str, storage: Storage = "jpeg") -> None:
        self._storage = storage
        super().__init__(folder)

    def key(self, identity: str, view: View, clip: ClipConfig) -> str:
        """The name of a clip.

        Args:
            identity: names the video's bytes and the frame range.
            view: which way it is looked at.
            clip: how it is sampled and how large it is.
        """
        return entry_key(
            "clip",
            clip_identity=identity,
            view=asdict(view),
            clip=asdict(clip),
            storage=(self._storage, JPEG if self._storage == "jpeg" else {}),
        )

    def __contains__(self, key: str) -> bool:
        return super().__contains__(_frame_key(key, 0))  # a clip is written as a whole

    def get(self, key: str, num_frames: int) -> Pixels:
        """The uint8 RGB frames ``(num_frames, size, size, 3)`` of a clip that is there.

        Raises:
            FileError: it is there no more.
        """
        frames = []
        for frame in self.read(_frame_key(key, number) for number in range(num_frames)):
            if frame is None:
                raise FileError(self.folder, "a clip has vanished from this cache")
            frames.append(self._decode(frame))
        return np.stack(frames)

    def put(self, clips: Mapping[str, list[bytes]]) -> None:
        """Keep some clips as :meth:`encode` gave them: all of them or, if it fails, none.

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
        """What is kept of each frame of a clip, uint8 RGB ``(T, size, size, 3)``."""
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
    views_of: Callable[[str], Sequence[View]],
    *,
    workers: int,
    title: str,
) -> KeptClips:
    """Decode the clips that the cache lacks, and keep them.

    Args:
        cache: where they are kept.
        records: the clips.
        clip: how a video becomes a clip.
        views_of: from a name of a clip, which is always the same, to the ways to look at it.
        workers: decoding threads.
        title: what to call the work in the progress bar.

    Raises:
        TransNetError: the cache cannot be written.
    """

    def key_of(identity: str, view: View) -> str:
        return cache.key(identity, view, clip)

    return keep_clips(
        cache, records, clip, views_of, key_of, lambda one: cache.encode(one.frames), cache.put,
        workers=lambda _: workers, title=title,
    )  # fmt: skip


def _frame_key(key: str, number: int) -> str:
    return f"{key}|{number}"
