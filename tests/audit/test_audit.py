import json
import re
from fractions import Fraction

import numpy as np
import pytest

from tests.helpers import TINY_BACKBONE
from transnet.cli import main
from transnet.data.video.writer import write_video

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


def test_what_one_frame_and_the_motion_tell(clips_folder, tmp_path, capsys):
    words = [clips_folder, "--place", "--epochs", "2", "--views", "1", "--out", tmp_path, *TINY]
    (row,), said = audited(capsys, *words)
    place = row["place"]
    assert place["gain"] == pytest.approx(place["both"]["top1"] - place["one_frame"]["top1"])
    for part in ("one-frame", "motion", "both"):
        run = tmp_path / "place" / part / "group" / "seed0"
        top1 = json.loads((run / "metrics.json").read_text())["top1"]
        assert place[part.replace("-", "_")]["top1"] == pytest.approx(top1)
        assert json.loads((run / "transnet.json").read_text())["model"]["cues"] == (
            "appearance" if part == "one-frame" else part
        )
    assert "can be had from one frame of each clip" in said
    assert "What one frame tells" in (tmp_path / "report.html").read_text()


def test_a_place_that_tells_the_action_is_found(tmp_path, capsys):
    """Two still classes that differ in color alone: one frame is enough, and nothing moves."""
    for label, color in (("red", (200, 40, 40)), ("blue", (40, 40, 200))):
        for number in range(6):
            frame = np.full((48, 64, 3), color, np.uint8)
            frame[:, : 8 * number + 4] += 20
            path = tmp_path / "clips" / label / f"person{number}_a.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_video(path, [frame] * 12, Fraction(12))
    (row,), _ = audited(
        capsys, tmp_path / "clips", "--place", "--epochs", "100", "--out", tmp_path / "out",
        "--learning-rate", "0.03", *TINY,
    )  # fmt: skip
    assert row["place"]["one_frame"]["top1"] == 1
    assert row["place"]["motion"]["top1"] <= 0.5


def test_what_does_not_go_together(clips_folder, tmp_path, capsys):
    assert main(["audit", str(clips_folder), "--lists-only", "--train"]) == 1
    assert "leave --train and --place out" in capsys.readouterr().err
    assert main(["audit", str(clips_folder), "--split", "official"]) == 1
    assert "--split is 'official'" in capsys.readouterr().err
