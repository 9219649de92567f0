import csv

import pytest
import torch

from transnet.cli import main
from transnet.evaluation.suggestion import choose_clips, margins


def test_unsure_clips_come_first_and_spread_out():
    vectors = torch.eye(4)[[0, 0, 1, 2]]
    margin = torch.tensor([0.1, 0.12, 0.5, 0.6])
    assert choose_clips(margin, vectors, None, 3) == [0, 2, 3]  # not the copy of the first
    assert choose_clips(margin, vectors, torch.eye(4)[:1], 2) == [2, 3]  # known already
    assert len(choose_clips(margin, vectors, None, 9)) == 4


def test_margins():
    found = margins(torch.tensor([[0.5, 0.2, 0.3], [0.1, 0.8, 0.1]]))
    assert found.tolist() == pytest.approx([0.2, 0.7])


def test_a_page_and_a_table_of_what_to_label(trained_run, make_video, tmp_path, capsys):
    for name in ("a", "b", "c"):
        make_video(f"new/{name}.mp4", 20 + ord(name) % 7)
    (tmp_path / "new" / "broken.mp4").write_bytes(b"no video")
    out = tmp_path / "out"
    words = ["suggest", str(trained_run), str(tmp_path / "new"), "--count", "2", "--out", str(out)]
    assert main(words) == 0
    assert "chose 2 of 4 videos" in capsys.readouterr().err
    with open(out / "suggestions.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert all(row["label"] == "" and row["guess"] and float(row["margin"]) >= 0 for row in rows)
    page = (out / "suggestions.html").read_text(encoding="utf-8")
    assert page.count("<img") == 8
    assert all(row["path"].rpartition("/")[2] in page for row in rows)


def test_a_wrong_count_or_folder_is_named(trained_run, tmp_path, capsys):
    assert main(["suggest", str(trained_run), str(tmp_path), "--count", "0"]) == 1
    assert "--count is 0; accepted: 1 or more" in capsys.readouterr().err
    assert main(["suggest", str(trained_run), str(tmp_path / "gone")]) == 1
    assert "accepted: a folder of videos" in capsys.readouterr().err
