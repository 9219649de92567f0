"""Pictures from files: upright, RGB, and never larger than memory."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from transnet.data.files import files_below
from transnet.data.preprocessing import Pixels
from transnet.errors import PhotoError

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


def read_picture(path: Path | str) -> Pixels:
    """The pixels of a photo, turned upright as its EXIF data say: uint8 RGB ``(H, W, 3)``.

    Raises:
        PhotoError: it is missing, damaged, no picture, or one of more pixels than Pillow trusts.
    """
    with decoding(path), Image.open(path) as picture:
        return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))


def read_grey(source: Path | IO[bytes], path: Path | str) -> Pixels:
    """The brightness of a picture, uint8 ``(H, W)``; ``path`` names it in errors."""
    with decoding(path), Image.open(source) as picture:
        return np.asarray(ImageOps.exif_transpose(picture).convert("L"))


@contextmanager
def decoding(path: Path | str) -> Iterator[None]:
    """Turn what Pillow raises into a :class:`~transnet.errors.PhotoError` about ``path``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, which does not touch the pixels
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except FileNotFoundError:
        raise PhotoError(path, "there is no such file") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise PhotoError(
            path, f"has more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels; make it smaller"
        ) from None
    except UnidentifiedImageError:
        raise PhotoError(path, "is no picture, or a damaged one") from None
    except (
        EOFError,
        LookupError,
        OSError,
        SyntaxError,
        TypeError,
        ValueError,
        struct.error,
    ) as error:
        raise PhotoError(path, f"cannot be read ({error})") from None


def pictures_below(folder: Path) -> list[Path]:
    """The picture files in a folder and the folders in it, sorted; hidden ones are left out."""
    return files_below(folder, PICTURE_SUFFIXES)
