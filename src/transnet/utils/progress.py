"""Progress bars and messages of long work."""

from __future__ import annotations

import sys
from typing import Any, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def progress_bar(
    description: str, total: int | None, unit: str, *, scale: bool = False, delay_s: float = 0
) -> Any:
    """A progress bar on standard error; a line every ten seconds if that is not a terminal.

    Use as a context manager and call ``update(n)``.

    Args:
        description: what is done.
        total: number of units; if ``None``, the bar only counts.
        unit: name of a unit, in the plural.
        scale: whether to abbreviate thousands as k, M, G.
        delay_s: seconds without a bar at the start; work that is done by then shows none.
    """
    terminal = sys.stderr.isatty()
    return tqdm(
        desc=description,
        total=total,
        unit=unit if scale else f" {unit}",
        unit_scale=scale,
        delay=delay_s,
        dynamic_ncols=terminal,
        mininterval=0.2 if terminal else 10,
        ascii=None if terminal else True,
    )


def say(message: str, *, standard_output: bool = False) -> None:
    """Print a message without breaking a progress bar, on standard error by default."""
    tqdm.write(message, file=sys.stdout if standard_output else sys.stderr)
    if standard_output:
        sys.stdout.flush()
