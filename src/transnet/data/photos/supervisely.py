"""Supervisely Person projects: ``ds*/img/NAME.png`` and ``ds*/ann/NAME.json``.

An annotation lists objects: ``person_bmp`` (a bitmap at an origin: base64 of zlib of PNG),
``person_poly`` (a polygon with holes), and ``neutral`` areas of either form.
"""

from __future__ import annotations

import base64
import io
import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from transnet.data.photos.image_files import FORMATS, decoding, pictures_below, read_picture
from transnet.data.photos.photo import NEUTRAL, PERSON, MaskedPhoto, Photo, fit_mask
from transnet.data.video.frames import Pixels
from transnet.errors import PhotoError, TransNetError

PERSON_CLASSES = frozenset({"person", "person_bmp", "person_poly"})
NEUTRAL_CLASS = "neutral"

_MAX_BITMAP_BYTES = 64 << 20
"""Largest bitmap as PNG: far more than a mask needs, far less than memory."""

_MAX_CORNERS = 20_000
"""Most corners of all polygons of a photo. Time grows with corners times rows."""

_MAX_OBJECTS = 2_000
_MAX_ANNOTATION_BYTES = 256 << 20

_INVALID = (
    OSError,
    ValueError,  # with binascii.Error
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    zlib.error,
)


@dataclass(frozen=True)
class SuperviselyPhoto:
    """A photo and its annotation file."""

    name: str
    photo: Path
    annotation: Path

    @property
    def group(self) -> str:
        return self.name

    def read(self) -> MaskedPhoto:
        pixels = read_picture(self.photo)
        return MaskedPhoto(pixels, fit_mask(read_annotation(self.annotation), pixels, self.photo))


def read_supervisely(root: Path) -> tuple[Photo, ...]:
    """List the photos of a project; no photo is opened.

    Args:
        root: the folder of the project, with the folders ``ds*``.

    Raises:
        TransNetError: the folder is not such a project, or a photo has no annotation.
    """
    photos: list[Photo] = []
    missing: list[Path] = []
    for images in sorted(folder for folder in root.glob("*/img") if folder.is_dir()):
        annotations = images.parent / "ann"
        for path in pictures_below(images):
            # The first published project omits the suffix of the picture, later exports keep it.
            named = (annotations / f"{path.stem}.json", annotations / f"{path.name}.json")
            annotation = next((file for file in named if file.is_file()), None)
            if annotation is None:
                missing.append(path)
            else:
                name = f"{images.parent.name}/{path.stem}"
                photos.append(SuperviselyPhoto(name, path, annotation))
    if missing:
        raise TransNetError(
            f"{len(missing)} of {len(missing) + len(photos)} photos have no annotation (first: "
            f"{missing[0]}); accepted: ds*/img/NAME.png with ds*/ann/NAME.json."
        )
    if not photos:
        raise TransNetError(
            f"DATA is supervisely:{root}, which holds no photo like ds1/img/NAME.png; accepted: "
            "the folder of an unpacked Supervisely project."
        )
    return tuple(photos)


def read_annotation(path: Path) -> Pixels:
    """Read an annotation as a mask, uint8 ``(H, W)``; see :mod:`transnet.data.photos.photo`.

    Raises:
        PhotoError: the file is missing or invalid.
    """
    try:
        if not path.is_file() or path.stat().st_size > _MAX_ANNOTATION_BYTES:
            raise ValueError(f"accepted: a file of up to {_MAX_ANNOTATION_BYTES:,} bytes")
        annotation = json.loads(path.read_text(encoding="utf-8"))
        height, width = (int(annotation["size"][side]) for side in ("height", "width"))
        objects = [(str(item["classTitle"]), item) for item in annotation["objects"]]
        if not 0 < height * width <= (Image.MAX_IMAGE_PIXELS or math.inf) or height < 0:
            raise ValueError(f"its size is {width} x {height}")
        _check_extent(objects)
        mask = np.zeros((height, width), np.uint8)
        # Neutral areas come last: they override people.
        for value, classes in ((PERSON, PERSON_CLASSES), (NEUTRAL, {NEUTRAL_CLASS})):
            for title, item in objects:
                if title in classes:
                    mask[_area(item, (width, height), path)] = value
    except _INVALID as error:
        reason = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise PhotoError(path, f"is not a valid annotation ({reason})") from None
    return mask


def _check_extent(objects: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Raise ``ValueError`` for more objects or corners than a photo of people has."""
    corners = 0
    for _, item in objects:
        points = item.get("points") or {}
        corners += len(points.get("exterior") or ())
        corners += sum(len(hole) for hole in points.get("interior") or ())
    if corners > _MAX_CORNERS:
        raise ValueError(f"{corners:,} corners; accepted: up to {_MAX_CORNERS:,}")
    if len(objects) > _MAX_OBJECTS:
        raise ValueError(f"{len(objects):,} objects; accepted: up to {_MAX_OBJECTS:,}")


def _area(item: dict[str, Any], size: tuple[int, int], path: Path) -> Any:
    """The area of an object, a boolean ``(H, W)``."""
    area = Image.new("1", size)
    if item.get("bitmap"):
        stencil = _stencil(item["bitmap"]["data"], path)
        left, top = (int(value) for value in item["bitmap"]["origin"])
        area.paste(1, (left, top), stencil)
    else:
        draw = ImageDraw.Draw(area)
        draw.polygon(_corners(item["points"]["exterior"]), fill=1, outline=1)
        for hole in item["points"].get("interior") or ():
            draw.polygon(_corners(hole), fill=0, outline=0)
    return np.asarray(area)


def _stencil(data: str, path: Path) -> Image.Image:
    unpacker = zlib.decompressobj()
    png = unpacker.decompress(base64.b64decode(data, validate=True), _MAX_BITMAP_BYTES)
    if unpacker.unconsumed_tail:
        raise ValueError(f"a bitmap has more than {_MAX_BITMAP_BYTES:,} bytes")
    with decoding(path), Image.open(io.BytesIO(png), formats=FORMATS) as picture:
        # Bitmaps have an alpha channel, a palette with a transparent color, or neither.
        has_alpha = "A" in picture.getbands() or "transparency" in picture.info
        shape = picture.convert("RGBA").getchannel("A") if has_alpha else picture.convert("L")
        return shape.point(lambda value: 255 * (value > 0), mode="1")


def _corners(points: Any) -> list[tuple[float, float]]:
    corners = [(float(x), float(y)) for x, y in points]
    if len(corners) < 3 or not all(map(math.isfinite, sum(corners, ()))):
        raise ValueError(f"a polygon has the corners {str(points)[:60]}")
    return corners
