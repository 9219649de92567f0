"""Shared fixtures: tiny videos rendered on the fly, and real data where it is available."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from tests.helpers import TINY_BACKBONE, numbered_frame, train_tiny
from transnet.data.synthetic.clips import write_dataset

SHARED = Path(__file__).resolve().parents[1].parent / "shared"

VideoMaker = Callable[..., Path]


torch.set_num_threads(1)  # tiny networks are slower on two
os.environ["OMP_NUM_THREADS"] = "1"  # and in the processes that tests start
# A GPU rounds otherwise, and the tests compare to the last digits: make test-gpu uses it.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A job in the background ignores Ctrl-C, and so would the processes that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files with slow tests first, so that no process is left with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """No test reads or fills the user's own cache."""
    monkeypatch.setenv("TRANSNET_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and weights; tests that need it are skipped without it."""
    if not SHARED.is_dir():
        pytest.skip("needs the real data (../shared)")
    return SHARED


@pytest.fixture
def make_video(tmp_path) -> VideoMaker:
    """Write a video whose frame i shows its own number (see ``frame_number``)."""

    def make(
        name: str = "video.mp4",
        num_frames: int = 20,
        *,
        width: int = 64,
        height: int = 48,
        codec: str = "libx264",
        fps: int = 25,
        times: list[int] | None = None,
        b_frames: int = 0,
        folder: Path | None = None,
    ) -> Path:
        path = (folder or tmp_path) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=fps)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.max_b_frames = b_frames
            stream.codec_context.gop_size = 12
            stream.codec_context.bit_rate = 2_000_000
            if times is not None:
                stream.codec_context.time_base = Fraction(1, 1000)
            for number in range(num_frames):
                frame = av.VideoFrame.from_ndarray(
                    numbered_frame(number, width, height), format="rgb24"
                )
                if times is not None:
                    frame.pts, frame.time_base = times[number], Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return make


@pytest.fixture
def audio_only(tmp_path) -> Path:
    path = tmp_path / "audio.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def clips_folder(tmp_path_factory) -> Path:
    """Three actions of five rendered people, two clips each: 30 clips."""
    folder = tmp_path_factory.mktemp("generated") / "clips"
    actions = ("boxing", "handwaving", "walking")
    return write_dataset(folder, people=5, clips=2, actions=actions, num_frames=16)


@pytest.fixture(scope="session")
def trained_run(clips_folder, tmp_path_factory) -> Path:
    """A small recognizer trained on the rendered clips."""
    return train_tiny(clips_folder, tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory) -> Path:
    """A backbone and a segmenter pretrained briefly on rendered people."""
    from transnet import PretrainingConfig, pretrain

    return pretrain(
        "synthetic:6",
        out=str(tmp_path_factory.mktemp("pretrained") / "shape"),
        backbone=TINY_BACKBONE,
        weights="none",
        training=PretrainingConfig(size=64, epochs=3, pictures_every=2, workers=0),
    )


@pytest.fixture(scope="session")
def exported(trained_run, tmp_path_factory) -> Path:
    """The trained run as ONNX, in float32."""
    from transnet.deploy.export import export

    return export(trained_run, out=str(tmp_path_factory.mktemp("exported") / "float32"))


@pytest.fixture(scope="session")
def exported_int8(trained_run, tmp_path_factory) -> Path:
    """The trained run as ONNX, in int8."""
    from transnet.deploy.export import export

    # The tiny network has learned next to nothing: answers near a tie may fall either way.
    folder = tmp_path_factory.mktemp("exported") / "int8"
    return export(trained_run, out=str(folder), int8=True, max_loss=0.5)
