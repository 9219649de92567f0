"""A recording plays whatever ends it: a kill, SIGTERM, a full disk."""

import os
import signal
import subprocess
import sys

import av
import numpy as np
import pytest

from transnet import TransNetError
from transnet.config import ClipConfig
from transnet.data.clips import read_clip
from transnet.data.video import writer as module
from transnet.data.video.writer import VideoWriter, write_video

RECORD = """
import sys, time
import numpy as np
from transnet.data.video.writer import VideoWriter
from transnet.utils.signals import sigterm_as_interrupt
with VideoWriter(sys.argv[1]) as writer:
    try:
        with sigterm_as_interrupt():
            for number in range(10_000):
                writer.write(np.full((64, 64, 3), number % 200, np.uint8), number / 25)
                if number == 200:
                    print("recorded", flush=True)
                    time.sleep(60)
    except KeyboardInterrupt:
        pass
"""


def frames_of(path):
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.mark.parametrize("number", ["SIGTERM", "SIGKILL"])
@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes in another way")
def test_a_recording_plays_after_a_signal(tmp_path, number):
    path = tmp_path / "out.mp4"
    with subprocess.Popen(
        [sys.executable, "-c", RECORD, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "recorded\n"
        process.send_signal(getattr(signal, number))
        assert process.wait(30) == (0 if number == "SIGTERM" else -signal.SIGKILL)
    assert frames_of(path) >= (201 if number == "SIGTERM" else 150)


class FullDisk:
    """A file on a disk with a number of bytes left."""

    def __init__(self, path, left):
        self._file, self._left = path.open("wb", buffering=0), left
        self.name = str(path)

    def write(self, data):
        self._left -= len(data)
        if self._left < 0:
            raise OSError(28, "No space left on device")
        return self._file.write(data)

    def __getattr__(self, name):
        return getattr(self._file, name)


@pytest.mark.parametrize("left", [0, 100, 5_000, 20_000, 60_000])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_full_disk_is_named_and_keeps_what_plays(tmp_path, monkeypatch, left, suffix):
    path = tmp_path / f"out{suffix}"
    monkeypatch.setattr(module, "open", lambda path, *_, **__: FullDisk(path, left), raising=False)
    noise = np.random.default_rng(0)
    with pytest.raises(TransNetError, match=rf"out{suffix} cannot be written \(.*No space"):
        write_video(path, (noise.integers(0, 255, (64, 64, 3), np.uint8) for _ in range(200)), 25)
    assert not path.exists() or frames_of(path) > 0


def test_a_fragmented_video_is_whole_for_the_reader(tmp_path):
    path = tmp_path / "out.mp4"
    with VideoWriter(path) as writer:
        for number in range(60):
            writer.write(np.full((64, 64, 3), 3 * number, np.uint8), number / 25)
    clip = read_clip(path, ClipConfig(frames=12, size=32))
    assert clip.damage is None or not clip.damage
    assert clip.times_s[-1] > 2
