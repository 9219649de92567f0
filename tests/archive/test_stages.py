import threading
import time

import pytest

from transnet.archive.stages import Stage, run_stages


def doubled(items):
    return [2 * item for item in items]


def test_every_item_goes_through_every_stage_once():
    stages = [Stage("a", doubled, workers=3), Stage("b", doubled, workers=2, batch=4)]
    assert sorted(run_stages(range(101), stages)) == [4 * item for item in range(101)]
    assert [stage.items for stage in stages] == [101, 101]
    assert all(stage.busy_s > 0 for stage in stages)


def test_calls_get_full_batches_except_the_last():
    sizes = []

    def count(items):
        sizes.append(len(items))
        return items

    assert len(list(run_stages(range(10), [Stage("count", count, batch=4)]))) == 10
    assert sizes == [4, 4, 2]


def test_a_slow_stage_holds_the_others_back():
    begun = []
    gate = threading.Event()

    def first(items):
        begun.extend(items)
        return items

    def slow(items):
        gate.wait()
        return items

    results = run_stages(range(1000), [Stage("first", first, capacity=3), Stage("slow", slow)])
    thread = threading.Thread(target=lambda: list(results))
    thread.start()
    time.sleep(0.2)
    assert len(begun) <= 6  # three wait, one is in each hand
    gate.set()
    thread.join()
    assert len(begun) == 1000


def test_a_slow_item_does_not_hold_the_others_back():
    gate = threading.Event()

    def work(items):
        if items == [0]:
            gate.wait()
        return items

    found = []
    for item in run_stages(range(50), [Stage("work", work, workers=2)]):
        found.append(item)
        if len(found) == 49:
            gate.set()
    assert found[-1] == 0 and sorted(found) == list(range(50))


@pytest.mark.parametrize("stage", [0, 1])
def test_an_exception_ends_all_and_is_raised(stage):
    def broken(items):
        if 5 in items:
            raise ValueError("five")
        return items

    def fine(items):
        return items

    stages = [Stage("a", fine, workers=2), Stage("b", fine)]
    stages[stage].work = broken
    before = threading.active_count()
    with pytest.raises(ValueError, match="five"):
        list(run_stages(range(1000), stages))
    assert threading.active_count() == before


def test_an_exception_of_the_source_is_raised():
    def items():
        yield 1
        raise RuntimeError("listing failed")

    with pytest.raises(RuntimeError, match="listing failed"):
        list(run_stages(items(), [Stage("a", doubled)]))


def test_closing_ends_the_threads():
    before = threading.active_count()
    results = run_stages(iter(range(10**9)), [Stage("a", doubled, workers=2)])
    next(results)
    results.close()
    assert threading.active_count() == before
