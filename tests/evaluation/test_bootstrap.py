import numpy as np
import pytest

from transnet.evaluation.bootstrap import accuracy_interval, difference_interval
from transnet.reports.intervals import difference_text, interval_text


def test_clips_of_their_own_group_give_the_binomial_interval():
    right = [True] * 160 + [False] * 40
    low, high = accuracy_interval(right, range(200))
    deviation = np.sqrt(0.8 * 0.2 / 200)
    assert low == pytest.approx(0.8 - 1.96 * deviation, abs=0.006)
    assert high == pytest.approx(0.8 + 1.96 * deviation, abs=0.006)


def test_clips_that_fail_together_say_less():
    right = [True] * 160 + [False] * 40
    alone = accuracy_interval(right, range(200))
    together = accuracy_interval(right, [clip // 20 for clip in range(200)])
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])


def test_all_right_is_not_certain():
    assert accuracy_interval([True] * 6, "aabbcc") == (pytest.approx(0.025 ** (1 / 3)), 1.0)
    assert accuracy_interval([False] * 4, "abcd") == (0.0, pytest.approx(1 - 0.025 ** (1 / 4)))


def test_one_group_says_nothing_of_others():
    assert accuracy_interval([True, False], ["a", "a"]) is None
    assert difference_interval(([True], ["a"]), ([True, False], ["a", "b"])) is None


def test_a_difference():
    good, bad = [True] * 90 + [False] * 10, [True] * 50 + [False] * 50
    low, high = difference_interval((good, range(100)), (bad, range(100)))
    assert low < 0.4 < high
    assert low > 0.25
    assert difference_interval((good, range(100)), (bad, range(100))) == (low, high)


def test_an_interval_from_few_groups_says_so():
    assert interval_text((0.8, 0.9), 10) == "95 % interval 80.0% to 90.0%"
    assert "from only 9 groups: with fewer than ten it says little" in interval_text((0.8, 0.9), 9)
    assert "only 2 groups" in difference_text((-0.1, 0.2), 2)
    assert difference_text(None, 1) == ""
