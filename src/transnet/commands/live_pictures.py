"""Where ``transnet live`` shows its frames: in a video file and in a window."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Protocol, TypeVar

from transnet.commands.preview_window import PreviewWindow, has_screen
from transnet.data.video.frames import FrameConverter, Pixels
from transnet.data.video.sources import FrameSource
from transnet.data.video.writer import VideoWriter

Shown = TypeVar("Shown", contravariant=True)
"""What is known at a frame: the events of the stream, or its people."""

Draw = Callable[[Pixels, Shown, int], Pixels]
"""From a frame, what is known, and how many times the frame is enlarged, to a picture."""


class Pictures(Protocol[Shown]):
    """Shows every frame."""

    def show(self, picture: Any, time_s: float, known: Shown) -> bool:
        """Show a frame, classified or not; False stops the loop."""


class AnnotatedVideo(Pictures[Shown]):
    """A video file of every frame."""

    def __init__(self, out: str, draw: Draw[Shown], stack: ExitStack) -> None:
        self._writer = stack.enter_context(VideoWriter(out))
        self._draw, self._convert = draw, FrameConverter()

    def show(self, picture: Any, time_s: float, known: Shown) -> bool:
        """Write it."""
        self._writer.write(self._draw(self._convert(picture), known, 1), time_s)
        return True


class OnScreen(Pictures[Shown]):
    """A window with every frame; its title says how many were dropped."""

    def __init__(self, frames: FrameSource, draw: Draw[Shown], stack: ExitStack) -> None:
        self._window = PreviewWindow(f"transnet live: {frames.name}")
        stack.callback(self._window.close)
        self._frames, self._draw, self._convert = frames, draw, FrameConverter()

    def show(self, picture: Any, time_s: float, known: Shown) -> bool:
        """Show it; False once the user has closed the window."""
        pixels = self._convert(picture)
        factor = PreviewWindow.enlargement(pixels)
        large = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
        dropped = self._frames.dropped / max(1, self._frames.due)
        title = f"transnet live: {self._frames.name} ({dropped:.0%} of the frames dropped)"
        self._window.show(self._draw(large, known, factor), title)
        return self._window.is_open


def open_pictures(
    frames: FrameSource, draw: Draw[Shown], stack: ExitStack, *, out: str | None, window: bool
) -> list[Pictures[Shown]]:
    """The video ``out``, if it is wanted, and a window, if one is wanted and there is a screen."""
    pictures: list[Pictures[Shown]] = [AnnotatedVideo(out, draw, stack)] if out else []
    if window and has_screen():
        pictures.append(OnScreen(frames, draw, stack))
    return pictures
