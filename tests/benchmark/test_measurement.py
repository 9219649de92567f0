import pytest

from transnet import TransNetError
from transnet.benchmark.contest import Entrant, Outcome
from transnet.benchmark.machine import this_machine
from transnet.benchmark.measurement import Limit, Measurement, measurement
from transnet.benchmark.results_file import read_benchmark, write_benchmark
from transnet.benchmark.text_tables import text_table

OURS, BARE, GONE = Entrant("ours", "onnx"), Entrant("bare", "onnx"), Entrant("gone", "eager")
OUTCOME = Outcome(
    {OURS: dict.fromkeys(range(5), 0.012), BARE: dict.fromkeys(range(7), 0.010)},
    {GONE: "it is not installed"},
)


def row(entrant=OURS, **further):
    return measurement(OUTCOME, entrant, part="stream", threads=1, **further)


@pytest.mark.parametrize(
    ("limit", "reached"),
    [
        (Limit("ratio", "at most", 1.25), True),
        (Limit("ratio", "at most", 1.15), False),
        (Limit("ratio", "at least", 1.15), True),
        (Limit("ms", "at most", 8), False),
        (Limit("ms more", "at most", 3), True),
        (Limit("ms more", "at most", 1), False),
        (None, None),
    ],
)
def test_limits(limit, reached):
    found = row(reference=[BARE], limit=limit)
    assert found.reached is reached
    assert found.ratio == pytest.approx(1.2)
    assert (found.ms, found.rounds) == (pytest.approx(12), 5)
    assert found.reference == "bare"


def test_several_things_a_call_and_several_references():
    found = row(reference=[BARE, OURS], per=4)
    assert found.ms == pytest.approx(3)
    assert found.ratio == pytest.approx(0.012 / 0.022)
    assert found.reference == "bare + ours"


def test_what_has_no_figures_says_why():
    gone = row(GONE, reference=[BARE], limit=Limit("ratio", "at most", 1))
    assert (gone.ms, gone.ratio, gone.reached) == (None, None, None)
    assert gone.note == "it is not installed"
    alone = row(reference=[GONE], limit=Limit("ratio", "at most", 1))
    assert (alone.ratio, alone.reached, alone.reference) == (None, None, "")
    assert alone.note == "no gone to compare with"
    table = text_table([gone, alone], markdown=True)
    assert "| ours | onnx    | 1     | 1       | 12 |" in table
    assert table.endswith("\n\nNot measured: gone, eager: it is not installed")


def test_rows_survive_the_csv(tmp_path):
    rows = [
        row(reference=[BARE], limit=Limit("ratio", "at most", 1.15), note='a "note", with commas'),
        row(GONE),
        Measurement("startup", "all", "", 1, 2, note="killed"),
    ]
    write_benchmark(tmp_path / "rows.csv", [(row, this_machine()) for row in rows])
    found, machines = zip(*read_benchmark(tmp_path / "rows.csv"), strict=True)
    assert found[1:] == tuple(rows[1:])
    assert (found[0].reached, found[0].note) == (False, rows[0].note)
    assert found[0].ratio == pytest.approx(rows[0].ratio, rel=1e-3)
    assert machines == (this_machine(),) * 3


def test_another_table_is_refused(tmp_path):
    (tmp_path / "rows.csv").write_text("path,label\na.mp4,wave\n")
    with pytest.raises(TransNetError, match="is not a table of a benchmark"):
        read_benchmark(tmp_path / "rows.csv")
