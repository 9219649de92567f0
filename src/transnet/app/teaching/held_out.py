"""What takes that were held out say of a recognizer, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from transnet.app.teaching.project import NOTHING

FEW_TAKES = 5


class Guess(NamedTuple):
    """What a training without a take made of it."""

    take: str
    label: str
    guess: str
    score: float


def describe(guesses: Sequence[Guess]) -> dict[str, Any]:
    """The result of testing each take by a training without it, as JSON values.

    Example:
        >>> describe([Guess("a", "squat", "bend", 0.6), Guess("b", "bend", "bend", 0.9)])["title"]
        '1 of 2 takes wrong'
    """
    wrong = [one for one in guesses if one.guess != one.label]
    title = f"{len(wrong)} of {len(guesses)} takes wrong" if wrong else "All takes right"
    return {
        "tested": len(guesses),
        "wrong": len(wrong),
        "title": title,
        "sentences": [*_confusions(wrong), *_few(guesses), _limits()],
        "takes": {one.take: {"guess": one.guess, "score": one.score} for one in guesses},
    }


def shown(label: str) -> str:
    """A label as people read it."""
    return "nothing" if label == NOTHING else label


def _confusions(wrong: Sequence[Guess]) -> list[str]:
    if not wrong:
        return []
    pairs = Counter(tuple(sorted((one.label, one.guess))) for one in wrong)
    lines = []
    for (first, second), count in pairs.most_common(2):
        mistakes = "1 mistake" if count == 1 else f"{count} mistakes"
        lines.append(f"{shown(first)} and {shown(second)} look alike: {mistakes}.")
    label = Counter(one.label for one in wrong).most_common(1)[0][0]
    if label == NOTHING:
        lines.append("Record nothing again: stand, walk through the picture, leave it.")
    else:
        lines.append(
            f"Record {shown(label)} again, from another side and at another speed, with the whole "
            "movement in the picture."
        )
    return lines


def _few(guesses: Sequence[Guess]) -> list[str]:
    counts = Counter(one.label for one in guesses)
    few = sorted(shown(label) for label, count in counts.items() if count < FEW_TAKES)
    if not few:
        return []
    return [f"Fewer than {FEW_TAKES} takes of {', '.join(few)}: more takes say more."]


def _limits() -> str:
    return (
        "Each take was tested by a training without it. The other takes show the same people in "
        "the same place, so this says how well it knows them here, not how well it knows others."
    )
