"""Photos of generated people with exact masks, rendered whenever they are read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transnet.data.photos.photo import MaskedPhoto, Photo
from transnet.data.synthetic.clips import random_person, render_clip
from transnet.data.synthetic.figure import ACTIONS
from transnet.errors import TransNetError

DEFAULT_PEOPLE = 100


@dataclass(frozen=True)
class GeneratedPhoto:
    """One frame of one person's action, on a background of its own."""

    seed: int
    person: int
    action: str

    @property
    def name(self) -> str:
        return f"{self.group}-{self.action}"

    @property
    def group(self) -> str:
        return f"person{self.person + 1:03}"

    def read(self) -> MaskedPhoto:
        person = random_person(np.random.default_rng((self.seed, self.person)))
        number = list(ACTIONS).index(self.action)
        rng = np.random.default_rng((self.seed, self.person, number + 1))
        frames, masks = render_clip(self.action, person, rng, num_frames=1)
        return MaskedPhoto(frames[0], masks[0].astype(np.uint8))


def generated_photos(people: str, seed: int) -> tuple[Photo, ...]:
    """One photo of each person in each of the six actions.

    Args:
        people: number of people, as the user typed it; empty for 100.
        seed: equal seeds give equal photos.

    Raises:
        TransNetError: ``people`` is not a number of 2 or more.
    """
    if people and not (people.isdecimal() and int(people) >= 2):
        raise TransNetError(
            f"DATA is 'synthetic:{people}'; accepted: synthetic, or synthetic:N with N people, "
            "2 or more."
        )
    count = int(people or DEFAULT_PEOPLE)
    return tuple(
        GeneratedPhoto(seed, person, action) for person in range(count) for action in ACTIONS
    )
