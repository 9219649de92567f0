"""What is taken away: archives, and the page that recognizes by itself in a real browser."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.app.weizmann import SHARED, any_clips, frames
from tests.helpers import train_tiny
from transnet import ModelConfig, TransNetError, load
from transnet.app.takeaway.archives import write_archive
from transnet.app.takeaway.page import find_runtime, write_page
from transnet.data.preprocessing import Preprocessor, normalize
from transnet.data.sampling import uniform_indices
from transnet.data.video.frames import rgb_frame
from transnet.data.views import CENTER
from transnet.model.streaming import StreamingTransNet

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
STREAM = """async ([number, height, width, times]) => {
    const response = await fetch(`clip${number}.bin`);
    const all = new Uint8ClampedArray(await response.arrayBuffer());
    const size = height * width * 4;
    const stream = new transnet.Stream();
    const found = [];
    for (const [index, at] of times.entries()) {
        const start = size * (index % (all.length / size));
        const pixels = { data: all.subarray(start, start + size), width, height };
        found.push(await stream.push(pixels, at));
    }
    return found;
}"""
RECOGNIZE = """async ([number, height, width, count]) => {
    const response = await fetch(`clip${number}.bin`);
    const all = new Uint8ClampedArray(await response.arrayBuffer());
    const size = height * width * 4;
    const clip = [];
    let first;
    for (let index = 0; index < count; index++) {
        const pixels = { data: all.subarray(index * size, (index + 1) * size), width, height };
        if (!index) first = Array.from(transnet.preprocess(pixels));
        clip.push(pixels);
    }
    return [await transnet.classify(clip), first];
}"""


@pytest.fixture(scope="module")
def appearance_run(clips_folder, tmp_path_factory) -> Path:
    """A small recognizer without motion, as the app trains them."""
    folder = tmp_path_factory.mktemp("appearance")
    return train_tiny(clips_folder, folder, model=ModelConfig(cues="appearance"))


def test_the_zip_of_a_run_is_a_run(appearance_run, tmp_path):
    path = write_archive(appearance_run, "run", tmp_path / "run.zip")
    shutil.unpack_archive(path, tmp_path / "run")
    assert load(tmp_path / "run").classes == load(appearance_run).classes


def test_the_zip_of_models_holds_them(appearance_run, tmp_path):
    pytest.importorskip("onnxscript")
    path = write_archive(appearance_run, "onnx", tmp_path / "onnx.zip")
    with zipfile.ZipFile(path) as archive:
        assert set(archive.namelist()) == {
            *("clip.onnx", "encoder.onnx", "head.onnx", "novelty.onnx", "export.json")
        }


def test_a_page_without_its_runtime_says_how_to_get_it(appearance_run, tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSNET_ORT_WEB", str(tmp_path))
    with pytest.raises(TransNetError, match="npm pack onnxruntime-web@"):
        write_page(appearance_run, tmp_path / "page")


@pytest.fixture
def served(tmp_path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(tmp_path / "page"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["appearance_run", "trained_run"])
def opened(request, served, tmp_path):
    """The page of a run in the browser, and the run; without motion and with it."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api")
    try:
        find_runtime()
    except TransNetError as error:
        pytest.skip(str(error))
    run, errors = request.getfixturevalue(request.param), []
    write_page(run, tmp_path / "page")
    with playwright.sync_playwright() as running:
        fake_camera = [f"--use-fake-{what}-for-media-stream" for what in ("device", "ui")]
        browser = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", *fake_camera]
        )
        page = browser.new_page()
        page.on("console", lambda message: errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(served)
        page.wait_for_selector("#note:text('Ready')", timeout=120_000)
        yield page, load(run)
        browser.close()
    assert not errors


@pytest.mark.slow
def test_the_page_answers_as_python_does(tmp_path, opened):
    page, recognizer = opened
    clips = any_clips(tmp_path / "rendered")
    for number, clip in enumerate(clips):
        squares, expected = in_python(recognizer, clip, tmp_path / "page" / f"clip{number}.bin")
        shape = [number, *frames(clip)[0].shape[:2], recognizer.info.clip.frames]
        found, first = page.evaluate(RECOGNIZE, shape)
        difference = np.abs(np.reshape(first, squares[0].shape) - squares[0].astype(float))
        assert difference.max() <= 1
        assert difference.mean() / 255 < 1e-3
        assert np.argmax(found) == expected.argmax()
        assert np.abs(np.array(found) - expected).max() < 1e-2
    assert len(clips) == (36 if SHARED.is_dir() else 12)


@pytest.mark.slow
def test_a_stream_in_the_page_answers_as_python_does(tmp_path, opened):
    page, recognizer = opened
    clip = any_clips(tmp_path / "rendered")[0]
    squares, _ = in_python(recognizer, clip, tmp_path / "page" / "clip0.bin")
    mean, std = recognizer.info.backbone.mean, recognizer.info.backbone.std
    inputs = torch.from_numpy(normalize(squares, mean, std))
    step_s = recognizer.info.step_s
    gaps = np.repeat([0.3, 0.65, 1.0, 1.4, 0.4, 5.0, 0.3], 12) * step_s  # slow, fast, a pause
    gaps[40] = 0  # a frame that replaces the last one
    times_s = np.cumsum(gaps).tolist()
    found = page.evaluate(STREAM, [0, *frames(clip)[0].shape[:2], times_s])
    stream = StreamingTransNet(recognizer.model, step_s)
    windows = [stream.push(inputs[number % len(inputs)], at) for number, at in enumerate(times_s)]
    assert [one is None for one in found] == [window is None for window in windows]
    assert sum(window is not None for window in windows) > 60
    for one, window in zip(found, windows, strict=True):
        if window is not None:
            assert one == pytest.approx(window.logits.softmax(dim=0).numpy(), abs=1e-2)


@pytest.mark.slow
@pytest.mark.parametrize("opened", ["trained_run"], indirect=True)
def test_choosing_a_video_stops_the_camera(opened, make_video):
    page, recognizer = opened
    page.click("#camera")
    page.wait_for_selector("#label:not(:empty)", timeout=60_000)
    page.evaluate("window.tracks = document.getElementById('video').srcObject.getTracks()")
    page.set_input_files("#file", str(make_video("clip.mp4", 40)))
    page.wait_for_selector("#note:text-is('clip.mp4')", timeout=60_000)
    assert page.evaluate("tracks.map((track) => track.readyState)") == ["ended"]
    assert page.inner_text("#label") in recognizer.classes


def in_python(recognizer, clip: Path, to: Path) -> tuple[np.ndarray, np.ndarray]:
    """Squares and probabilities of a clip by Python; writes its frames for the page."""
    info = recognizer.info
    shown = np.stack(frames(clip))
    shown = shown[uniform_indices(len(shown), info.clip.frames)]
    opaque = np.full((*shown.shape[:3], 1), 255, np.uint8)
    to.write_bytes(np.concatenate([shown, opaque], axis=3).tobytes())
    squares = Preprocessor(info.clip.size)([rgb_frame(one) for one in shown], CENTER)
    with torch.inference_mode():
        pixels = torch.from_numpy(normalize(squares, info.backbone.mean, info.backbone.std))
        return squares, recognizer.model(pixels[None]).softmax(dim=1)[0].numpy()
