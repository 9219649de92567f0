"""The recognizer that needs no torch."""

import json
import subprocess
import sys

import onnx
import pytest

import transnet
from transnet import TransNetError, VideoError
from transnet.cli import main
from transnet.deploy import runtime


@pytest.fixture
def clip(clips_folder):
    return str(next((clips_folder / "boxing").rglob("*.avi")))


def test_it_imports_no_torch_and_answers_the_same(trained_run, exported, clip):
    script = (
        "import sys; from transnet.deploy.runtime import main; status = main(sys.argv[1:]); "
        "heavy = {'torch', 'timm', 'pytorch_lightning', 'jsonargparse', 'onnx', 'tqdm', 'PIL', "
        "'sqlite3'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules); sys.exit(status)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script, str(exported), clip, "--json", "--threads", "1"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    answer = json.loads(shown.stdout)
    expected = transnet.load(trained_run).predict(clip).to_dict()
    assert answer["scores"] == pytest.approx(expected["scores"], abs=1e-4)
    assert answer["start_s"] == expected["start_s"]


def test_transnet_predict_takes_an_export_too(exported, clip, capsys):
    assert main(["predict", str(exported), clip, "--json"]) == 0
    by_command = json.loads(capsys.readouterr().out)
    assert runtime.main([str(exported), clip, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == by_command


@pytest.mark.parametrize("threads", [1, 3])
def test_many_files_are_answered_in_order(exported, clips_folder, tmp_path, threads):
    clips = sorted(clips_folder.rglob("*.avi"))[:6]
    recognizer = runtime.load(exported, threads=threads)
    *answers, last = recognizer.predict_all([*clips, tmp_path / "gone.mp4"])
    assert isinstance(last, VideoError)
    assert [answer.path for answer in answers] == list(map(str, clips))
    for answer, clip in zip(answers, clips, strict=True):
        assert answer.scores == pytest.approx(recognizer.predict(clip).scores, abs=1e-6)


def test_mistakes_are_explained(exported, clip, tmp_path, capsys):
    (tmp_path / "empty.mp4").touch()
    assert runtime.main([str(exported), str(tmp_path / "empty.mp4"), clip]) == 1
    shown = capsys.readouterr()
    assert "empty.mp4: is empty (0 bytes)." in shown.err
    assert clip in shown.out
    assert runtime.main([str(tmp_path), clip]) == 1
    assert "which is no exported model; accepted: the --out folder of transnet export" in (
        capsys.readouterr().err
    )
    assert runtime.main([str(exported), clip, "--threads", "-1"]) == 1
    assert "--threads is -1; accepted: 0 or more." in capsys.readouterr().err


def test_models_that_are_not_ours_are_named(exported, tmp_path):
    (tmp_path / "clip.onnx").write_bytes(b"garbage")
    with pytest.raises(TransNetError, match=r"clip\.onnx cannot be opened as a model"):
        runtime.load(tmp_path)
    model = onnx.load(exported / "clip.onnx")
    values = json.loads(model.metadata_props[0].value)
    model.metadata_props[0].value = json.dumps({**values, "format": 99})
    onnx.save(model, tmp_path / "clip.onnx")
    with pytest.raises(TransNetError, match="exported by a newer version"):
        runtime.load(tmp_path)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "clip.onnx")
    with pytest.raises(TransNetError, match="a model without our metadata"):
        runtime.load(tmp_path / "clip.onnx")


def test_the_clip_model_works_alone_and_says_what_streams_need(exported, clip, tmp_path):
    (tmp_path / "clip.onnx").write_bytes((exported / "clip.onnx").read_bytes())
    recognizer = runtime.load(tmp_path / "clip.onnx")
    frames = transnet.read_clip(clip, recognizer.info.clip).frames
    assert recognizer.predict(clip).scores == runtime.load(exported).predict(clip).scores
    with pytest.raises(TransNetError, match=r"encoder\.onnx is missing"):
        recognizer.encode(frames)
