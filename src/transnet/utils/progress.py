"""Progress bars and messages of long work.

Messages are records of Python's ``logging`` under the name ``transnet``, shown on standard error
without breaking a progress bar. An application that wants them elsewhere changes the handlers of
that logger, or its level.
"""

from __future__ import annotations

import logging
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


class _BesideBars(logging.Handler):
    """Writes messages to standard error, above the progress bars."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            tqdm.write(self.format(record), file=sys.stderr)
        except Exception:
            self.handleError(record)


LOGGER = logging.getLogger("transnet")
if not LOGGER.handlers:
    LOGGER.addHandler(_BesideBars())
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False


def say(message: str, *, standard_output: bool = False) -> None:
    """Tell how work goes, by the logger ``transnet``; or print a result on standard output."""
    if not standard_output:
        LOGGER.info("%s", message)
        return
    tqdm.write(message, file=sys.stdout)
    sys.stdout.flush()


def warn(message: str) -> None:
    """Tell what a user should look at, by the logger ``transnet``."""
    LOGGER.warning("%s", message)
