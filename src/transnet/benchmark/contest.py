"""Interleaved timing: several operations take turns, so that their ratio is robust.

Other load on the machine affects all of them alike. The ratio is taken within each round, and the
median of the rounds is reported.
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
"""Operations that take longer than this get 5 rounds only."""

# Idle threads of some runtimes spin before they sleep; the next turn starts once they sleep.
PAUSE_S = 0.02


class Entrant(NamedTuple):
    """An operation that takes part, and the runtime of its network."""

    what: str
    runtime: str = ""


@dataclass(frozen=True)
class Schedule:
    """How often and how long entrants are timed.

    Attributes:
        rounds: rounds of a contest, 5 or more.
        turn_s: approximate length of a turn in seconds; quick operations are repeated in it.
        max_s: seconds for 5 rounds above which an entrant is left out.
    """

    rounds: int
    turn_s: float
    max_s: float

    def finer(self, times: int) -> Schedule:
        """More and shorter turns in the same time."""
        return Schedule(times * self.rounds, self.turn_s / times, self.max_s)


@dataclass
class Outcome:
    """The times of a contest.

    Attributes:
        rounds: seconds per call of each entrant, by the number of the round.
        failed: entrants without times, with the reason.
    """

    rounds: dict[Entrant, dict[int, float]] = field(default_factory=dict)
    failed: dict[Entrant, str] = field(default_factory=dict)

    def seconds(self, entrant: Entrant) -> float:
        """Seconds per call, median over the rounds."""
        return statistics.median(self.rounds[entrant].values())

    def ratio(self, entrant: Entrant, *reference: Entrant) -> float:
        """Time relative to a reference (the sum of several), median over the rounds."""
        own, others = self.rounds[entrant], [self.rounds[other] for other in reference]
        common = set(own).intersection(*others)
        return statistics.median(own[n] / sum(other[n] for other in others) for n in common)

    def excess_s(self, entrant: Entrant, reference: Entrant) -> float:
        """Seconds above a reference, median over the rounds."""
        own, other = self.rounds[entrant], self.rounds[reference]
        return statistics.median(own[n] - other[n] for n in set(own) & set(other))


def contest(
    title: str,
    entrants: Mapping[Entrant, Callable[[], object]],
    schedule: Schedule,
    *,
    clock: Callable[[], float] = time.perf_counter,
    pause: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Time entrants in turns, in random order in each round.

    Args:
        title: title of the progress bar.
        entrants: the call of each entrant. One that raises drops out; the others continue.
        schedule: how often and how long; operations of more than a second get 5 rounds.
        clock: returns seconds.
        pause: waits for seconds.
    """
    outcome = Outcome()
    turns: dict[Entrant, _Turns] = {}
    with progress_bar(title, len(entrants) * (schedule.rounds + 1), "turns") as bar:
        for entrant, call in entrants.items():
            pause(PAUSE_S)
            try:
                turns[entrant] = _warm_up(call, schedule, clock)
            except Exception as error:  # any failure is the entrant's own
                outcome.failed[entrant] = reason(error)
                bar.update(schedule.rounds)
            bar.update(1)
        order = random.Random(0)
        for number in range(schedule.rounds):
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
    """An exception on one line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, TransNetError) else f"{type(error).__name__}: {text}"


class _Turns(NamedTuple):
    rounds: int
    repeats: int


def _warm_up(call: Callable[[], object], schedule: Schedule, clock: Callable[[], float]) -> _Turns:
    """Two calls: the first compiles and allocates, the second estimates the time of a call."""
    call()
    taken_s = max(_timed(call, 1, clock), 1e-6)
    repeats = min(MAX_REPEATS, max(1, math.ceil(schedule.turn_s / taken_s)))
    needed_s = MIN_ROUNDS * repeats * taken_s
    if needed_s > schedule.max_s:
        raise TransNetError(
            f"{MIN_ROUNDS} rounds would take {needed_s:.0f} s; accepted: --max-seconds "
            f"{schedule.max_s:g}."
        )
    return _Turns(schedule.rounds if taken_s < SLOW_S else MIN_ROUNDS, repeats)


def _timed(call: Callable[[], object], repeats: int, clock: Callable[[], float]) -> float:
    taken = []
    for _ in range(repeats):
        started = clock()
        call()
        taken.append(clock() - started)
    return statistics.median(taken)
