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
        return np.asarray(_eight_bits(ImageOps.exif_transpose(picture)).convert("RGB"))


def read_shape(source: Path | IO[bytes], path: Path | str) -> Pixels:
    """The shape on a picture, uint8 ``(H, W)``, from its transparency, else from its brightness.

    Where a picture is transparent in part, what is cut out is the shape, whatever its colours.

    Raises:
        PhotoError: as :func:`read_picture`; ``path`` names the picture in it.
    """
    with decoding(path), Image.open(source) as picture:
        upright = ImageOps.exif_transpose(picture)
        if upright.has_transparency_data:
            opacity = np.asarray(upright.convert("RGBA"))[:, :, 3]
            if opacity.min(initial=255) < opacity.max(initial=0):
                return opacity
        return np.asarray(_eight_bits(upright).convert("L"))


def _eight_bits(picture: Image.Image) -> Image.Image:
    """A picture of 16 bits a pixel as one of 8, which Pillow would cut off at white."""
    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture).astype(np.int64)
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
