"""What a recogniser answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Prediction:
    """The scores of one clip.

    Attributes:
        path: the video.
        scores: probability of every class, 0..1, best first; they add up to 1.
        start_s: presentation time of the first frame that was looked at, in seconds.
        end_s: presentation time of the last one, in seconds.
        damage: what is wrong with the file, if its good frames were used all the same.
    """

    path: str
    scores: Mapping[str, float]
    start_s: float
    end_s: float
    damage: str = ""

    @property
    def label(self) -> str:
        """The best class."""
        return next(iter(self.scores))

    @property
    def score(self) -> float:
        """The probability of the best class, 0..1."""
        return self.scores[self.label]

    def to_dict(self) -> dict[str, Any]:
        """The prediction as JSON values."""
        values: dict[str, Any] = {
            "path": self.path,
            "label": self.label,
            "score": self.score,
            "scores": dict(self.scores),
            "start_s": self.start_s,
            "end_s": self.end_s,
        }
        return {**values, "damage": self.damage} if self.damage else values

    def __str__(self) -> str:
        best = ", ".join(f"{label} {score:.1%}" for label, score in list(self.scores.items())[:3])
        return f"{self.path}: {best}"
