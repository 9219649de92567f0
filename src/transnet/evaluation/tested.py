"""``predictions.csv`` of an evaluated run: what it predicted for each test clip."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from transnet.config import NO_CLASS
from transnet.errors import TransNetError
from transnet.inference.prediction import UNKNOWN

PREDICTIONS_FILE = "predictions.csv"
_COLUMNS = ("path", "start", "end", "group", "label", "answer")


@dataclass(frozen=True)
class TestedClip:
    """A test clip and the prediction for it.

    Attributes:
        path: the video.
        start: first frame, empty for the beginning of the file.
        end: frame after the last one, empty for the end of the file.
        group: the origin that it shares with other clips.
        label: its true class.
        answer: the predicted class, ``unknown``, or empty if the clip cannot be read.
    """

    __test__ = False  # no test, for pytest

    path: str
    start: str
    end: str
    group: str
    label: str
    answer: str

    @property
    def right(self) -> bool:
        """Whether the prediction is correct; ``unknown`` is, of a ``_none`` clip."""
        return self.answer == (UNKNOWN if self.label == NO_CLASS else self.label)


def read_predictions(run: Path) -> list[TestedClip]:
    """The test clips of the last evaluation of a run.

    Raises:
        TransNetError: the run was not evaluated, or the file is damaged.
    """
    path = run / PREDICTIONS_FILE
    if not path.is_file():
        raise TransNetError(f"{run} has no {PREDICTIONS_FILE}; first: transnet evaluate {run}")
    try:
        with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = list(csv.DictReader(file))
            return [TestedClip(*(row[name] for name in _COLUMNS)) for row in rows]
    except (OSError, KeyError, csv.Error) as error:
        raise TransNetError(
            f"{path} cannot be read ({error}); again: transnet evaluate {run}"
        ) from error
