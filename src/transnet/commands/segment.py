"""``transnet segment``: where the people on photos are, as pictures."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from transnet.data.photos.image_files import pictures_below, read_picture
from transnet.data.video.frames import Pixels
from transnet.errors import PhotoError
from transnet.inference.segmenter import load_segmenter
from transnet.reports.mask_overlay import overlay
from transnet.utils.files import written_whole
from transnet.utils.paths import expanded, output_folder, unused_name

_JPEG_SIDE = 65500
"""Pixels that a side of a JPEG may have; a mask may have more."""


def segment(run: str, photos: list[str], *, out: str = "segmented", json: bool = False) -> int:
    """Show where the people on photos are.

    Args:
        run: the folder of transnet pretrain
        photos: photo files, and folders, which are searched for photos
        out: folder for the pictures: NAME_person.jpg with people in blue, and the masks alone,
            NAME_mask.png with people in white
        json: print one JSON object a line: path, person_share (0..1), picture, mask; or path and
            error

    Returns:
        0, or 1 if any of the photos could not be read; the others are answered all the same.

    Raises:
        TransNetError: RUN holds no segmenter, a folder holds no photo, or ``out`` cannot be
            written.
    """
    segmenter = load_segmenter(run)
    folder = output_folder(out)
    failed = 0
    names: set[str] = set()
    for path in map(Path, expanded(photos, pictures_below, "photo")):
        try:
            pixels = read_picture(path)
        except PhotoError as error:
            failed += 1
            if json:
                print(jsonlib.dumps({"path": str(path), "error": error.reason}), flush=True)
            else:
                print(f"error: {error}", file=sys.stderr)
            continue
        probabilities = segmenter.probabilities(pixels[None])[0]
        person = probabilities > 0.5
        name = unused_name(path.stem, names)
        picture, mask = folder / f"{name}_person.jpg", folder / f"{name}_mask.png"
        _write(picture, overlay(pixels, probabilities))
        _write(mask, (255 * person).astype(np.uint8))
        if json:
            values = {"path": str(path), "person_share": float(person.mean())}
            values |= {"picture": str(picture), "mask": str(mask)}
            print(jsonlib.dumps(values), flush=True)
        else:
            print(f"{path}: {person.mean():.1%} person; {picture}, {mask}", flush=True)
    return 1 if failed else 0


def _write(path: Path, pixels: Pixels) -> None:
    picture = Image.fromarray(pixels)
    kind = "JPEG" if path.suffix == ".jpg" else "PNG"
    if kind == "JPEG":
        picture.thumbnail((_JPEG_SIDE, _JPEG_SIDE))
    with written_whole(path) as beside:
        picture.save(beside, kind, quality=90)
