import json
import re

import pytest

from tests.helpers import TINY_BACKBONE
from transnet.cli import main

TINY = ["--backbone", TINY_BACKBONE, "--weights", "none", "--frames", "4", "--size", "64"]


def audited(capsys, *words):
    status = main(["audit", *map(str, words), "--json"])
    printed = capsys.readouterr()
    assert status == 0, printed.err
    return [json.loads(line) for line in printed.out.splitlines()], printed.err


def test_the_lists_of_ucf101_alone(tmp_path, capsys):
    rows, said = audited(
        capsys, f"ucf101:{tmp_path}", "--lists-only", "--split", "official:all,paper",
        "--seeds", "3", "--out", tmp_path / "out",
    )  # fmt: skip
    assert [(row["num_train"], row["num_test"]) for row in rows[:3]] == [
        (9537, 3783), (9586, 3734), (9624, 3696)
    ]  # fmt: skip
    assert [row["siblings_in_train"] for row in rows[:3]] == [0, 0, 0]
    assert rows[3]["siblings_in_train"] == pytest.approx(0.997, abs=0.003)
    assert rows[3]["seeds"] == 3
    assert "split official:2: 9586 training clips, 3734 test clips; 0.0 % of the test clips" in said
    page = (tmp_path / "out/report.html").read_text()
    row = page[page.rindex("<th>official:3</th>") :]
    assert re.findall(r"<td>(.*?)</td>", row)[:2] == ["100.0 %", "100.0 %"]


def test_videos_are_compared_and_pictured(clips_folder, tmp_path, capsys):
    rows, said = audited(capsys, clips_folder, "--out", tmp_path, *TINY)
    (row,) = rows
    assert (row["split"], row["num_train"], row["num_test"]) == ("group", 24, 6)
    assert row["siblings_in_train"] == 0
    assert row["groups_on_both_sides"] == []
    pairs = row["near_duplicates"]["pairs"]
    assert pairs
    assert pairs[0]["similarity"] <= 1
    assert "look like a training clip of another group" in said
    assert (tmp_path / "report.html").read_text().count("data:image/jpeg") >= 8


def test_what_the_leak_is_worth(clips_folder, tmp_path, capsys):
    words = [clips_folder, "--train", "--seeds", "2", "--epochs", "2", "--views", "1", "--out",
             tmp_path, *TINY]  # fmt: skip
    (row,), said = audited(capsys, *words)
    worth = row["worth"]
    assert worth["clean"]["split"] == "group"
    assert worth["leaking"]["split"] == "paper"
    difference = worth["leaking"]["top1"] - worth["clean"]["top1"]
    assert worth["difference"] == pytest.approx(difference)
    assert worth["interval"][0] <= difference <= worth["interval"][1]
    runs = [json.loads((tmp_path / f"runs/group/seed{seed}/metrics.json").read_text())["top1"]
            for seed in (0, 1)]  # fmt: skip
    assert worth["clean"]["top1"] == pytest.approx(sum(runs) / 2)
    assert "Effect of the leak: " in said
    assert "Effect of the leak" in (tmp_path / "report.html").read_text()


def test_what_does_not_go_together(clips_folder, tmp_path, capsys):
    assert main(["audit", str(clips_folder), "--lists-only", "--train"]) == 1
    assert "does not go with --train" in capsys.readouterr().err
    assert main(["audit", str(clips_folder), "--split", "official"]) == 1
    assert "--split is 'official'" in capsys.readouterr().err
