import pytest

from transnet.errors import FileError, VideoError
from transnet.utils.reading import read_many


def test_items_and_results_in_order(capsys):
    found = list(read_many([3, 1, 2], lambda n: 10 * n, workers=2, title="counting", unit="files"))
    assert found == [(3, 30), (1, 10), (2, 20)]
    shown = capsys.readouterr().err
    assert "counting" in shown
    assert "files" in shown


def test_a_broken_file_is_returned_and_the_others_are_read():
    def read(number):
        if number == 1:
            raise VideoError("b.avi", "is empty")
        return number

    (_, first), (item, error), (_, last) = read_many(range(3), read, workers=2, title="reading")
    assert (first, item, last) == (0, 1, 2)
    assert isinstance(error, FileError)
    assert str(error) == "b.avi: is empty"


def test_any_other_exception_is_raised():
    def read(number):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(read_many([1], read, workers=1, title="reading"))


def test_nothing_to_read():
    assert list(read_many([], str, workers=2, title="reading")) == []
