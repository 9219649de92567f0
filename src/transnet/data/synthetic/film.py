"""Films of several generated people who act side by side, and cross each other's way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from transnet.data.synthetic.clips import random_background, random_person, render_clip
from transnet.data.video.frames import Pixels


@dataclass(frozen=True)
class Role:
    """What a person of a film does.

    Attributes:
        action: one of :data:`~transnet.data.synthetic.figure.ACTIONS`.
        start: where, as a share of the width of the picture, at the beginning.
        end: the same at the end; those who act in place glide there.
    """

    action: str
    start: float
    end: float


@dataclass(frozen=True, eq=False)
class Film:
    """Several people in one picture.

    Attributes:
        frames: uint8 RGB ``(T, H, W, 3)``, 20 a second.
        masks: what is seen of each person, ``(P, T, H, W)``.
        centers: where each person is, in pixels from the left, ``(P, T)``.
    """

    frames: Pixels
    masks: NDArray[np.bool_]
    centers: NDArray[np.float64]


def render_film(
    roles: Sequence[Role],
    seed: int,
    *,
    num_frames: int = 100,
    width: int = 480,
    height: int = 270,
    scale: float = 1.0,
) -> Film:
    """Render a film.

    Args:
        roles: the people, from the back to the front.
        seed: of their looks and the place; equal seeds give equal films.
        num_frames: length, at 20 frames a second.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        scale: of the people; at 1 they fill about two thirds of the height, as in clips.

    Example:
        >>> film = render_film([Role("boxing", 0.2, 0.8), Role("walking", 0.8, 0.2)], seed=0)
        >>> film.frames.shape, film.masks.shape
        ((100, 270, 480, 3), (2, 100, 270, 480))
    """
    scene = random_background(np.random.default_rng((seed, 0)), width, height)
    frames = np.repeat(np.asarray(scene)[None], num_frames, axis=0)
    masks = np.zeros((len(roles), num_frames, height, width), bool)
    centers = np.zeros((len(roles), num_frames))
    for who, role in enumerate(roles):
        rng = np.random.default_rng((seed, 1 + who))
        person = random_person(rng)
        person = replace(person, height=scale * person.height)
        alone, seen = render_clip(role.action, person, rng, num_frames=num_frames, background=scene)
        own = _centers(seen)
        if (own[-1] - own[0]) * (role.end - role.start) < 0:  # walks the other way
            alone, seen = alone[:, :, ::-1], seen[:, :, ::-1]
            own = width - own
        centers[who] = width * np.linspace(role.start, role.end, num_frames)
        for number in range(num_frames):
            shift = round(centers[who, number] - own[number])
            rows, columns = np.nonzero(seen[number])
            inside = (columns + shift >= 0) & (columns + shift < width)
            rows, columns = rows[inside], columns[inside]
            frames[number, rows, columns + shift] = alone[number, rows, columns]
            masks[:who, number, rows, columns + shift] = False  # hidden
            masks[who, number, rows, columns + shift] = True
    return Film(frames, masks, centers)


def _centers(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Where a person is in each frame, in pixels from the left, without the swing of the limbs."""
    columns = np.arange(masks.shape[2])
    found = [(mask.sum(axis=0) @ columns) / max(1, mask.sum()) for mask in masks]
    line = np.polynomial.Polynomial.fit(range(len(found)), found, 1)
    return np.asarray(line(np.arange(len(found))))
