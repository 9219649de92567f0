"""A video that is unlike the training clips is unknown, whichever way it is asked about."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import transnet
from tests.helpers import narrow_threshold, numbered_frame
from transnet import StreamConfig
from transnet.checkpoints.novelty import load_novelty, save_novelty
from transnet.cli import main
from transnet.deploy.export import export
from transnet.inference.prediction import UNKNOWN

# One frame per step, of the training clips: a window of the stream is a clip of predict.
STREAM = StreamConfig(every_s="step", smooth_s=0, min_s=0, enter=0.2, leave=0.1)


@pytest.fixture(scope="module")
def strange(tmp_path_factory) -> Path:
    """Stripes, 16 frames at 20 a second as the training clips, and 20 more."""
    path = tmp_path_factory.mktemp("strange") / "strange.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for number in range(36):
            frame = av.VideoFrame.from_ndarray(numbered_frame(number, 64, 48), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def run(trained_run, strange, tmp_path_factory) -> Path:
    """The tiny recognizer, with a threshold that tells, evaluated."""
    folder = tmp_path_factory.mktemp("telling") / "run"
    shutil.copytree(trained_run, folder)
    narrow_threshold(folder, strange)
    evaluation = transnet.evaluate(folder, unknown=str(strange.parent))
    written = json.loads((folder / "metrics.json").read_text())
    assert written["unknown"]["told"] == evaluation.unknown.told == 1
    written["unknown"]["pays"] = True  # a random backbone loses many clips of new people
    (folder / "metrics.json").write_text(json.dumps(written))
    return folder


@pytest.fixture(scope="module")
def known(run, clips_folder) -> Path:
    """A training clip, which is like the training clips, its twin in the cache."""
    recognizer = transnet.load(run)
    return next(
        path for path in sorted(clips_folder.rglob("*.avi")) if recognizer.predict(path).known
    )


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory) -> Path:
    return export(run, out=str(tmp_path_factory.mktemp("telling_export") / "onnx"))


def test_predict(run, strange, known, capsys):
    recognizer = transnet.load(run)
    assert not recognizer.predict(strange).known
    assert recognizer.predict(known).known
    assert main(["predict", str(run), str(strange), str(known), "--json"]) == 0
    told = [json.loads(line)["label"] for line in capsys.readouterr().out.splitlines()]
    assert told[0] == UNKNOWN != told[1]


def test_streams(run, strange, known):
    recognizer = transnet.load(run)
    windows = list(recognizer.stream(strange, STREAM))
    assert windows and {window.label for window in windows} == {UNKNOWN}
    # The last window of a clip of 16 frames holds the frames that predict takes.
    session = recognizer.stream_session(StreamConfig())
    frames = transnet.read_clip(known, recognizer.info.clip).frames
    pushed = [session.push(frame, index / 5) for index, frame in enumerate(frames)]
    assert pushed[-1].known
    free = transnet.load(run, unknown="off").stream(strange, STREAM)
    assert all(window.known for window in free)


def test_live(run, strange, capsys):
    words = ["live", str(run), str(strange), "--json", "--enter", "0.2", "--leave", "0.1"]
    assert main(words) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["label"] for line in lines if line["kind"] != "summary"} == {UNKNOWN}
    assert {line["event"] for line in lines if line["kind"] == "window"} == {UNKNOWN}
    assert main([*words, "--unknown", "off"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1]["segments"] >= 1


def test_timelines(run, strange, capsys):
    recognizer = transnet.load(run)
    found = transnet.find_segments(recognizer, strange, STREAM)
    assert [segment.label for segment in found.segments] == [UNKNOWN]
    free = transnet.find_segments(transnet.load(run, unknown="off"), strange, STREAM)
    assert free.known()
    assert main(["predict", str(run), str(strange), "--timeline", "--format", "json"]) == 0
    segments = json.loads(capsys.readouterr().out)["segments"]
    assert {segment["label"] for segment in segments} == {UNKNOWN}


def require_equal_answers(run, exported, strange, known):
    recognizer = transnet.load(exported)
    for path in (strange, known):
        expected, found = transnet.load(run).predict(path), recognizer.predict(path)
        assert (found.label, found.known) == (expected.label, expected.known)
    assert transnet.load(exported, unknown="off").predict(strange).known
    frames = transnet.read_clip(strange, recognizer.info.clip).frames
    push = recognizer.frame_stream()
    means = np.concatenate([push(frame[None]).means for frame in frames])
    assert recognizer.window_distances(means[None]) > recognizer.info.threshold


def test_exports(run, exported, strange, known):
    require_equal_answers(run, exported, strange, known)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not here")
def test_exports_for_openvino(run, strange, known, tmp_path):
    exported = export(run, out=str(tmp_path / "openvino"), format="openvino")
    require_equal_answers(run, exported, strange, known)


def test_the_runtime_without_torch(exported, strange, known):
    script = (
        "import sys; from transnet.deploy.runtime import main; status = main(sys.argv[1:]); "
        "assert 'torch' not in sys.modules; sys.exit(status)"
    )
    words = [sys.executable, "-c", script, str(exported), str(strange), str(known), "--json"]
    shown = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert [json.loads(line)["known"] for line in shown.splitlines()] == [False, True]
    shown = subprocess.run([*words, "--unknown", "off"], check=True, capture_output=True, text=True)
    assert [json.loads(line)["known"] for line in shown.stdout.splitlines()] == [True, True]


def test_serving(run, strange, known):
    pytest.importorskip("fastapi")
    from tests.app.test_serving import client_of

    for client in client_of(run, stream=STREAM):
        files = {"file": strange.read_bytes()}
        assert client.post("/predict?detail=1", files=files).json()["label"] == UNKNOWN
        first, *others = client.post("/predict", files=files).json()
        assert first == {"label": UNKNOWN, "score": 1.0}
        assert {one["label"] for one in others} == {"boxing", "handwaving", "walking"}
        answer = client.post("/predict", files={"file": known.read_bytes()}).json()
        assert UNKNOWN not in {one["label"] for one in answer}
        job = client.post("/timeline", files=files).json()
        while job["status"] in ("waiting", "running"):
            time.sleep(0.05)
            job = client.get(f"/jobs/{job['id']}").json()
        assert [segment["label"] for segment in job["result"]["segments"]] == [UNKNOWN]
        with client.websocket_connect("ws://127.0.0.1/stream") as socket:
            for number in range(12):
                socket.send_bytes(struct.pack("<d", 0.1 * number) + striped_jpeg(number))
                line = socket.receive_json()
        assert (line["kind"], line["label"], line["event"]) == ("window", UNKNOWN, UNKNOWN)


def striped_jpeg(number: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(numbered_frame(number, 64, 48)).save(file, "JPEG", quality=95)
    return file.getvalue()


def test_archives(run, strange, known, tmp_path):
    pytest.importorskip("pyarrow")
    from transnet.archive.label_config import LabelConfig
    from transnet.archive.labeler import Labeler, model_digest

    labeler = Labeler(str(run), LabelConfig(), runtime="eager")
    with labeler.opened():
        rows = {row["path"]: row["label"] for row in labeler.label([str(strange), str(known)])}
    assert rows[str(strange)] == UNKNOWN != rows[str(known)]
    other = shutil.copytree(run, tmp_path / "other")
    assert model_digest(str(other)) == model_digest(str(run))
    detector = load_novelty(other)
    detector.threshold *= 2
    save_novelty(other, detector)
    assert model_digest(str(other)) != model_digest(str(run))  # which gives other answers
