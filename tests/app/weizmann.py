"""Real clips for the browser: files for its fake camera, in which four people do each action."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from PIL import Image

from transnet.data.synthetic.clips import write_dataset

ACTIONS_RENDERED = ("boxing", "handwaving")
ACTIONS = ("bend", "wave1", "wave2")
SHARED = Path(__file__).resolve().parents[3] / "shared"
TEACHERS = ("daria", "denis", "eli", "ido")
OTHERS = ("ira", "lena", "lyova", "moshe", "shahar")


def clip(shared: Path, action: str, person: str) -> Path:
    return shared / "data" / "weizmann" / action / f"{person}_{action}.avi"


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def any_clips(folder: Path) -> list[Path]:
    """The real clips, or where they are absent rendered ones, which are written to ``folder``."""
    if SHARED.is_dir():
        return sorted((SHARED / "data" / "weizmann").rglob("*.avi"))
    rendered = write_dataset(folder, people=3, clips=2, actions=ACTIONS_RENDERED, num_frames=30)
    return sorted(rendered.rglob("*.avi"))


def write_camera(path: Path, pictures: list[np.ndarray]) -> None:
    """Motion JPEG, as Chromium's fake camera plays it, at 30 frames a second."""
    with open(path, "wb") as file:
        for picture in pictures:
            Image.fromarray(picture).resize((320, 256)).save(file, "JPEG", quality=92)


def action_pictures(shared: Path, action: str) -> list[np.ndarray]:
    return [one for person in TEACHERS for one in frames(clip(shared, action, person))]


def nothing_pictures(shared: Path) -> list[np.ndarray]:
    """The empty scene, and people who stand in it."""
    pictures: list[np.ndarray] = []
    for person in TEACHERS:
        shown = frames(clip(shared, "bend", person))
        empty = np.median(np.stack(shown), axis=0).astype(np.uint8)
        pictures += [empty] * 35 + [shown[0]] * 40
    return pictures
