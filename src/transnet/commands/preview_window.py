"""A window that shows frames, made with Tk, which comes with Python."""

from __future__ import annotations

import os
import sys

from PIL import Image

from transnet.data.video.frames import Pixels

MAX_SIDE = 960
"""Longest side of a shown frame, in pixels; larger ones are shrunk."""
MIN_SIDE = 720
"""Frames are enlarged by the largest whole factor with which they stay below this."""


def has_screen() -> bool:
    """Whether a window can be opened on this machine."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return False
    try:
        import tkinter

        tkinter.Tk().destroy()
    except (ImportError, tkinter.TclError):  # some builds of Python have no Tk
        return False
    return True


class PreviewWindow:
    """Shows one frame at a time; closed by its button, ``q`` or Escape.

    Attributes:
        is_open: whether the user has not closed it.
    """

    def __init__(self) -> None:
        import tkinter

        self.is_open = True
        self._root = tkinter.Tk()
        self._root.resizable(False, False)
        self._root.protocol("WM_DELETE_WINDOW", self._close)
        for key in ("q", "<Escape>"):
            self._root.bind(key, lambda _event: self._close())
        self._label = tkinter.Label(self._root, borderwidth=0)
        self._label.pack()

    @staticmethod
    def enlargement(pixels: Pixels) -> int:
        """The whole factor by which to enlarge small frames, so that text on them can be read."""
        return max(1, MIN_SIDE // max(pixels.shape))

    def show(self, pixels: Pixels, title: str) -> None:
        """Show uint8 RGB ``(H, W, 3)``, shrunk if a side is longer than 960 pixels."""
        from PIL import ImageTk

        if not self.is_open:
            return
        self._root.title(title)
        picture = Image.fromarray(pixels)
        picture.thumbnail((MAX_SIDE, MAX_SIDE))
        photo = ImageTk.PhotoImage(picture, master=self._root)
        self._label.configure(image=photo)
        self._label.image = photo  # type: ignore[attr-defined]  # Tk itself holds no reference
        self._root.update()

    def close(self) -> None:
        """Close the window."""
        if self.is_open:
            self._close()

    def _close(self) -> None:
        self.is_open = False
        self._root.destroy()
