import os
import random

import numpy as np
import pytest

from tests.helpers import frame_number, rotate
from transnet.config import ClipConfig
from transnet.data.clips import read_clip
from transnet.data.video.footage import read_footage
from transnet.data.video.frames import FrameConverter
from transnet.data.video.reader import VideoFile, decode_frames
from transnet.errors import VideoError


def numbers_of(path, indices, **options):
    footage = read_footage(path, lambda times: np.asarray(indices), **options)
    return [frame_number(frame.to_ndarray(format="rgb24")) for frame in footage.frames]


@pytest.mark.parametrize(
    ("name", "codec", "b_frames"),
    [("x.mp4", "libx264", 2), ("x.avi", "mpeg4", 2), ("x.avi", "mpeg4", 0), ("x.mkv", "mpeg4", 1)],
)
def test_frames_are_exact(make_video, name, codec, b_frames):
    path = make_video(name, 40, codec=codec, b_frames=b_frames)
    assert numbers_of(path, range(40)) == list(range(40))
    assert numbers_of(path, [0, 7, 7, 39]) == [0, 7, 7, 39]


def test_a_range_counts_its_own_frames(make_video):
    path = make_video("x.avi", 40, codec="mpeg4", b_frames=2)
    assert numbers_of(path, [0, 9], start=10, end=20) == [10, 19]
    assert numbers_of(path, [0, 29], start=10) == [10, 39]


def test_a_file_that_holds_other_frames_than_it_promises(make_video):
    path = make_video("x.avi", 60, codec="mpeg4")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    path.write_bytes(content)
    good = [frame_number(pixels) for pixels, _ in decode_frames(path)]
    assert 10 < len(good) < 60
    last = read_footage(path, lambda times: np.array([3, len(times) - 1]), allow_partial=True)
    convert = FrameConverter()
    assert [frame_number(convert(frame)) for frame in last.frames] == [good[3], good[-1]]
    assert last.indices.tolist() == [3, len(good) - 1]


def test_header_facts_are_known_before_a_frame_is_decoded(make_video):
    with VideoFile(make_video("x.avi", 30, codec="mpeg4", fps=10)) as video:
        assert (video.rate, video.declared_frames) == (10, 30)
        assert video.declared_s == pytest.approx(3.0)
        assert video.declared_times() == pytest.approx(np.arange(30) / 10)
        assert len(list(video.frames(20))) == 20
        assert not video.damage(reached_end=False)
        assert "is truncated: its header declares 30 frames" in video.damage(reached_end=True)


def test_the_same_facts_after_the_file_was_closed(make_video):
    with VideoFile(make_video("x.mp4", 20)) as video:
        frames = list(video.timed_frames())
    assert [time_s for _, time_s in frames] == pytest.approx(np.arange(20) / 25)
    assert (video.rate, video.damage(reached_end=True)) == (25, "")


def test_variable_frame_rate_keeps_times_in_seconds(make_video):
    times_ms = [0, 40, 80, 500, 1000, 3000]
    path = make_video("x.mkv", 6, times=times_ms)
    footage = read_footage(path, lambda times: np.arange(len(times)))
    assert footage.times_s == pytest.approx(np.array(times_ms) / 1000, abs=0.002)
    clip = read_clip(path, ClipConfig(frames=3, size=32, sampling="stride", stride_s=1.0))
    assert clip.indices.tolist() == [3, 4, 4]  # on screen at 0.5, 1.5 and 2.5 seconds


@pytest.mark.parametrize(
    ("matrix", "rotation"),
    [((0, 1, -1, 0), -90), ((-1, 0, 0, -1), 180), ((0, -1, 1, 0), 90)],
)
def test_rotation_of_a_phone_is_applied(make_video, matrix, rotation):
    path = make_video("x.mp4", 4, width=64, height=32)
    lying = [pixels for pixels, _ in decode_frames(path)]
    rotate(path, matrix)
    upright = [pixels for pixels, _ in decode_frames(path)]
    # The matrix turns clockwise for (0, 1, -1, 0): the picture's left side goes to the top.
    for before, after in zip(lying, upright, strict=True):
        assert np.array_equal(after, np.rot90(before, rotation // 90))
    clip = read_clip(path, ClipConfig(frames=2, size=32))
    assert clip.frames.shape == (2, 32, 32, 3)


def test_odd_sizes(make_video):
    path = make_video("x.avi", 5, width=37, height=23, codec="mpeg4")
    assert [pixels.shape for pixels, _ in decode_frames(path)] == [(23, 37, 3)] * 5
    assert read_clip(path, ClipConfig(frames=3, size=224)).frames.shape == (3, 224, 224, 3)


def test_a_short_clip_repeats_frames_in_order(make_video):
    path = make_video("x.avi", 3, codec="mpeg4")
    clip = read_clip(path, ClipConfig(frames=12, size=48))
    assert clip.indices.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert np.array_equal(clip.frames[0], clip.frames[3])


def test_one_frame_is_no_action(make_video):
    with pytest.raises(VideoError, match="holds a single frame; an action needs two or more"):
        read_clip(make_video("x.mp4", 1), ClipConfig())


def test_audio_only(audio_only):
    with pytest.raises(VideoError, match=r"audio\.mp4: holds no video stream"):
        read_clip(audio_only, ClipConfig())


def test_no_bytes(tmp_path):
    path = tmp_path / "empty.mp4"
    path.touch()
    with pytest.raises(VideoError, match="is empty"):
        read_clip(path, ClipConfig())


@pytest.mark.parametrize("name", ["x.avi", "x.mp4", "x.mkv"])
def test_half_its_bytes(make_video, name):
    path = make_video(name, 60, codec="mpeg4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(VideoError):
        read_clip(path, ClipConfig())


def test_good_frames_of_a_damaged_file_when_asked_for(make_video):
    path = make_video("x.avi", 200, codec="mpeg4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    clip = read_clip(path, ClipConfig(frames=4, size=48), allow_partial=True)
    assert "good frames" in clip.damage
    assert clip.indices[-1] < 150


def test_missing_directory_text_and_device(tmp_path):
    text = tmp_path / "notes.mp4"
    text.write_text("this is no video")
    for path, reason in (
        (tmp_path / "none.mp4", "does not exist"),
        (tmp_path, "is not a file"),
        (text, "is not a video"),
        ("/dev/zero", "is not a file"),
        ("bad\0name", "cannot be opened"),
    ):
        with pytest.raises(VideoError, match=reason):
            read_clip(path, ClipConfig())


def test_no_permission(make_video, monkeypatch):
    path = make_video()

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    if os.geteuid() == 0:  # root may read everything
        monkeypatch.setattr("builtins.open", refuse)
    else:
        path.chmod(0)
    with pytest.raises(VideoError, match="permission denied"):
        read_clip(path, ClipConfig())


def test_a_range_beyond_the_end_is_named(make_video):
    path = make_video("x.avi", 20, codec="mpeg4")
    with pytest.raises(VideoError, match="ends after frame 20; the clip's range is 10 to 30"):
        read_clip(path, ClipConfig(), start=10, end=30)
    with pytest.raises(VideoError, match="ends before frame 30"):
        read_clip(path, ClipConfig(), start=30)
    with pytest.raises(VideoError, match="0 <= start < end"):
        read_clip(path, ClipConfig(), start=5, end=5)


def test_a_playlist_opens_nothing_else(tmp_path, make_video):
    make_video("inner.ts", 5)
    playlist = tmp_path / "list.mp4"
    playlist.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(VideoError):
        read_clip(playlist, ClipConfig())


@pytest.mark.parametrize("name", ["x.avi", "x.mp4"])
def test_mutated_files_never_crash(make_video, name):
    path = make_video(name, 30, codec="mpeg4")
    check_mutations(path, 30)


def test_mutations_of_a_real_video_never_crash(tmp_path, shared):
    real = next((shared / "data/ucf101/videos/PushUps").glob("*.avi"))
    path = tmp_path / "real.avi"
    path.write_bytes(real.read_bytes())
    check_mutations(path, 50)


def check_mutations(path, count):
    original = path.read_bytes()
    dice = random.Random(0)
    refused = 0
    for _ in range(count):
        content = bytearray(original)
        for _ in range(dice.randint(1, 200)):
            content[dice.randrange(len(content))] = dice.randrange(256)
        for _ in range(dice.randint(0, 20)):  # the header is where it hurts most
            content[dice.randrange(min(4096, len(content)))] = dice.randrange(256)
        if dice.random() < 0.3:
            del content[dice.randrange(len(content)) :]
        path.write_bytes(content)
        try:
            clip = read_clip(path, ClipConfig(frames=4, size=32))
            assert clip.frames.shape == (4, 32, 32, 3)
        except VideoError:
            refused += 1
    assert refused > 0
