"""Where ``transnet live`` shows its frames: in a video file and in a window."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Generic, TypeVar

from transnet.commands.preview_window import PreviewWindow, has_screen
from transnet.data.video.frames import FrameConverter, Pixels
from transnet.data.video.sources import FrameSource
from transnet.data.video.writer import VideoWriter

Known = TypeVar("Known", contravariant=True)
"""What is known at a frame: the events of the stream, or its people."""

Draw = Callable[[Pixels, Known, int], Pixels]
"""From a frame, what is known, and how many times the frame is enlarged, to a picture."""


class LivePictures(Generic[Known]):
    """Shows every frame with what is known drawn on it: in a video file, in a window, or nowhere.

    Args:
        frames: the source of the frames.
        draw: draws what is known.
        stack: closes the file and the window.
        out: the video file, if one is wanted.
        window: whether a window is wanted; there is none without a screen.
    """

    def __init__(
        self,
        frames: FrameSource,
        draw: Draw[Known],
        stack: ExitStack,
        *,
        out: str | None,
        window: bool,
    ) -> None:
        self._frames, self._draw, self._convert = frames, draw, FrameConverter()
        self._writer = stack.enter_context(VideoWriter(out)) if out else None
        self._window = PreviewWindow() if window and has_screen() else None
        if self._window is not None:
            stack.callback(self._window.close)

    def show(self, picture: Any, time_s: float, known: Known) -> bool:
        """Show a frame, classified or not; False once the user has closed the window."""
        if self._writer is None and self._window is None:
            return True
        pixels = self._convert(picture)
        if self._writer is not None:
            self._writer.write(self._draw(pixels, known, 1), time_s)
        return self._window is None or self._show_in(self._window, pixels, known)

    def _show_in(self, window: PreviewWindow, pixels: Pixels, known: Known) -> bool:
        factor = window.enlargement(pixels)
        large = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
        dropped = self._frames.dropped / max(1, self._frames.due)
        title = f"transnet live: {self._frames.name} ({dropped:.0%} of the frames dropped)"
        window.show(self._draw(large, known, factor), title)
        return window.is_open
