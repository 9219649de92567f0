"""Image files: read upright, as 8-bit RGB, with a limit on their size."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from transnet.data.video.frames import Pixels
from transnet.errors import PhotoError
from transnet.utils.paths import files_below

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})

FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")
"""The formats that Pillow may read. Others run programs (EPS: Ghostscript), whatever the suffix."""


def read_picture(path: Path | str) -> Pixels:
    """Read a photo, turned upright by its EXIF orientation: uint8 RGB ``(H, W, 3)``.

    Raises:
        PhotoError: the file is missing, damaged, not a picture, or exceeds Pillow's pixel limit.
    """
    with decoding(path), Image.open(path, formats=FORMATS) as picture:
        return np.asarray(_eight_bits(ImageOps.exif_transpose(picture)).convert("RGB"))


def read_silhouette(source: Path | IO[bytes], path: Path | str) -> Pixels:
    """Read a mask of any form, uint8 ``(H, W)``: its brightness, or the opaque part of a cut-out.

    Transparent pixels are 0. Opaque pixels are 255 whatever their color, unless the opaque part
    is itself a black-and-white mask.

    Args:
        source: the file, or its opened content.
        path: its name, for errors.

    Raises:
        PhotoError: as :func:`read_picture`, or for a 16-bit mask without white.
    """
    with decoding(path), Image.open(source, formats=FORMATS) as picture:
        upright = ImageOps.exif_transpose(picture)
        if upright.mode.startswith("I"):
            brightest = int(np.asarray(upright).max(initial=0))
            if 255 < brightest < 65535:
                raise PhotoError(
                    path, f"has no white, its brightest value is {brightest}; accepted: 65535"
                )
        brightness = np.asarray(_eight_bits(upright).convert("L"))
        if not upright.has_transparency_data:
            return brightness
        opaque = np.asarray(upright.convert("RGBA"))[:, :, 3] > 127
    if opaque.all() or _black_and_white(brightness[opaque]):
        return np.where(opaque, brightness, 0).astype(np.uint8)
    return np.where(opaque, 255, 0).astype(np.uint8)


def _black_and_white(brightness: Pixels) -> bool:
    """Whether both occur, and hardly any gray."""
    black, white = np.count_nonzero(brightness < 16), np.count_nonzero(brightness > 239)
    return bool(min(black, white) > 0 and black + white > 0.9 * brightness.size)


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Convert 16 bits per pixel to 8 by scaling; Pillow would clip instead."""
    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture).astype(np.int64).clip(0, 65535)
    shift = 8 if values.max(initial=0) > 255 else 0
    return Image.fromarray((values >> shift).astype(np.uint8))


@contextmanager
def decoding(path: Path | str) -> Iterator[None]:
    """Raise Pillow's errors as :class:`~transnet.errors.PhotoError` about ``path``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata, which does not affect the pixels
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except FileNotFoundError:
        raise PhotoError(path, "does not exist") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise PhotoError(
            path, f"has more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels; make it smaller"
        ) from None
    except UnidentifiedImageError:
        raise PhotoError(path, "is not a picture, or is damaged") from None
    except (
        EOFError,
        LookupError,
        MemoryError,
        OverflowError,
        OSError,
        SyntaxError,
        TypeError,
        ValueError,
        struct.error,
    ) as error:
        raise PhotoError(path, f"cannot be read ({error})") from None


def pictures_below(folder: Path) -> list[Path]:
    """The picture files in a folder, at any depth, sorted; hidden ones are skipped."""
    return files_below(folder, PICTURE_SUFFIXES)
