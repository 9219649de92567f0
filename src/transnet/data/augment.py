"""Other looks at a training clip, each consistent over its frames.

The views of a clip depend on the clip alone and not on the run's seed: runs with other seeds find
their features in the cache. Which of them is seen in which epoch is the run's own choice.
"""

from __future__ import annotations

import hashlib

import numpy as np

from transnet.data.preprocessing import CENTER, View

MAX_ZOOM = 10 / 7


def training_views(identity: str, count: int, *, flip: bool = True) -> tuple[View, ...]:
    """``count`` views of a clip: the one of the evaluation, then random ones.

    Args:
        identity: anything that names the clip and stays the same from run to run.
        count: views, 1 or more.
        flip: whether half of the random ones are mirrored.
    """
    seed = hashlib.blake2b(identity.encode(), digest_size=8).digest()
    rng = np.random.default_rng(int.from_bytes(seed))
    return (CENTER, *(random_view(rng, flip=flip) for _ in range(count - 1)))


def random_view(rng: np.random.Generator, *, flip: bool = True) -> View:
    """A random moment, a random square between the whole short side and 70 % of it, a mirror."""
    return View(
        offset=float(rng.uniform(0, 1)),
        zoom=float(rng.uniform(1, MAX_ZOOM)),
        x=float(rng.uniform()),
        y=float(rng.uniform()),
        flip=flip and bool(rng.integers(2)),
    )
