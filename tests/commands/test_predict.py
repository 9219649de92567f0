import csv
import json
import shutil

import pytest

import transnet
from transnet import TransNetError, VideoError
from transnet.cli import main


@pytest.fixture
def clip(clips_folder):
    return str(next((clips_folder / "boxing").rglob("*.avi")))


def test_python_and_command_line_give_equal_scores_wherever_the_run_lies(
    trained_run, clip, tmp_path, capsys
):
    copy = tmp_path / "elsewhere"
    shutil.copytree(trained_run, copy)
    (copy / "clips.csv").unlink()  # nothing of it is needed
    answers = [transnet.load(run).predict(clip).to_dict() for run in (trained_run, copy)]
    for run in (trained_run, copy):
        assert main(["predict", str(run), clip, "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[2].pop("trained_on")
    assert all(answer == answers[0] for answer in answers)
    assert set(answers[0]["scores"]) == {"boxing", "handwaving", "walking"}
    assert sum(answers[0]["scores"].values()) == pytest.approx(1, abs=1e-5)
    assert answers[0]["score"] == max(answers[0]["scores"].values())


def test_prediction_does_not_depend_on_what_came_before(trained_run, clips_folder):
    recognizer = transnet.load(trained_run)
    clips = sorted(clips_folder.rglob("*.avi"))[:3]
    first = [recognizer.predict(clip).scores for clip in clips]
    again = [recognizer.predict(clip).scores for clip in reversed(clips)]
    assert first == again[::-1]


def test_bad_files_are_named_and_the_others_answered(
    trained_run, clip, tmp_path, audio_only, make_video, capsys
):
    empty = tmp_path / "empty.mp4"
    empty.touch()
    half = make_video("half.avi", 60, codec="mpeg4")
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    single = make_video("single.mp4", 1)
    gone = tmp_path / "gone.mp4"
    files = [empty, clip, half, single, audio_only, gone, tmp_path / "none", clip]
    assert main(["predict", str(trained_run), *map(str, files), "--json"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["path"] for line in lines] == list(map(str, files))
    assert ["error" in line for line in lines] == [True, False, True, True, True, True, True, False]
    assert main(["predict", str(trained_run), str(empty), clip]) == 1
    shown = capsys.readouterr()
    assert "empty.mp4: is empty (0 bytes)." in shown.err
    assert clip in shown.out


def test_isolated_answers_are_the_same(trained_run, clip, tmp_path, capsys):
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    answers = []
    for options in ([], ["--isolate"]):
        assert main(["predict", str(trained_run), clip, str(text), "--json", *options]) == 1
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1]
    assert main(["predict", str(trained_run), clip, "--isolate", "--timeline"]) == 1
    assert "--isolate is for whole clips" in capsys.readouterr().err


def test_a_video_that_was_trained_on_is_marked(
    trained_run, clips_folder, make_video, tmp_path, capsys
):
    with open(trained_run / "clips.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    of_part = {row["split"]: row["path"] for row in rows}
    renamed = str(shutil.copy(of_part["train"], tmp_path / "new_name.avi"))
    files = [of_part["test"], renamed, str(make_video("new.mp4"))]
    assert main(["predict", str(trained_run), *files]) == 0
    said = capsys.readouterr().out.splitlines()
    assert ["trained on: its score says nothing" in line for line in said] == [False, True, False]
    assert main(["predict", str(trained_run), *files, "--json"]) == 0
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    assert [line.get("trained_on") for line in lines] == [None, True, None]
    assert main(["predict", str(trained_run), renamed, "--timeline"]) == 0
    assert "new_name.avi was trained on" in capsys.readouterr().err


def test_folders_are_searched(trained_run, clips_folder, tmp_path, capsys):
    assert main(["predict", str(trained_run), str(clips_folder / "walking")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 10
    (tmp_path / "nothing").mkdir()
    assert main(["predict", str(trained_run), str(tmp_path / "nothing")]) == 1
    assert "a folder without videos" in capsys.readouterr().err


def test_good_frames_of_a_damaged_file(trained_run, make_video, capsys):
    path = make_video("x.avi", 200, codec="mpeg4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(VideoError, match=r"x\.avi: is "):
        transnet.load(trained_run).predict(path)
    assert main(["predict", str(trained_run), str(path), "--json", "--allow-partial"]) == 0
    assert "good frames" in json.loads(capsys.readouterr().out)["damage"]


def test_a_range_of_frames(trained_run, clip):
    recognizer = transnet.load(trained_run)
    whole, part = recognizer.predict(clip), recognizer.predict(clip, start=4, end=12)
    assert whole.scores != part.scores
    assert part.start_s > whole.start_s


def test_what_is_no_run_is_named(tmp_path):
    with pytest.raises(TransNetError, match=r"which is not a run folder \(it has no transnet.json"):
        transnet.load(tmp_path)
    (tmp_path / "transnet.json").write_text("{")
    with pytest.raises(TransNetError, match="cannot be understood"):
        transnet.load(tmp_path)


def test_a_run_of_a_newer_version_is_named(trained_run, tmp_path):
    values = json.loads((trained_run / "transnet.json").read_text())
    (tmp_path / "transnet.json").write_text(json.dumps({**values, "format": 99}))
    with pytest.raises(TransNetError, match="made by a newer version .*pip install --upgrade"):
        transnet.load(tmp_path)


def test_weights_that_do_not_fit_are_named(trained_run, tmp_path):
    shutil.copy(trained_run / "transnet.json", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"garbage")
    with pytest.raises(TransNetError, match="is not a readable .safetensors file"):
        transnet.load(tmp_path)
