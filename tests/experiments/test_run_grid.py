import csv
import shutil

import pytest

import transnet.training.train_run as training
from tests.helpers import TINY_BACKBONE
from transnet.cli import main
from transnet.experiments.results import read_results

TINY = ["--backbone", TINY_BACKBONE, "--weights", "none", "--frames", "4", "--size", "64",
        "--epochs", "1", "--views", "1"]  # fmt: skip


def train(data, out, *more):
    return main(["train", str(data), "--out", str(out), *TINY, *map(str, more)])


def lines(path):
    return path.read_text().splitlines()


@pytest.mark.slow
def test_splits_and_seeds_in_one_table(clips_folder, tmp_path, capsys):
    results = tmp_path / "results.csv"
    words = ("--split", "group,paper", "--seeds", "2", "--results", results, "--recipe", "mine")
    assert train(clips_folder, tmp_path / "runs", *words) == 0
    said = capsys.readouterr().err
    rows = read_results(results)
    assert [(r.recipe, r.split, r.seed) for r in rows] == [
        ("mine", "group", 0), ("mine", "group", 1), ("mine", "paper", 0), ("mine", "paper", 1)
    ]  # fmt: skip
    assert all(row.commit and row.date and row.num_test for row in rows)
    assert [line.split()[:2] for line in said.splitlines() if line.startswith("mine")] == [
        ["mine", "group"], ["mine", "paper"]
    ]  # fmt: skip
    assert (tmp_path / "runs/paper/seed1/report.html").exists()

    # Again: nothing is trained or counted twice, only what is missing is done.
    shutil.rmtree(tmp_path / "runs/group/seed1")
    assert train(clips_folder, tmp_path / "runs", *words) == 0
    assert capsys.readouterr().err.count("trained on") == 1
    assert [(r.split, r.seed) for r in read_results(results)[4:]] == [("group", 1)]
    assert read_results(results)[4].top1 == rows[1].top1


def test_each_person_is_left_out_once(tmp_path, shared, capsys):
    clips = sorted((shared / "data/weizmann").glob("*/*.avi"))
    chosen = [c for c in clips if c.name.split("_")[0] in ("daria", "ido", "eli")]
    table = ["path,label,group"]
    table += [f"{c},{c.parent.name},{c.name.split('_')[0]}" for c in chosen]
    (tmp_path / "weizmann.csv").write_text("\n".join(table))
    assert train(tmp_path / "weizmann.csv", tmp_path / "runs", "--split", "leave-out:all") == 0
    said = capsys.readouterr().err
    assert "leave-out, mean of 3" in said
    assert "leave-out, mean of 3" in (tmp_path / "runs/table.tex").read_text()
    page = (tmp_path / "runs/report.html").read_text()
    assert "all 3 runs together" in page and "from only 3 groups" in page
    matrices = [
        [[int(count) for count in row[1:]] for row in list(csv.reader(lines(path)))[1:]]
        for path in (tmp_path / "runs").rglob("confusion.csv")
    ]
    assert len(matrices) == 4
    pooled, *each = sorted(matrices, key=lambda matrix: -sum(map(sum, matrix)))
    assert pooled == [[sum(cell) for cell in zip(*rows, strict=True)]
                      for rows in zip(*each, strict=True)]  # fmt: skip
    rows = read_results(tmp_path / "runs/results.csv")
    assert [(r.split, r.num_test) for r in rows] == [
        ("leave-out:daria", 4), ("leave-out:eli", 4), ("leave-out:ido", 4)
    ]  # fmt: skip


@pytest.mark.slow
def test_groups_of_any_name(clips_folder, tmp_path):
    groups = ["a,b", "a:b", "a/b", "all", "ü" * 300]
    table = ["path,label,group"]
    for person, group in enumerate(groups, 1):
        table += [f'{clips_folder}/{label}/person{person:02}/take1.avi,{label},"{group}"'
                  for label in ("boxing", "walking")]  # fmt: skip
    (tmp_path / "odd.csv").write_text("\n".join(table), encoding="utf-8")
    assert train(tmp_path / "odd.csv", tmp_path / "runs", "--split", "leave-out:all") == 0
    rows = read_results(tmp_path / "runs/results.csv")
    assert [row.split for row in rows] == [f"leave-out:{group}" for group in sorted(groups)]
    assert len(list((tmp_path / "runs").glob("*/seed0/metrics.json"))) == 5


def test_a_result_that_was_lost_is_added_again(clips_folder, tmp_path):
    words = ("--split", "group", "--results", tmp_path / "results.csv")
    assert train(clips_folder, tmp_path / "runs", *words) == 0
    before = read_results(tmp_path / "results.csv")
    (tmp_path / "results.csv").unlink()
    assert train(clips_folder, tmp_path / "runs", *words) == 0
    assert [row.top1 for row in read_results(tmp_path / "results.csv")] == [
        row.top1 for row in before
    ]


def test_another_table_is_named_before_the_training(clips_folder, tmp_path, capsys):
    (tmp_path / "other.csv").write_bytes(b"\xff\xfe")
    words = ("--seeds", "2", "--results", tmp_path / "other.csv")
    assert train(clips_folder, tmp_path / "runs", *words) == 1
    assert "is not a table of results" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_what_fails_is_named_and_the_rest_is_done(clips_folder, tmp_path, capsys):
    blocked = tmp_path / "runs/group/seed0"
    blocked.mkdir(parents=True)
    (blocked / "somebody's file").touch()
    assert train(clips_folder, tmp_path / "runs", "--split", "group,paper") == 1
    said = capsys.readouterr().err
    assert "1 of 2 runs failed; repeat the command to retry them" in said
    assert "split group, seed 0: --out is" in said
    assert [r.split for r in read_results(tmp_path / "runs/results.csv")] == ["paper"]


def test_what_nobody_foresaw_does_not_stop_the_rest_either(
    clips_folder, tmp_path, capsys, monkeypatch
):
    fit = training.fit

    def fail_once(*arguments, **options):
        monkeypatch.setattr(training, "fit", fit)
        raise RuntimeError("the memory is full")

    monkeypatch.setattr(training, "fit", fail_once)
    assert train(clips_folder, tmp_path / "runs", "--split", "group,paper") == 1
    said = capsys.readouterr().err
    assert "split group, seed 0: RuntimeError: the memory is full" in said
    assert [r.split for r in read_results(tmp_path / "runs/results.csv")] == ["paper"]


def test_no_seeds(clips_folder, tmp_path, capsys):
    assert train(clips_folder, tmp_path / "runs", "--seeds", "0") == 1
    assert "--seeds is 0; accepted: 1 or more" in capsys.readouterr().err


def test_a_finished_training_is_left_alone(clips_folder, tmp_path, capsys):
    run = tmp_path / "run"
    assert train(clips_folder, run) == 0
    before = (run / "model.safetensors").stat().st_mtime_ns
    assert train(clips_folder, run, "--resume") == 0
    assert "holds a finished training of the same clips" in capsys.readouterr().err
    assert (run / "model.safetensors").stat().st_mtime_ns == before
    assert train(clips_folder, run, "--resume", "--features", "32") == 1
    assert "accepted: the same settings, --overwrite, or a new" in capsys.readouterr().err
