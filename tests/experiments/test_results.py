from dataclasses import replace

import pytest

from transnet.errors import TransNetError
from transnet.experiments.results import (
    RunResult,
    append_result,
    check_results_file,
    means,
    read_results,
    table,
)
from transnet.reports.tables import markdown_columns

ROW = RunResult("paper", "UCF101", "official:1", 0, 0.9, 0.88, 132, 0.0, "mobilenetv1_100",
             "imagenet", 12.5, "2026-01-01T00:00:00", "abc")  # fmt: skip


def test_rows_come_back_as_they_were(tmp_path):
    path = tmp_path / "new" / "results.csv"
    rows = [ROW, replace(ROW, seed=1, top1=0.8)]
    for row in rows:
        append_result(path, row)
    assert read_results(path) == rows


def test_means_over_seeds_and_over_splits():
    rows = [
        replace(ROW, split=f"official:{split}", seed=seed, top1=top1)
        for split, seed, top1 in ((1, 0, 0.5), (1, 1, 0.7), (2, 0, 0.9), (2, 1, 0.9))
    ]
    rows.append(replace(ROW, split="paper", top1=1.0, siblings_in_train=0.99))
    found = {row.split: row for row in means(rows)}
    assert found["official:1"].percent == "60.00 ± 14.14"
    assert found["official:2"].percent == "90.00 ± 0.00"
    assert found["official, mean of 2"].percent == "75.00 ± 7.07"
    assert found["paper"].percent == "100.00"
    assert found["paper"].siblings_in_train == 0.99


def test_a_later_row_replaces_an_earlier_one():
    (row,) = means([ROW, replace(ROW, top1=0.1)])
    assert (row.top1, row.seeds) == (0.1, 1)


def test_a_table_to_read_and_one_for_documents():
    text = table(means([ROW]))
    assert text.splitlines()[1].split() == ["paper", "official:1", "90.00", "1", "0.0%"]
    assert table(means([ROW]), markdown_columns).splitlines()[1].startswith("| -----")


def test_a_torn_row_costs_itself_and_is_named(tmp_path):
    path = tmp_path / "results.csv"
    append_result(path, ROW)
    path.write_text(path.read_text() + "paper,UCF101")
    append_result(path, replace(ROW, seed=1))
    assert path.read_text().endswith("abc\n")
    with pytest.raises(TransNetError, match="is not a table of results"):
        read_results(path)


def test_another_table_is_not_touched(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(TransNetError, match="is not a table of results"):
        check_results_file(path)
    with pytest.raises(TransNetError, match="is not a table of results"):
        read_results(path)
    assert path.read_text() == "a,b\n1,2\n"
