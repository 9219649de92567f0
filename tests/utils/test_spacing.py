import pytest

from transnet.utils.spacing import evenly_spaced


@pytest.mark.parametrize(
    ("length", "count", "expected"),
    [
        (5, 3, [0, 2, 4]),
        (10, 4, [0, 3, 6, 9]),
        (10, 1, [0]),
        (3, 3, [0, 1, 2]),
        (2, 5, [0, 1]),
        (4, 0, []),
        (0, 3, []),
    ],
)
def test_first_last_and_even_steps_between(length, count, expected):
    assert evenly_spaced(range(length), count) == expected


def test_items_are_returned_as_they_are():
    assert evenly_spaced(["a", "b", "c"], 2) == ["a", "c"]
    assert evenly_spaced("abcde", 3) == ["a", "c", "e"]
