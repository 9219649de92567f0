import csv
import json

import numpy as np
import pytest

from transnet.cli import main
from transnet.evaluation.comparison import sign_flip_test

HEADINGS = ["path", "start", "end", "group", "label", "answer", "score"]


def evaluated(folder, right):
    """A run whose predictions of ten clips for each group are right or wrong."""
    folder.mkdir(parents=True)
    with open(folder / "predictions.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADINGS)
        for group, hits in right.items():
            for number in range(10):
                answer = "squat" if number < hits else "wave"
                rows.writerow([f"/d/{group}/{number}.mp4", "", "", group, "squat", answer, 0.9])
    return str(folder)


def test_a_difference_in_every_group_is_no_chance(tmp_path, capsys):
    people = [f"p{number}" for number in range(12)]
    a = evaluated(tmp_path / "a", dict.fromkeys(people, 9))
    b = evaluated(tmp_path / "b", {person: 7 + number % 2 for number, person in enumerate(people)})
    assert main(["compare", a, b, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["difference"] == pytest.approx(0.15)
    assert found["p_value"] == 2 / 2**12
    assert found["exact"]
    assert 0.1 <= found["interval"][0] < 0.15 < found["interval"][1] <= 0.2
    assert (found["num_clips"], found["num_groups"]) == (120, 12)
    assert (found["only_a"], found["only_b"]) == (18, 0)
    assert main(["compare", b, a]) == 0
    said = capsys.readouterr().out
    assert "75.0% against 90.0% of the same 120 clips of 12 groups: -15.0 points" in said
    assert "Chance alone would rarely give such a difference" in said


def test_a_few_groups_cannot_tell(tmp_path, capsys):
    a = evaluated(tmp_path / "a", {"anna": 9, "ben": 9, "eva": 9})
    b = evaluated(tmp_path / "b", {"anna": 1, "ben": 1, "eva": 9})
    assert main(["compare", a, b]) == 0
    said = capsys.readouterr().out
    assert "from only 3 groups" in said
    assert "Too few groups differ (2) to tell any difference from chance" in said
    assert main(["compare", a, a]) == 0
    assert "The runs do not differ" in capsys.readouterr().out


def test_grids_are_compared_over_all_seeds(tmp_path, capsys):
    for person, hits in (("anna", 8), ("ben", 6)):
        evaluated(tmp_path / "a" / f"leave-out-{person}" / "seed0", {person: hits})
        evaluated(tmp_path / "a" / f"leave-out-{person}" / "seed1", {person: hits - 2})
    b = evaluated(tmp_path / "b", {"anna": 5, "ben": 5})
    assert main(["compare", str(tmp_path / "a"), b, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["difference"] == pytest.approx(0.1)


def test_runs_tested_on_other_clips_are_refused(tmp_path, capsys):
    a = evaluated(tmp_path / "a", {"anna": 9})
    b = evaluated(tmp_path / "b", {"anna": 9, "ben": 9})
    assert main(["compare", a, b]) == 1
    said = capsys.readouterr().err
    assert "a was tested on 10 clips and" in said
    assert "10 of them the same" in said and "/d/ben/0.mp4" in said
    assert main(["compare", a, str(tmp_path)]) == 1
    assert "has no predictions.csv; first: transnet evaluate" in capsys.readouterr().err


def test_sampled_signs_agree_with_all_of_them():
    differences = np.array([3.0, -1, 2, 1, 0.5, -2, 1, 1, 2, -1, 1, 0.5])
    exact, counted = sign_flip_test(differences)
    assert counted
    sampled, counted = sign_flip_test(np.concatenate([differences, np.zeros(20)]))
    assert not counted
    assert sampled == pytest.approx(exact, abs=0.01)
