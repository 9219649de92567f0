import itertools

import pytest

from transnet import TransNetError
from transnet.benchmark.contest import Entrant, Schedule, contest

SLOW, QUICK, BROKEN = Entrant("slow", "eager"), Entrant("quick"), Entrant("broken")


class Clock:
    """Time passes when an entrant works."""

    def __init__(self):
        self.now, self.calls = 0.0, []

    def __call__(self):
        return self.now

    def work(self, name, seconds, load=lambda number: 1.0):
        """A call of so many seconds, times the load of the machine at its n-th call."""
        numbers = itertools.count()

        def call():
            self.calls.append(name)
            self.now += seconds * load(next(numbers))

        return call


@pytest.fixture
def clock():
    return Clock()


def hold(entrants, schedule, clock):
    return contest("test", entrants, schedule, clock=clock, pause=lambda _: None)


def test_ratios_are_those_of_the_rounds(clock):
    def load(number):  # two calls to warm up, then the machine has more and more to do
        return 2.0 ** max(0, number - 2)

    calls = {SLOW: clock.work("slow", 0.375, load), QUICK: clock.work("quick", 0.125, load)}
    outcome = hold(calls, Schedule(7, 0, 1e9), clock)
    assert list(outcome.rounds[SLOW].values()) == [0.375 * 2**number for number in range(7)]
    assert outcome.seconds(SLOW) == 3
    assert outcome.ratio(SLOW, QUICK) == 3
    assert outcome.ratio(SLOW, QUICK, SLOW) == 0.75


def test_a_median_forgives_an_odd_round(clock):
    disturbed = clock.work("slow", 0.75, lambda number: 20.0 if number == 4 else 1.0)
    outcome = hold({SLOW: disturbed, QUICK: clock.work("quick", 0.25)}, Schedule(5, 0, 1e9), clock)
    assert (outcome.seconds(SLOW), outcome.ratio(SLOW, QUICK)) == (0.75, 3)
    assert outcome.excess_s(SLOW, QUICK) == 0.5


def test_they_take_turns_and_what_is_quick_is_repeated(clock):
    calls = {SLOW: clock.work("slow", 0.5), QUICK: clock.work("quick", 0.125)}
    hold(calls, Schedule(6, 0.5, 1e9), clock)
    assert clock.calls[:4] == ["slow", "slow", "quick", "quick"]  # to warm up
    rounds = [clock.calls[start : start + 5] for start in range(4, len(clock.calls), 5)]
    assert len(rounds) == 6
    assert all(sorted(each) == ["quick"] * 4 + ["slow"] for each in rounds)
    assert len({each[0] for each in rounds}) == 2  # not always in the same order


def test_one_that_fails_is_out_and_the_rest_goes_on(clock):
    later, numbers = Entrant("later"), itertools.count()

    def fails_later():
        clock.now += 0.5
        if next(numbers) == 4:
            raise MemoryError("too much")

    def fails():
        raise TransNetError("it needs onnx, which is not installed.")

    calls = {BROKEN: fails, later: fails_later, QUICK: clock.work("quick", 0.5)}
    outcome = hold(calls, Schedule(5, 0, 1e9), clock)
    assert outcome.failed == {
        BROKEN: "it needs onnx, which is not installed.",
        later: "MemoryError: too much",
    }
    assert list(outcome.rounds) == [QUICK]
    assert len(outcome.rounds[QUICK]) == 5


def test_what_is_slow_has_five_rounds_and_what_is_too_slow_is_left_out(clock):
    endless = Entrant("endless")
    calls = {
        SLOW: clock.work("slow", 10.0),
        QUICK: clock.work("quick", 0.5),
        endless: clock.work("endless", 13.0),
    }
    outcome = hold(calls, Schedule(9, 0, 60.0), clock)
    assert {e: len(rounds) for e, rounds in outcome.rounds.items()} == {SLOW: 5, QUICK: 9}
    assert outcome.failed[endless] == ("5 rounds would take 65 s; accepted: max_seconds=60.")
    assert outcome.ratio(SLOW, QUICK) == 20


def test_a_slow_start_is_not_held_against_it(clock):
    compiled = clock.work("slow", 0.1, lambda number: 600.0 if number == 0 else 1.0)
    outcome = hold({SLOW: compiled}, Schedule(5, 0, 60.0), clock)
    assert outcome.seconds(SLOW) == pytest.approx(0.1)
