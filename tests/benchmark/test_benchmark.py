"""What transnet benchmark measures and writes, in miniature."""

import csv
import json
import math
import shutil

import pytest

from transnet.benchmark.parts import PARTS
from transnet.benchmark.report import sections, summary
from transnet.benchmark.results_file import read_benchmark
from transnet.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Every part, without data of one's own."""
    folder = tmp_path_factory.mktemp("benchmark") / "out"
    assert main(["benchmark", "--quick", "--out", str(folder)]) == 0
    return folder / "quick"


@pytest.fixture(scope="module")
def records(folder):
    return read_benchmark(folder / "benchmark.csv")


@pytest.fixture(scope="module")
def rows(records):
    return [row for row, _ in records]


@pytest.mark.slow
def test_every_part_is_measured(rows):
    assert list(dict.fromkeys(row.part for row in rows)) == list(PARTS)
    measured = [row for row in rows if row.ms is not None]
    assert {row.part for row in measured} == set(PARTS)
    for row in measured:
        assert row.ms > 0 and row.rounds >= 5 and row.threads >= 1
        assert (row.ratio is None) == (row.reference == "")
        assert row.ratio is None or (math.isfinite(row.ratio) and row.ratio > 0)
        assert row.limit == "" and row.reached is None  # a miniature proves nothing


@pytest.mark.slow
def test_streams_and_clips_run_in_each_runtime(rows):
    for part, whats in (("stream", {"stream, a new frame", "clip"}), ("clips", {"r3d_18, 4 x 64"})):
        for what in whats:
            runtimes = {r.runtime for r in rows if (r.part, r.what) == (part, what) and r.ms}
            assert runtimes == {"eager", "onnx"}
    batches = {row.batch for row in rows if row.part == "clips" and row.ms is not None}
    assert batches == {1, 2}


@pytest.mark.slow
def test_a_competitor_that_cannot_run_is_named_with_the_reason(rows):
    failed = {row.what: row.note for row in rows if row.part == "clips" and row.ms is None}
    assert "takes 16 frames of 224 pixels" in failed["mvit_v2_s, 4 x 64"]


@pytest.mark.slow
def test_the_csv_names_the_machine_in_each_row(folder):
    with open(folder / "benchmark.csv", newline="") as file:
        for row in csv.DictReader(file):
            assert row["processor"] and int(row["cores"]) >= 1 and row["commit"] and row["date"]
            assert "torch 2" in row["versions"]


@pytest.mark.slow
def test_the_page_shows_all_of_it(folder, records):
    page = (folder / "benchmark.html").read_text(encoding="utf-8")
    assert page.count("<svg") == page.count("<h2>") == len(sections(records))
    assert "files to feature cache" in page
    assert "Not measured: mvit_v2_s, 4 x 64: " in page
    assert sorted(path.name for path in folder.iterdir()) == ["benchmark.csv", "benchmark.html"]


@pytest.mark.slow
def test_parts_of_ones_own_clips_as_json(clips_folder, tmp_path, capsys):
    words = ["benchmark", "--quick", "--data", str(clips_folder), "--parts", "decoding", "--json"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["what"] for line in lines] == [
        "bare PyAV loop", "decoded and sampled", "decoded, sampled, resized",
    ]  # fmt: skip
    assert all(line["ms"] > 0 for line in lines)


@pytest.mark.slow
def test_parts_that_are_not_measured_again_stay(folder, records, tmp_path):
    shutil.copytree(folder, tmp_path / "quick")
    words = ["benchmark", "--quick", "--parts", "startup"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    found = read_benchmark(tmp_path / "quick/benchmark.csv")
    assert [row.what for row, _ in found] == [row.what for row, _ in records]
    assert found[:-3] == records[:-3]
    assert found[-3:] != records[-3:]


@pytest.mark.slow
def test_a_part_that_fails_is_a_row_and_the_others_go_on(make_video, tmp_path, capsys):
    video = make_video("cut.mp4", 20)
    video.write_bytes(video.read_bytes()[:600])
    words = ["benchmark", "--quick", "--data", str(video), "--parts", "features,startup"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    found = [row for row, _ in read_benchmark(tmp_path / "out/quick/benchmark.csv")]
    assert "cut.mp4" in found[0].note and found[0].ms is None
    assert "Not measured: all: " in capsys.readouterr().out
    assert any(row.part == "startup" and row.ms for row in found)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--parts", "stream,clip"], "--parts has 'clip'; accepted: all, or some of stream, clips"),
        (["--runtimes", "tvm"], "--runtimes has 'tvm'; accepted: all, or some of eager, compiled"),
        (["--rivals", "i3d"], "--rivals has 'i3d'"),
        (["--threads", "0"], "--threads is '0'; accepted: numbers of 1 or more"),
        (["--batches", "x"], "--batches is 'x'"),
        (["--rounds", "4"], "--rounds is 4; accepted: 5 or more"),
        (["--clips", "1"], "--clips is 1; accepted: 4 or more"),
        (["--max-seconds", "0"], "--max-seconds is 0.0; accepted: above 0"),
        (["--data", "nowhere"], "--data is 'nowhere', which does not exist"),
        (["--backbone", "mobilnet"], "backbone is 'mobilnet'"),
    ],
)
def test_mistakes_are_explained_before_anything_is_measured(words, message, tmp_path, capsys):
    assert main(["benchmark", "--quick", *words, "--out", str(tmp_path / "out")]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out/quick/benchmark.csv").exists()


@pytest.mark.slow
def test_a_limit_that_is_missed_is_named(rows):
    from dataclasses import replace

    row = next(row for row in rows if row.ratio is not None)
    kept = replace(row, limit="ratio at most 9", reached=True)
    missed = replace(row, what="too slow", limit="ratio at most 0.1", reached=False)
    told = summary([kept, missed, row])
    assert told.startswith("1 of 2 limits hold\n  missed: ")
    assert "too slow" in told and "limit: ratio at most 0.1" in told
    assert summary([row]) == "no limits apply to this setting"
