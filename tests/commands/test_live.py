import itertools
import json
import re
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import transnet
from tests.camera_server import CameraServer
from transnet import StreamConfig
from transnet.cli import main
from transnet.commands.preview_window import has_screen
from transnet.data.video.reader import decode_frames

SURE = ["--enter", "0.2", "--leave", "0.1", "--smooth-s", "0", "--min-s", "0"]


@pytest.fixture
def film(make_video):
    return make_video("film.avi", 40, fps=20, codec="mpeg4", width=160, height=120)


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_json_lines_are_what_python_gives(trained_run, film, capsys):
    assert main(["live", str(trained_run), str(film), "--json", "--every-s", "0.1", *SURE]) == 0
    lines = json_lines(capsys.readouterr().out)
    windows = [line for line in lines if line["kind"] == "window"]
    config = StreamConfig(every_s=0.1)
    expected = [answer.to_dict() for answer in transnet.load(trained_run).stream(film, config)]
    assert len(windows) == 14  # one every 0.1 s from 0.6 s on, of two seconds
    for window, values in zip(windows, expected, strict=True):
        assert {key: window[key] for key in values} == values
        assert window["event"] == window["label"]
        assert window["dropped"] == 0
    segments = [line for line in lines if line["kind"] == "segment"]
    assert segments[0]["start_s"] == pytest.approx(0)
    assert segments[-1]["end_s"] == windows[-1]["end_s"]
    assert lines[-1]["kind"] == "summary"
    assert (lines[-1]["frames"], lines[-1]["dropped"]) == (20, 0)


def test_an_event_is_a_line_and_the_end_is_summed_up(trained_run, film, capsys):
    assert main(["live", str(trained_run), str(film), "--no-window", *SURE]) == 0
    shown = capsys.readouterr()
    events = shown.out.splitlines()
    assert events
    for line in events:
        assert re.fullmatch(r"00:00:0\d\.\d+ - 00:00:0\d\.\d+  \w+ \d+\.\d%", line)
    assert "the first prediction comes after 0.6 s" in shown.err
    assert f"{len(events)} events" in shown.err
    assert "40 frames classified" in shown.err
    assert "0 dropped (0.0%)" in shown.err


def test_a_film_shorter_than_a_window_is_named(trained_run, film, capsys):
    assert main(["live", str(trained_run), str(film), "--no-window", "--step-s", "3"]) == 0
    assert (
        "no prediction: the video ended before the first window was full (9.0 s)"
        in capsys.readouterr().err
    )


def test_the_annotated_video_has_every_frame_at_its_time(trained_run, film, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    words = ["live", str(trained_run), str(film), "--out", str(out), "--every-s", "0.2", "--json"]
    assert main(words) == 0
    assert f"saved to {out}" in capsys.readouterr().err
    before, after = list(decode_frames(film)), list(decode_frames(out))
    assert [time_s for _, time_s in after] == pytest.approx(
        [time_s - before[0][1] for _, time_s in before], abs=0.002
    )
    assert after[0][0].shape == before[0][0].shape
    changed = np.abs(after[-1][0].astype(int) - before[-1][0]).mean(axis=(1, 2))
    assert changed[:40].mean() > 3 * changed[-40:].mean()  # bars at the top, the rest as it was
    words[words.index(str(out))] = str(tmp_path / "out.avi")
    assert main(words) == 1
    assert "accepted: a .mp4, .mkv or .mov file" in capsys.readouterr().err


def test_a_damaged_file_is_watched_and_named(trained_run, make_video, capsys):
    film = make_video("film.avi", 200, codec="mpeg4")
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    assert main(["live", str(trained_run), str(film), "--json"]) == 1
    shown = capsys.readouterr()
    assert "film.avi: is " in shown.err
    assert json_lines(shown.out)[-1]["kind"] == "summary"


def test_ctrl_c_ends_with_a_summary(trained_run):
    words = ["live", str(trained_run), "-", "--input-size", "32x24", "--fps", "20", "--json"]
    # A shell starts background jobs with SIGINT ignored, which Python then leaves ignored.
    script = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from transnet.cli import main; sys.exit(main())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdin.write(bytes(20 * 32 * 24 * 3))
        process.stdin.flush()
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)  # while it waits for more frames
        rest = [json.loads(line) for line in process.stdout.read().splitlines()]
        complaint = process.stderr.read().decode()
        assert process.wait() == 0
    assert first["kind"] == "window"
    assert rest[-1]["kind"] == "summary"
    assert "Traceback" not in complaint


def test_a_camera_that_came_back_starts_a_new_window(trained_run, make_video):
    film = make_video("film.ts", 50, codec="mpeg4", fps=25, width=96, height=64).read_bytes()
    server = CameraServer(film, seconds=2)
    recognizer = transnet.load(trained_run)
    config = StreamConfig(step_s=0.1)  # a window is 0.3 s
    answers = recognizer.stream(server.address, config)
    before = list(itertools.islice(answers, 5))
    server.switch_off()
    again = []
    timer = threading.Timer(0.2, lambda: again.append(CameraServer(film, 2, server.port)))
    timer.start()
    after = next(answer for answer in answers if answer.end_s > before[-1].end_s + 0.4)
    answers.close()
    again[0].switch_off()
    assert after.start_s > before[-1].end_s  # no window has frames of both connections
    assert after.end_s - after.start_s == pytest.approx(0.3, abs=0.15)


def test_a_window_where_there_is_a_screen(trained_run, film, capsys):
    if not has_screen():
        pytest.skip("there is no screen here (Xvfb is enough)")
    assert main(["live", str(trained_run), str(film)]) == 0
    assert "40 frames classified" in capsys.readouterr().err
