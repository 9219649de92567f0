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

from transnet.data.video.frames import Pixels
from transnet.errors import PhotoError
from transnet.utils.paths import files_below

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


def read_picture(path: Path | str) -> Pixels:
    """The pixels of a photo, turned upright as its EXIF data say: uint8 RGB ``(H, W, 3)``.

    Raises:
        PhotoError: it is missing, damaged, no picture, or one of more pixels than Pillow trusts.
    """
    with decoding(path), Image.open(path) as picture:
        return np.asarray(_eight_bits(ImageOps.exif_transpose(picture)).convert("RGB"))


def read_shape(source: Path | IO[bytes], path: Path | str) -> Pixels:
    """The shape on a picture, uint8 ``(H, W)``: its brightness, or what is cut out of it.

    What is transparent is never part of the shape. What is left is, whatever its colors, if it is
    not itself a picture in black and white.

    Raises:
        PhotoError: as :func:`read_picture`, or for 16 bits without white; ``path`` names the
            picture in it.
    """
    with decoding(path), Image.open(source) as picture:
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
    """Whether both are there, and nearly nothing between them."""
    black, white = np.count_nonzero(brightness < 16), np.count_nonzero(brightness > 239)
    return bool(min(black, white) > 0 and black + white > 0.9 * brightness.size)


def _eight_bits(picture: Image.Image) -> Image.Image:
    """A picture of 16 bits a pixel as one of 8, which Pillow would cut off at white."""
    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture).astype(np.int64).clip(0, 65535)
    shift = 8 if values.max(initial=0) > 255 else 0
    return Image.fromarray((values >> shift).astype(np.uint8))


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
