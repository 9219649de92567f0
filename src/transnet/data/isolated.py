"""Clips of strangers' files, read in a child process with limits of memory and time."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from transnet.config import ClipConfig
from transnet.data.clips import Clip, read_clip
from transnet.data.video.isolation import Isolation
from transnet.data.views import CENTER, View
from transnet.errors import VideoError


class IsolatedReader:
    """Reads clips as :func:`~transnet.data.clips.read_clip` does, each in a child process.

    Args:
        isolation: where the children live; close it at the end.

    Example:
        ::

            with Isolation(Limits(memory_mb=500, seconds=20)) as isolation:
                clip = IsolatedReader(isolation)("upload.mp4", config)
    """

    def __init__(self, isolation: Isolation) -> None:
        self._isolation = isolation

    def __call__(
        self,
        path: Path | str,
        config: ClipConfig,
        view: View = CENTER,
        *,
        start: int | None = None,
        end: int | None = None,
        allow_partial: bool = False,
    ) -> Clip:
        """Decode, sample and preprocess one clip.

        Raises:
            VideoError: the file cannot be read, is damaged, or reached a limit.
        """
        request = {
            "config": asdict(config),
            "view": asdict(view),
            "options": {"start": start, "end": end, "allow_partial": allow_partial},
        }
        head, body = self._isolation.call(path, send_clip, request)
        count, size = config.frames, config.size
        pixels = count * size * size * 3
        if len(body) != pixels + 16 * count:
            raise VideoError(path, "cannot be decoded: the isolated decoder sent half a clip.")
        return Clip(
            np.frombuffer(body, np.uint8, pixels).reshape(count, size, size, 3).copy(),
            np.frombuffer(body, np.int64, count, pixels).copy(),
            np.frombuffer(body, np.float64, count, pixels + 8 * count).copy(),
            str(head["damage"]),
            float(head["video_s"]),
        )


def send_clip(path: str, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The part of :class:`IsolatedReader` that runs in the child."""
    config, view = ClipConfig(**request["config"]), View(**request["view"])
    clip = read_clip(path, config, view, **request["options"])
    parts = (clip.frames, clip.indices.astype(np.int64), clip.times_s.astype(np.float64))
    head = {"damage": clip.damage, "video_s": clip.video_s}
    return head, b"".join(part.tobytes() for part in parts)
