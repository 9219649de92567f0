import threading
from functools import partial

import pytest

from transnet.utils.threads import prefetch, usable_cores


def test_results_come_in_order_of_the_calls():
    first_may_end = threading.Event()

    def slow():
        first_may_end.wait(5)
        return 0

    def quick(number):
        first_may_end.set()
        return number

    calls = [slow, *(partial(quick, number) for number in range(1, 10))]
    assert [future.result() for future in prefetch(calls, 2)] == list(range(10))


def test_only_a_few_calls_are_taken_ahead():
    taken = []

    def calls():
        for number in range(100):
            taken.append(number)
            yield lambda: None

    results = prefetch(calls(), 2)
    next(results)
    assert len(taken) == 5  # twice as many as threads, and the one that was returned
    results.close()
    assert len(taken) == 5


def test_an_exception_belongs_to_its_call():
    def fail():
        raise ValueError("broken")

    first, second = prefetch([fail, lambda: 1], 1)
    with pytest.raises(ValueError, match="broken"):
        first.result()
    assert second.result() == 1


def test_calls_that_have_not_begun_are_cancelled():
    begun, release = [], threading.Event()

    def call(number):
        begun.append(number)
        release.wait(5)

    results = prefetch((partial(call, number) for number in range(20)), 1)
    next(results)
    threading.Timer(0.1, release.set).start()
    results.close()
    assert len(begun) <= 2


def test_at_least_one_core():
    assert usable_cores() >= 1
