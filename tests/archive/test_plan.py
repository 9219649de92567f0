import csv
from pathlib import Path

import pytest

from transnet.archive.plan import Machine, VideoCost, machines_for, plan, simulate

RESULTS = Path(__file__).parents[2] / "results" / "labeling.csv"


def test_cores_are_shared():
    videos = [VideoCost(0.0, 0.1, 0.3)] * 200
    assert simulate(videos, Machine(cores=1, workers=1)) == pytest.approx(80, rel=0.01)
    assert simulate(videos, Machine(cores=2, workers=2)) == pytest.approx(40, rel=0.02)
    # Two cores and one worker: a core decodes while the other runs the backbone.
    assert simulate(videos, Machine(cores=2, workers=1)) == pytest.approx(60, rel=0.01)


def test_the_slowest_stage_decides():
    gpu = Machine(cores=16, workers=16, batch=16, gpu=True)
    decoding = [VideoCost(0.0, 0.16, 0.001)] * 1600
    assert simulate(decoding, gpu) == pytest.approx(16, rel=0.03)
    backbone = [VideoCost(0.0, 0.016, 0.1)] * 160
    assert simulate(backbone, gpu) == pytest.approx(16, rel=0.03)
    fetching = [VideoCost(0.8, 0.001, 0.001)] * 160
    assert simulate(fetching, gpu) == pytest.approx(16, rel=0.03)


def test_one_long_video_does_not_hold_up_the_others():
    videos = [VideoCost(0.0, 20.0, 0.1)] + [VideoCost(0.0, 0.1, 0.1)] * 100
    assert simulate(videos, Machine(cores=2, workers=2)) < 30


def test_the_last_batch_may_be_small():
    assert simulate([VideoCost(0, 1.0, 1.0)] * 3, Machine(3, 3, batch=16, gpu=True)) == 4.0


def test_an_archive_is_sized():
    videos = [VideoCost(0.0, 0.1, 0.1, bytes=1e6)] * 100
    machine = Machine(cores=10, workers=10, price_h=0.5)
    found = plan(videos, machine, count=10**7, machines=4, row_bytes=100)
    assert found.rate == pytest.approx(50, rel=0.05)
    assert found.days == pytest.approx(10**7 / 200 / 86400, rel=0.05)
    assert found.price == pytest.approx(found.days * 24 * 4 * 0.5)
    assert (found.source_tb, found.output_gb) == (10, 1)
    assert machines_for(found.rate, 10**7, found.days) == 4


def test_the_measured_case_is_reproduced():
    with RESULTS.open(newline="") as file:
        measured = [row for row in csv.DictReader(file) if row["what"].startswith("label")]
    assert measured
    for row in measured:
        video = VideoCost(0.0, float(row["decode_s"]), float(row["backbone_s"]))
        machine = Machine(cores=float(row["cores"]), workers=int(row["workers"]))
        seconds = simulate([video] * int(row["videos"]), machine)
        assert seconds == pytest.approx(float(row["seconds"]), rel=0.1)
