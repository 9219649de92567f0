"""``transnet segment``: where the people in photos are, as pictures and masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from transnet.commands.output import FileResults
from transnet.config import Device
from transnet.errors import PhotoError
from transnet.utils.paths import expanded, output_folder, unused_name

if TYPE_CHECKING:
    from transnet.data.video.frames import Pixels

_MAX_JPEG_SIDE = 65500
"""Longest side of a JPEG, in pixels; a mask may be larger."""


def segment(
    run: str,
    photos: list[str],
    *,
    out: str = "segmented",
    json: bool = False,
    device: Device = "auto",
) -> int:
    """Segment the people in photos.

    Args:
        run: run folder of transnet pretrain, or hf-hub:USER/NAME
        photos: photos, and folders to search for photos
        out: output folder; NAME_person.jpg shows people in blue, NAME_mask.png is the mask (people
            white)
        json: print one JSON object per line: path, person_share (0..1), picture, mask; or path
            and error
        device: auto (a GPU if there is one), cpu, cuda or mps

    Returns:
        0, or 1 if a photo could not be read; the others are processed.

    Raises:
        TransNetError: RUN holds no segmenter, a folder holds no photos, or ``out`` cannot be
            written.
    """
    import numpy as np

    from transnet.data.photos.image_files import pictures_below, read_picture
    from transnet.inference.segmenter import load_segmenter
    from transnet.reports.overlays import mask_overlay

    segmenter = load_segmenter(run, device=device)
    folder = output_folder(out)
    results = FileResults(json=json)
    names: set[str] = set()
    for path in map(Path, expanded(photos, pictures_below, "photo")):
        try:
            pixels = read_picture(path)
        except PhotoError as error:
            results.error(path, error)
            continue
        probabilities = segmenter.probabilities(pixels[None])[0]
        person = probabilities > 0.5
        share = float(person.mean())
        name = unused_name(path.stem, names)
        picture, mask = folder / f"{name}_person.jpg", folder / f"{name}_mask.png"
        _write(picture, mask_overlay(pixels, probabilities))
        _write(mask, (255 * person).astype(np.uint8))
        values = {"path": str(path), "person_share": share}
        values |= {"picture": str(picture), "mask": str(mask)}
        results.result(f"{path}: {share:.1%} person; {picture}, {mask}", values)
    return results.exit_status


def _write(path: Path, pixels: Pixels) -> None:
    from PIL import Image

    from transnet.utils.files import written_whole

    picture = Image.fromarray(pixels)
    kind = "JPEG" if path.suffix == ".jpg" else "PNG"
    if kind == "JPEG":
        picture.thumbnail((_MAX_JPEG_SIDE, _MAX_JPEG_SIDE))
    with written_whole(path) as beside:
        picture.save(beside, kind, quality=90)
