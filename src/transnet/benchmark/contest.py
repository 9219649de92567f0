"""Several ways to do a thing, timed in turns.

What else a machine does then hits all of them alike, so their ratio says more than their times: it
is taken within each round, and the median of the rounds counts.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from transnet.errors import TransNetError
from transnet.utils.progress import progress_bar

MIN_ROUNDS = 5
MAX_REPEATS = 100
SLOW_S = 1.0
"""What takes longer than this takes part in 5 rounds."""

# Idle threads of some runtimes wait at full speed before they sleep; the next one's turn comes
# when they do.
PAUSE_S = 0.02


class Entrant(NamedTuple):
    """What takes part: what it does, and in which runtime."""

    what: str
    runtime: str = ""


@dataclass(frozen=True)
class Pace:
    """How long and how often.

    Attributes:
        rounds: of the contest, 5 or more.
        turn_s: about how long a turn lasts; what is quick is repeated in it.
        max_s: an entrant that needs more for 5 rounds is left out.
    """

    rounds: int
    turn_s: float
    max_s: float

    def finer(self, times: int) -> Pace:
        """More and shorter turns in the same time."""
        return Pace(times * self.rounds, self.turn_s / times, self.max_s)


@dataclass
class Outcome:
    """The times of a contest.

    Attributes:
        rounds: for each entrant, the seconds of one call in each of its rounds, by their number.
        failed: the entrants that have no times, with the reason.
    """

    rounds: dict[Entrant, dict[int, float]] = field(default_factory=dict)
    failed: dict[Entrant, str] = field(default_factory=dict)

    def seconds(self, entrant: Entrant) -> float:
        """Median of the rounds."""
        return statistics.median(self.rounds[entrant].values())

    def ratio(self, entrant: Entrant, *reference: Entrant) -> float:
        """Time of an entrant over that of a reference (of several: their sum), median of rounds."""
        own, others = self.rounds[entrant], [self.rounds[other] for other in reference]
        common = set(own).intersection(*others)
        return statistics.median(own[n] / sum(other[n] for other in others) for n in common)

    def excess_s(self, entrant: Entrant, reference: Entrant) -> float:
        """Seconds that an entrant takes longer than a reference, median of rounds."""
        own, other = self.rounds[entrant], self.rounds[reference]
        return statistics.median(own[n] - other[n] for n in set(own) & set(other))


def contest(
    title: str,
    entrants: Mapping[Entrant, Callable[[], object]],
    pace: Pace,
    *,
    clock: Callable[[], float] = time.perf_counter,
    pause: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Let entrants take turns, in another order each round.

    Args:
        title: for the progress bar.
        entrants: what each does in a turn. One that raises is out, and the rest goes on.
        pace: how long and how often; what takes longer than a second takes part in 5 rounds.
        clock: seconds.
        pause: lets as many seconds pass.
    """
    outcome = Outcome()
    turns: dict[Entrant, _Turns] = {}
    with progress_bar(title, len(entrants) * (pace.rounds + 1), "turns") as bar:
        for entrant, call in entrants.items():
            pause(PAUSE_S)
            try:
                turns[entrant] = _warm_up(call, pace, clock)
            except Exception as error:  # whatever it is, it is the entrant's own
                outcome.failed[entrant] = reason(error)
                bar.update(pace.rounds)
            bar.update(1)
        order = random.Random(0)
        for number in range(pace.rounds):
            for entrant in order.sample(list(turns), len(turns)):
                bar.update(1)
                turn = turns[entrant]
                if number >= turn.rounds or entrant in outcome.failed:
                    continue
                pause(PAUSE_S)
                try:
                    taken = _timed(entrants[entrant], turn.repeats, clock)
                except Exception as error:
                    outcome.failed[entrant] = reason(error)
                    outcome.rounds.pop(entrant, None)
                else:
                    outcome.rounds.setdefault(entrant, {})[number] = taken
    return outcome


def reason(error: Exception) -> str:
    """An exception in a line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, TransNetError) else f"{type(error).__name__}: {text}"


class _Turns(NamedTuple):
    rounds: int
    repeats: int


def _warm_up(call: Callable[[], object], pace: Pace, clock: Callable[[], float]) -> _Turns:
    """Two calls: the first one compiles and allocates, the second one tells how long one takes."""
    call()
    taken_s = max(_timed(call, 1, clock), 1e-6)
    repeats = min(MAX_REPEATS, max(1, math.ceil(pace.turn_s / taken_s)))
    needed_s = MIN_ROUNDS * repeats * taken_s
    if needed_s > pace.max_s:
        raise TransNetError(
            f"{MIN_ROUNDS} rounds would take {needed_s:.0f} s; accepted: --max-seconds "
            f"{pace.max_s:g}."
        )
    return _Turns(pace.rounds if taken_s < SLOW_S else MIN_ROUNDS, repeats)


def _timed(call: Callable[[], object], repeats: int, clock: Callable[[], float]) -> float:
    taken = []
    for _ in range(repeats):
        started = clock()
        call()
        taken.append(clock() - started)
    return statistics.median(taken)
