"""Synthetic clips of people in six actions, for the demo, tests and experiments.

People differ in build, clothes, tempo and reach; clips differ in camera distance, direction,
position and phase. A person is a group. Equal seeds give equal clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from transnet.data.synthetic.figure import ACTIONS, Color, Person, draw_figure
from transnet.data.video.frames import Pixels
from transnet.data.video.writer import write_video
from transnet.utils.progress import progress_bar

FPS = Fraction(20)
OVERSAMPLING = 2

_SKIN = ((238, 200, 170), (214, 166, 128), (172, 120, 84), (122, 80, 56), (88, 58, 42))
_HAIR = ((36, 28, 24), (84, 56, 34), (150, 112, 60), (190, 190, 186), (120, 44, 24))


def random_person(rng: np.random.Generator) -> Person:
    """A person of random appearance and manner of moving."""
    return Person(
        height=float(rng.uniform(0.56, 0.72)),
        build=float(rng.uniform(0.85, 1.45)),
        tempo=float(rng.uniform(0.88, 1.12)),
        reach=float(rng.uniform(0.88, 1.1)),
        skin=_SKIN[rng.integers(len(_SKIN))],
        shirt=_color(rng),
        trousers=_color(rng),
        hair=_HAIR[rng.integers(len(_HAIR))],
    )


def random_background(rng: np.random.Generator, width: int = 320, height: int = 240) -> Image.Image:
    """A wall and a floor in random colors, with some shapes on the wall."""
    wall, floor = _color(rng, 120, 236), _color(rng, 70, 200)
    picture = Image.new("RGB", (width, height), wall)
    draw = ImageDraw.Draw(picture)
    horizon = round(height * rng.uniform(0.55, 0.8))
    for _ in range(int(rng.integers(0, 6))):
        x, y = rng.uniform(0, width), rng.uniform(0, horizon)
        w, h = rng.uniform(0.05, 0.3, 2) * width
        shape = draw.rectangle if rng.integers(2) else draw.ellipse
        shape((x, y, x + w, y + h), fill=_color(rng, 90, 240))
    draw.rectangle((0, horizon, width, height), fill=floor)
    picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 2.5))))
    grain = rng.normal(0, rng.uniform(1, 5), (height, width, 1))
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def render_clip(
    action: str,
    person: Person,
    rng: np.random.Generator,
    *,
    num_frames: int = 40,
    background: Image.Image | None = None,
) -> tuple[Pixels, NDArray[np.bool_]]:
    """Render one clip.

    Args:
        action: one of :data:`~transnet.data.synthetic.figure.ACTIONS`.
        person: who performs it.
        rng: of the camera distance, position, direction, phase and noise.
        num_frames: length, at 20 frames per second.
        background: a random one if not given.

    Returns:
        Frames, uint8 RGB ``(T, H, W, 3)``, and boolean masks of the person, ``(T, H, W)``.
    """
    scene = background or random_background(rng)
    width, height = scene.size
    distance = rng.uniform(0.85, 1.12)
    facing = 1 if rng.integers(2) else -1
    start_s = rng.uniform(0, 2)
    tempo = person.tempo * rng.uniform(0.95, 1.05)
    seen = replace(person, height=person.height * distance)
    body = seen.height * height
    pose_at = ACTIONS[action]
    duration_s = float(num_frames / FPS) * tempo
    walked = pose_at(duration_s, person.reach).travel * body
    center = width * rng.uniform(0.42, 0.58)
    ground = height * rng.uniform(0.9, 0.97)

    large = scene.resize((OVERSAMPLING * width, OVERSAMPLING * height), Image.Resampling.NEAREST)
    frames, masks = [], []
    for number in range(num_frames):
        elapsed_s = float(number / FPS) * tempo
        pose = pose_at(start_s + elapsed_s, person.reach)
        moved = (elapsed_s / duration_s - 0.5) * walked
        hip = (center + facing * moved, ground - 0.51 * body)
        image, mask = large.copy(), Image.new("L", large.size)
        hip_large = (OVERSAMPLING * hip[0], OVERSAMPLING * hip[1])
        draw_figure(image, mask, seen, pose, hip_large, facing)
        small = np.asarray(image.reduce(OVERSAMPLING), dtype=np.int16)
        noise = rng.integers(-4, 5, small.shape, dtype=np.int16)
        frames.append(np.clip(small + noise, 0, 255).astype(np.uint8))
        masks.append(np.asarray(mask.reduce(OVERSAMPLING)) > 127)
    return np.stack(frames), np.stack(masks)


def write_dataset(
    folder: Path,
    *,
    people: int,
    clips: int,
    seed: int = 0,
    actions: Sequence[str] = tuple(ACTIONS),
    num_frames: int = 40,
) -> Path:
    """Write a dataset of class folders, ``folder/action/person/take.avi``.

    Args:
        folder: created if missing.
        people: number of people.
        clips: number of clips per person and action.
        seed: equal seeds give equal clips.
        actions: which of the six actions.
        num_frames: length of a clip, at 20 frames per second.

    Returns:
        ``folder``.
    """
    with progress_bar("rendering clips", people * clips * len(actions), "clips") as bar:
        for number in range(people):
            person = random_person(np.random.default_rng((seed, number)))
            for index, action in enumerate(actions):
                for take in range(clips):
                    rng = np.random.default_rng((seed, number, index + 1, take + 1))
                    frames, _ = render_clip(action, person, rng, num_frames=num_frames)
                    path = folder / action / f"person{number + 1:02}" / f"take{take + 1}.avi"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_video(path, frames, FPS)
                    bar.update(1)
    return folder


def _color(rng: np.random.Generator, low: int = 20, high: int = 235) -> Color:
    """A color of random lightness and hue, no more saturated than paint and cloth."""
    lightness = rng.uniform(low, high)
    tint = rng.uniform(-45, 45, 3)
    red, green, blue = (int(np.clip(value, 0, 255)) for value in lightness + tint - tint.mean())
    return red, green, blue
