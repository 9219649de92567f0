"""Damage that a decoder does not report, hostile files, and decoding in a child."""

import os

import av
import numpy as np
import pytest

from tests.helpers import numbered_frame
from transnet.config import ClipConfig
from transnet.data.clips import read_clip
from transnet.data.isolated import IsolatedReader
from transnet.data.video.integrity import check_integrity, crc32_msb
from transnet.data.video.isolation import Isolation, Limits
from transnet.errors import TransNetError, VideoError

CONFIG = ClipConfig(frames=4, size=32)


def gif(path, pictures):
    from PIL import Image

    first, *others = [Image.fromarray(picture) for picture in pictures]
    first.save(path, save_all=True, append_images=others, duration=40)
    return path


def ogg_page(body, number, kind=0, stream=7):
    header = b"OggS\0" + bytes([kind]) + bytes(8) + stream.to_bytes(4, "little")
    header += number.to_bytes(4, "little")
    table = bytes([1, len(body)])
    crc = crc32_msb(header + bytes(4) + table + body).to_bytes(4, "little")
    return header + crc + table + body


def test_a_gif_ends_in_its_trailer(tmp_path):
    path = gif(tmp_path / "x.gif", [numbered_frame(number, 64, 48) for number in range(12)])
    assert read_clip(path, CONFIG).damage == ""
    whole = path.read_bytes()
    for length in range(len(whole) // 4, len(whole), len(whole) // 7):
        path.write_bytes(whole[:length])
        with pytest.raises(VideoError, match="is truncated|is damaged|not a video"):
            read_clip(path, CONFIG)
    path.write_bytes(whole + b"\0trailing bytes are ignored")
    assert read_clip(path, CONFIG).damage == ""


def test_ogg_pages_are_checked(tmp_path):
    path = tmp_path / "x.ogv"
    pages = [ogg_page(b"a" * 50, 0, 2), ogg_page(b"b" * 60, 1), ogg_page(b"c" * 70, 2, 4)]

    def fault(content):
        path.write_bytes(content)
        return check_integrity(path, "ogg").fault

    assert fault(b"".join(pages)) == ""
    assert check_integrity(path, "ogg").is_whole
    assert "checksum of an Ogg page" in fault(b"".join(pages).replace(b"bbb", b"bxb", 1))
    assert "an Ogg page is missing" in fault(pages[0] + pages[2])
    assert "last Ogg page is missing" in fault(pages[0] + pages[1])
    assert "truncated" in fault(b"".join(pages)[:-5])


def test_ogg_checksums_are_those_that_ffmpeg_writes(tmp_path):
    path = tmp_path / "x.ogg"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libopus", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.float32), "flt", "mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert check_integrity(path, "ogg").is_whole
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    assert "checksum" in check_integrity(path, "ogg").fault


def test_matroska_checksums_and_size(make_video):
    path = make_video("x.mkv", 20)
    assert check_integrity(path, "matroska,webm").is_whole
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(VideoError, match="damaged"):
        read_clip(path, CONFIG)
    path.write_bytes(whole[: len(whole) * 9 // 10])
    with pytest.raises(VideoError, match="is truncated: .* bytes are missing"):
        read_clip(path, CONFIG)


def test_the_blocks_of_a_webm_fill_their_clusters(make_video):
    path = make_video("x.webm", 20, codec="libvpx")
    assert check_integrity(path, "matroska,webm").is_whole
    content = bytearray(path.read_bytes())
    cluster = content.index(bytes.fromhex("1f43b675"))
    block = content.index(b"\xa3", cluster)
    content[block] = 0
    path.write_bytes(content)
    assert "unknown element" in check_integrity(path, "matroska,webm").fault


def test_ffv1_slices_are_checked(tmp_path):
    path = tmp_path / "x.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.options = {"level": "3", "slicecrc": "1"}
        for number in range(8):
            frame = av.VideoFrame.from_ndarray(numbered_frame(number, 64, 48), format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode())
    assert read_clip(path, CONFIG).damage == ""
    content = path.read_bytes()
    at = content.index(b"00dc", content.index(b"movi") + 1000) + 100
    path.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
    with pytest.raises(VideoError, match="1 broken packets"):
        read_clip(path, CONFIG)


def test_zeros_in_mjpeg_are_noticed(tmp_path):
    path = tmp_path / "x.avi"
    noise = np.random.default_rng(0).integers(0, 255, (20, 96, 128, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuvj420p"
        for picture in noise:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuvj420p")))
        container.mux(stream.encode())
    assert read_clip(path, CONFIG).damage == ""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 1000] = bytes(1000)
    path.write_bytes(content)
    with pytest.raises(VideoError, match="is damaged"):
        read_clip(path, CONFIG)


@pytest.mark.parametrize("ending", ["mp4", "txt", "m3u8", "ffconcat", "nfo", "avi", "sdp", "ts"])
@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile secret.mp4\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.ts\n",
        "Dear diary,\n" * 200,
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
        '<?xml version="1.0"?><MPD><Period></Period></MPD>',
    ],
)
def test_text_is_never_video_and_opens_no_other_file(tmp_path, make_video, ending, text):
    make_video("secret.mp4", 5)
    make_video("secret.ts", 5)
    path = tmp_path / f"list.{ending}"
    path.write_text(text)
    with pytest.raises(VideoError, match="is not a video"):
        read_clip(path, CONFIG)


def test_a_numbered_picture_reads_no_others(tmp_path):
    from PIL import Image

    for name in ("img%d.png", "img1.png", "img2.png"):
        Image.new("RGB", (32, 32)).save(tmp_path / name)
    with pytest.raises(VideoError):
        read_clip(tmp_path / "img%d.png", CONFIG)


def test_an_absurd_screen_is_refused_before_it_takes_memory(tmp_path):
    path = gif(tmp_path / "x.gif", [numbered_frame(number, 64, 48) for number in range(4)])
    content = bytearray(path.read_bytes())
    content[6:10] = (20000).to_bytes(2, "little") + (13000).to_bytes(2, "little")
    path.write_bytes(content)
    with pytest.raises(VideoError, match="20000 x 13000|0 good frames"):
        read_clip(path, CONFIG)


def test_a_file_that_unpacks_to_too_much_is_refused(make_video, monkeypatch):
    path = make_video("x.mp4", 30)
    monkeypatch.setattr("transnet.data.video.reader._FREE_PIXELS", 64 * 48 * 10)
    monkeypatch.setattr("transnet.data.video.reader._PIXELS_PER_BYTE", 0)
    with pytest.raises(VideoError, match="unpacks to over 10 frames of 64 x 48 pixels"):
        read_clip(path, CONFIG)


def test_chosen_frames_are_small_when_they_are_held(make_video, monkeypatch):
    from transnet.data import preprocessing

    alive = []
    square = preprocessing.Preprocessor.square

    def spy(self, *options):
        pixels = square(self, *options)
        alive.append(pixels.base is None)
        return pixels

    monkeypatch.setattr(preprocessing.Preprocessor, "square", spy)
    clip = read_clip(make_video("x.mp4", 30), CONFIG)
    assert len(alive) == 4  # each chosen frame is converted once, when it arrives
    assert clip.frames.shape == (4, 32, 32, 3)


def test_a_name_that_is_not_utf8(make_video, tmp_path):
    from transnet.data.cache.clips import ClipCache

    name = os.fsdecode(b"caf\xe9.mp4")
    path = make_video("plain.mp4", 10)
    try:
        path = path.rename(tmp_path / name)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    assert read_clip(path, CONFIG).damage == ""
    with ClipCache(tmp_path / "cache") as cache:
        assert len(cache.video_digest(path)) == 32


def test_only_files_are_hashed(tmp_path):
    from transnet.data.cache.clips import ClipCache

    with ClipCache(tmp_path / "cache") as cache:
        with pytest.raises(VideoError, match="is not a file"):
            cache.video_digest(os.devnull)
        if hasattr(os, "mkfifo"):
            os.mkfifo(tmp_path / "pipe.mp4")
            with pytest.raises(VideoError, match="is not a file"):
                cache.video_digest(tmp_path / "pipe.mp4")


def test_a_file_that_changed_in_place_with_its_date_kept(tmp_path, make_video):
    from transnet.data.cache.clips import ClipCache

    path = make_video("x.mp4", 10)
    with ClipCache(tmp_path / "cache") as cache:
        before, status = cache.video_digest(path), path.stat()
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert cache.video_digest(path) != before


def test_the_same_clip_from_a_child(make_video, tmp_path):
    path = make_video("x.mp4", 30)
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    with Isolation() as isolation:
        read = IsolatedReader(isolation)
        clip, direct = read(path, CONFIG, start=5), read_clip(path, CONFIG, start=5)
        assert np.array_equal(clip.frames, direct.frames)
        assert np.array_equal(clip.indices, direct.indices)
        assert np.array_equal(clip.times_s, direct.times_s)
        with pytest.raises(VideoError, match="is not a video"):
            read(broken, CONFIG)
        assert np.array_equal(read(path, CONFIG, start=5).frames, direct.frames)


def sleeps(path, request):
    import time

    time.sleep(60)
    return {}, b""


def crashes(path, request):
    os.abort()


def devours(path, request):
    return {"bytes": len(bytearray(2**31))}, b""


def test_limits_of_a_child(tmp_path):
    with Isolation(Limits(memory_mb=200, seconds=0.5)) as isolation:
        for task, reason in (
            (sleeps, "takes longer than 0.5 s"),
            (crashes, "ended the decoder"),
            (devours, "needs more memory"),
        ):
            if task is devours and os.name != "posix":
                continue
            with pytest.raises(VideoError, match=reason):
                isolation.call(tmp_path / "x.mp4", task, {})


def test_limits_are_checked():
    with pytest.raises(TransNetError, match="accepted: 100 MiB or more, and above 0 s"):
        Limits(memory_mb=10)
