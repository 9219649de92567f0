import csv
import json

import pytest

from tests.helpers import TINY_BACKBONE
from transnet.cli import main
from transnet.experiments.results import read_results
from transnet.paper.tables import printed


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_table_one_has_the_printed_counts(tmp_path, capsys):
    assert main(["reproduce", "table1", "--out", str(tmp_path)]) == 0
    assert "1D, separable at n = 3" in capsys.readouterr().out
    rows = rows_of(tmp_path / "table1.csv")
    assert len(rows) == 8
    for row in rows:
        assert row["2D, ours"] == row["2D, printed"]
        assert row["1D, separable at n = 3"] == row["1D, printed"]
    assert rows[0]["1D, of the text"] == "12,528"
    assert (tmp_path / "table1.html").read_text().count("<tr>") == 9
    assert (tmp_path / "table1.md").read_text().count("\n| ") == 10


@pytest.mark.slow
def test_table_two_in_miniature(tmp_path, capsys):
    words = ["reproduce", "table2", "--quick", "--seeds", "1", "--backbones", TINY_BACKBONE,
             "--out", str(tmp_path)]  # fmt: skip
    assert main([*words, "--pretraining", "none,hss"]) == 0
    assert "Table II" in capsys.readouterr().out
    rows = rows_of(tmp_path / "quick/table2.csv")
    assert [(row["backbone"], row["pretraining"], row["backbone is"]) for row in rows] == [
        (TINY_BACKBONE, "none", "trained 1 epochs at 64 px"),
        (TINY_BACKBONE, "hss", "frozen at 64 px"),
    ]  # fmt: skip
    assert all(0 <= float(row["group"]) <= 100 for row in rows)
    before = read_results(tmp_path / "quick/table2_results.csv")
    assert [(result.pretraining, result.split) for result in before] == [
        ("none", "group"), ("none", "paper"), ("hss", "group"), ("hss", "paper")
    ]  # fmt: skip

    # Again, with a cell that must fail: what is finished stays, the failure is named.
    assert main([*words, "--pretraining", "none,imagenet,hss"]) == 1
    assert read_results(tmp_path / "quick/table2_results.csv") == before
    rows = rows_of(tmp_path / "quick/table2.csv")
    assert rows[1]["group"] == "failed"
    assert "Failed: " in (tmp_path / "quick/table2.md").read_text()


def test_table_three_is_beside_the_methods_that_the_paper_lists(tmp_path):
    words = ["--quick", "--seeds", "1", "--backbones", TINY_BACKBONE, "--pretraining", "none"]
    assert main(["reproduce", "table3", "--out", str(tmp_path), *words]) == 0
    rows = rows_of(tmp_path / "quick/table3.csv")
    assert len(rows) == len(printed(3)) + 2
    assert [row["split"] for row in rows[-2:]] == ["group", "random 80 / 20 (the paper's, leaks)"]
    assert rows[-3]["method"] == "TransNet, the paper"
    assert rows[-3]["top-1, %"] == "100.00"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["table6"], "TABLE is 'table6'; accepted: table1, table2"),
        (["table4"], "--data is missing; the paper's table4 is of ucf101: --data ucf101:DIR"),
        (["table2", "--quick", "--pretraining", "coco"], "has 'coco'; accepted: none, imagenet"),
        (["table2", "--quick", "--scratch-size", "5"], "--scratch-size is 5; accepted: 16 to 4096"),
        (
            ["table2", "--quick", "--pretraining", ","],
            "is ','; accepted: names, separated",
        ),
    ],
)
def test_mistakes(tmp_path, capsys, words, message):
    assert main(["reproduce", *words, "--out", str(tmp_path)]) == 1
    assert message in capsys.readouterr().err


def test_a_file_is_no_folder(tmp_path, capsys):
    path = tmp_path / "file"
    path.touch()
    for words in (["table1"], ["table2", "--quick"]):
        assert main(["reproduce", *words, "--out", str(path)]) == 1
        assert "which cannot be made" in capsys.readouterr().err


def test_the_printed_figures_are_all_there():
    assert [len(printed(number)) for number in range(1, 6)] == [8, 12, 16, 19, 15]
    assert json.dumps(printed(2)[0]) == json.dumps(
        {"backbone": "mobilenetv1_100", "pretraining": "none", "accuracy": "94.35", "std": "0.33"}
    )
