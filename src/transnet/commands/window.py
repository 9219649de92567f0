"""A window on the screen that shows pictures; Tk, which comes with Python."""

from __future__ import annotations

import os
import sys

from PIL import Image

from transnet.data.video.frames import Pixels

MAX_SIDE = 960


def has_screen() -> bool:
    """Whether a window can be opened here."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return False
    try:
        import tkinter

        tkinter.Tk().destroy()
    except (ImportError, tkinter.TclError):  # some Pythons come without Tk
        return False
    return True


class Window:
    """Shows one picture at a time; closed by its button, by ``q`` or by Escape.

    Attributes:
        is_open: whether the user has not closed it.
    """

    def __init__(self, title: str) -> None:
        import tkinter

        self.is_open = True
        self._root = tkinter.Tk()
        self._root.title(title)
        self._root.resizable(False, False)
        self._root.protocol("WM_DELETE_WINDOW", self._close)
        for key in ("q", "<Escape>"):
            self._root.bind(key, lambda _event: self._close())
        self._label = tkinter.Label(self._root, borderwidth=0)
        self._label.pack()

    def show(self, pixels: Pixels) -> None:
        """Show uint8 RGB ``(H, W, 3)``, made smaller if it is larger than 960 pixels."""
        from PIL import ImageTk

        if not self.is_open:
            return
        picture = Image.fromarray(pixels)
        picture.thumbnail((MAX_SIDE, MAX_SIDE))
        photo = ImageTk.PhotoImage(picture, master=self._root)
        self._label.configure(image=photo)
        self._label.image = photo  # type: ignore[attr-defined]  # Tk itself holds no reference
        self._root.update()

    def close(self) -> None:
        """Take it off the screen."""
        if self.is_open:
            self._close()

    def _close(self) -> None:
        self.is_open = False
        self._root.destroy()
