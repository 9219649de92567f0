import json

import pytest

import transnet
from transnet.data.manifest import ClipRecord
from transnet.errors import TransNetError
from transnet.evaluation import timelines
from transnet.inference.prediction import Segment
from transnet.inference.timeline import Timeline


def test_found_segments_are_compared_with_the_annotated_ones(
    trained_run, make_video, tmp_path, monkeypatch
):
    good, broken = make_video("film.mp4", 50), tmp_path / "gone.mp4"
    label = transnet.load(trained_run).info.classes[0]
    rows = [f"{good},{label},0,20,test", f"{good},{label},30,50,test"]
    (tmp_path / "a.csv").write_text("path,label,start,end,split\n" + "\n".join(rows) + "\n")
    found = (Segment(label, 0, 0.8, 0.9), Segment("unknown", 0.8, 1.96, 0.1))
    monkeypatch.setattr(
        timelines, "find_segments", lambda *_: Timeline(str(good), found, ("",) * 2)
    )
    clips = [
        ClipRecord(good, label, "g", 0, 20),
        ClipRecord(good, label, "g", 30, 50),
        ClipRecord(good, "_none", "g", 20, 30),
        ClipRecord(broken, label, "h", 0, 9),
    ]
    recognizer = transnet.load(trained_run)
    quality = timelines.measure_timelines(recognizer, clips)
    assert quality.map_at_iou == dict.fromkeys(("0.3", "0.4", "0.5", "0.6", "0.7"), 0.5)
    assert (quality.num_videos, quality.num_segments, len(quality.failed)) == (2, 2, 1)
    with pytest.raises(TransNetError, match="the test clips are whole videos"):
        timelines.measure_timelines(recognizer, [ClipRecord(good, label, "g")])
    assert json.loads(json.dumps(quality.to_dict()))["mean"] == pytest.approx(0.5)
