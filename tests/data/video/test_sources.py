import http.server
import io
import itertools
import sys
import threading
import time

import numpy as np
import pytest

from tests.camera_server import CameraServer
from tests.helpers import frame_number
from transnet import TransNetError, VideoError
from transnet.data.video.cameras import public_name
from transnet.data.video.sources import open_source


def picture_number(frame):
    return frame_number(frame.picture.to_ndarray(format="rgb24"))


def test_a_file_gives_every_frame_and_says_which_are_due(make_video):
    path = make_video("x.avi", 30, codec="mpeg4", fps=10)
    with open_source(path, every_s=0.5) as source:
        frames = list(source)
    assert [picture_number(frame) for frame in frames] == list(range(30))
    assert [i for i, frame in enumerate(frames) if frame.due] == [0, 5, 10, 15, 20, 25]
    assert [i for i, frame in enumerate(frames) if frame.is_first] == [0]
    assert np.diff([frame.time_s for frame in frames]) == pytest.approx(0.1)
    assert (source.due, source.dropped, source.damage) == (6, 0, "")


def test_a_file_at_its_own_speed_drops_what_nobody_had_time_for(make_video):
    path = make_video("x.avi", 30, codec="mpeg4", fps=50)
    started = time.monotonic()
    with open_source(path, realtime=True) as source:
        frames = []
        for frame in source:
            frames.append(frame)
            time.sleep(0.09)  # a slow machine
    assert 0.5 < time.monotonic() - started < 3
    assert source.due == 30
    assert source.due == len(frames) + source.dropped
    assert 3 <= len(frames) <= 20
    # Dropped, not queued: what comes is the newest.
    assert np.diff([picture_number(frame) for frame in frames]).max() > 1
    assert picture_number(frames[-1]) == 29


def test_a_due_frame_is_not_lost_to_one_that_is_only_shown(make_video):
    path = make_video("x.avi", 40, codec="mpeg4", fps=50)
    with open_source(path, realtime=True, every_s=0.2) as source:
        for frame in source:
            time.sleep(0.05 if frame.due else 0.03)
    assert (source.due, source.dropped) == (4, 0)


def test_raw_frames_on_standard_input(monkeypatch):
    frames = np.random.default_rng(0).integers(0, 256, (5, 6, 8, 3), dtype=np.uint8)
    content = frames.tobytes()
    pipe(monkeypatch, content)
    with open_source("-", input_size="8x6", fps=10) as source:
        found = list(source)
    assert [frame.time_s for frame in found] == [0, 0.1, 0.2, 0.3, 0.4]
    assert np.array_equal([frame.picture.to_ndarray() for frame in found], frames)
    pipe(monkeypatch, content[:-10])
    with open_source("-", input_size="8x6", fps=10) as source:
        assert len(list(source)) == 4
    assert "ends within frame 4: 134 of its 144 bytes" in source.damage


def pipe(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "input_size is None; accepted: WIDTHxHEIGHT"),
        ({"input_size": "640"}, "input_size is '640'; accepted: WIDTHxHEIGHT"),
        ({"input_size": "0x9"}, "input_size is '0x9'; accepted: WIDTHxHEIGHT"),
        ({"input_size": "8x6", "fps": 0}, "fps is 0; accepted: above 0"),
    ],
)
def test_raw_frames_need_a_size(options, message):
    with pytest.raises(TransNetError, match=message):
        open_source("-", **options)


def test_what_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(VideoError, match=r"none\.mp4: does not exist"):
        open_source(tmp_path / "none.mp4")
    with pytest.raises(VideoError, match=r"webcam 97: cannot be opened .* the number of a webcam"):
        open_source(97)
    with pytest.raises(VideoError, match=r"http://me:\*\*\*@127\.0\.0\.1:9/x: cannot be opened"):
        open_source("http://me:secret@127.0.0.1:9/x")


def test_a_password_is_not_shown():
    shown = public_name("rtsp://admin:pa:ss@camera.local:554/live?x=1")
    assert shown == "rtsp://admin:***@camera.local:554/live?x=1"
    assert public_name("a:b@c.mp4") == "a:b@c.mp4"


@pytest.fixture
def film(make_video):
    return make_video("film.ts", 50, codec="mpeg4", fps=25, width=128, height=96).read_bytes()


def test_a_camera_that_vanishes_is_waited_for_and_taken_up_again(film, capsys):
    server = CameraServer(film, seconds=2)
    with open_source(server.address) as source:
        frames = iter(source)
        before = list(itertools.islice(frames, 10))
        server.switch_off()
        threading.Timer(0.6, lambda: servers.append(CameraServer(film, 2, server.port))).start()
        servers = []
        after = []
        for frame in frames:
            after.append(frame)
            if sum(frame.is_first for frame in after) and len(after) >= 10:
                break
    servers[0].switch_off()
    assert [frame.is_first for frame in before] == [True] + [False] * 9
    assert sum(frame.is_first for frame in after) == 1
    times_s = [frame.time_s for frame in (*before, *after)]
    assert times_s == sorted(times_s)
    shown = capsys.readouterr().err
    assert "; retrying in 0.5 s" in shown
    assert f"{server.address}: cannot be opened (Connection refused); retrying" in shown
    assert "retrying in 1 s" in shown  # the pauses grow


def test_a_recording_in_the_network_is_read_like_a_file(make_video):
    path = make_video("x.mp4", 30, fps=25)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(path.parent))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    with open_source(f"http://127.0.0.1:{server.server_address[1]}/x.mp4") as source:
        numbers = []
        for frame in source:
            numbers.append(picture_number(frame))
            time.sleep(0.005)
    server.shutdown()
    server.server_close()
    assert numbers == list(range(30))
    assert source.dropped == 0
