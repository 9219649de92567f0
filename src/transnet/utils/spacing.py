"""Evenly spaced choices: a few of many, including the first and the last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


def evenly_spaced(items: Sequence[Item], count: int) -> list[Item]:
    """At most ``count`` of the items, evenly spaced, in order.

    Example:
        >>> evenly_spaced("abcde", 3)
        ['a', 'c', 'e']
        >>> evenly_spaced("ab", 3)
        ['a', 'b']
    """
    positions = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[position] for position in positions]
