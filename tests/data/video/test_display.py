"""Files as players show them: orientation, pixel aspect, fields, streams, clocks."""

from fractions import Fraction

import av
import numpy as np
import pytest

from tests.helpers import frame_number, rotate
from transnet.config import ClipConfig
from transnet.data.clips import read_clip
from transnet.data.preprocessing import Preprocessor
from transnet.data.video.frames import rgb_frame
from transnet.data.video.reader import VideoFile, decode_frames, read_times
from transnet.data.views import CENTER
from transnet.errors import VideoError


def drawn(number=0, width=96, height=64):
    """A picture without any symmetry, and a bar that moves with the number."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = np.linspace(0, 250, width).astype(np.uint8)
    picture[..., 1] = np.linspace(0, 200, height).astype(np.uint8)[:, None]
    picture[: height // 4, : width // 4, 2] = 255
    picture[height // 2 :, 4 * number : 4 * number + 8] = 128
    return picture


def write(path, pictures, codec="libx264", fps=20, size=None, setup=None, start=0):
    with av.open(str(path), "w") as container:
        height, width = pictures[0].shape[:2]
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height = size or (width, height)
        stream.pix_fmt, stream.bit_rate, stream.codec_context.max_b_frames = "yuv420p", 4e6, 0
        stream.time_base = Fraction(1, fps)
        if setup:
            setup(container, stream)
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number + start, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def shown(path):
    return [pixels.astype(int) for pixels, _ in decode_frames(path)]


def close_to(found, expected, within=4):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other.astype(int)).mean() <= within


@pytest.mark.parametrize(
    ("matrix", "turned"),
    [
        ((1, 0, 0, 1), lambda p: p),
        ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
        ((1, 0, 0, -1), lambda p: p[::-1]),
        ((-1, 0, 0, -1), lambda p: p[::-1, ::-1]),
        ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
        ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
        ((0, 1, 1, 0), lambda p: p.swapaxes(0, 1)),
        ((0, -1, -1, 0), lambda p: p.swapaxes(0, 1)[::-1, ::-1]),
        ((0, 0, 0, 0), lambda p: p),
    ],
)
def test_the_whole_display_matrix_is_applied(tmp_path, matrix, turned):
    pictures = [drawn(number) for number in range(3)]
    path = write(tmp_path / "phone.mp4", pictures)
    rotate(path, matrix)
    close_to(shown(path), [turned(picture) for picture in pictures])


def test_pixels_become_square(tmp_path):
    pictures = [drawn(number, 90, 120) for number in range(3)]

    def wide(_, stream):
        stream.codec_context.sample_aspect_ratio = Fraction(16, 9)

    path = write(tmp_path / "wide.mkv", pictures, setup=wide)
    frames = shown(path)
    assert [frame.shape for frame in frames] == [(120, 160, 3)] * 3
    columns = np.linspace(0, 89, 160).round().astype(int)
    close_to(frames, [picture[:, columns] for picture in pictures], within=6)
    clip = read_clip(path, ClipConfig(frames=2, size=96))
    plain = Preprocessor(96)(map(rgb_frame, frames_of(frames[::2])), CENTER)
    assert np.abs(clip.frames[0].astype(int) - plain[0]).mean() < 4


def frames_of(frames):
    return [frame.astype(np.uint8) for frame in frames]


def test_almost_square_pixels_stay_as_they_are(tmp_path):
    def rounded(_, stream):
        stream.codec_context.sample_aspect_ratio = Fraction(4096, 4083)

    path = write(tmp_path / "x.avi", [drawn()] * 3, "mpeg4", setup=rounded)
    assert shown(path)[0].shape == (64, 96, 3)


def test_interlaced_frames_are_deinterlaced(tmp_path):
    moments = [drawn(number) for number in range(20)]
    woven = []
    for first, second in zip(moments[::2], moments[1::2], strict=True):
        picture = first.copy()
        picture[1::2] = second[1::2]
        woven.append(picture)

    def fields(_, stream):
        # Interlaced DCT and motion estimation, top field first.
        stream.codec_context.options = {"flags": "+ildct+ilme", "top": "1"}

    path = tmp_path / "tape.mpg"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 96, 64, "yuv420p", 4e6
        fields(container, stream)
        graph = av.filter.Graph()
        source = graph.add_buffer(width=96, height=64, format="yuv420p", time_base=Fraction(1, 25))
        graph.link_nodes(
            source, graph.add("setfield", "mode=tff"), graph.add("buffersink")
        ).configure()
        for number, picture in enumerate(woven):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            graph.vpush(frame)
            container.mux(stream.encode(graph.vpull()))
        container.mux(stream.encode())
    frames = shown(path)
    assert len(frames) == len(woven)
    inner = range(1, len(woven) - 1)
    combed = np.mean([np.abs(woven[i].astype(int) - moments[2 * i]).mean() for i in inner])
    clean = np.mean([np.abs(frames[i] - moments[2 * i]).mean() for i in inner])
    assert clean < 0.6 * combed + 2
    assert len(read_times(path)) == len(woven)


def test_the_default_stream_is_shown_else_the_largest(tmp_path, make_video):
    def two(path, default):
        with av.open(str(path), "w") as container:
            streams = []
            for width, height in ((64, 48), (96, 64)):
                stream = container.add_stream("libx264", rate=20)
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                streams.append(stream)
            if default is not None:
                streams[default].disposition = av.stream.Disposition.default
            for number in range(4):
                for stream in streams:
                    picture = drawn(number, stream.width, stream.height)
                    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                    container.mux(stream.encode(frame))
            for stream in streams:
                container.mux(stream.encode())
        return shown(path)[0].shape

    assert two(tmp_path / "largest.mkv", None) == (64, 96, 3)
    assert two(tmp_path / "second.mkv", 1) == (64, 96, 3)
    assert two(tmp_path / "first.mkv", 0) == (48, 64, 3)


def test_a_cover_picture_is_no_video(tmp_path):
    path = tmp_path / "drone.mkv"
    with av.open(str(path), "w", format="mp4") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 128, 128, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        clip = container.add_stream("libx264", rate=20)
        clip.width, clip.height, clip.pix_fmt = 96, 64, "yuv420p"
        picture = av.VideoFrame.from_ndarray(drawn(0, 128, 128), format="rgb24")
        container.mux(cover.encode(picture.reformat(format="yuvj420p")))
        for number in range(5):
            container.mux(clip.encode(av.VideoFrame.from_ndarray(drawn(number), format="rgb24")))
        container.mux(clip.encode())
    frames = shown(path)
    assert len(frames) == 5
    assert frames[0].shape == (64, 96, 3)
    with VideoFile(path) as video:
        assert len(list(video.frames())) == 5
        assert video.damage(reached_end=True) == ""


@pytest.mark.parametrize("name", ["x.ts", "x.mpg", "x.mp4", "x.mkv"])
def test_times_start_at_the_zero_of_a_player(tmp_path, name):
    codec = "mpeg2video" if name.endswith("mpg") else "libx264"
    pictures = [drawn(number) for number in range(6)]
    path = write(tmp_path / name, pictures, codec, fps=25, start=9000)
    times_s = [time_s for _, time_s in decode_frames(path)]
    assert times_s == pytest.approx([number / 25 for number in range(6)], abs=0.002)
    assert read_times(path) == pytest.approx(times_s, abs=0.002)
    with VideoFile(path) as video:
        assert video.declared_s is None or video.declared_s < 1


def test_joined_pieces_of_a_transport_stream_are_no_damage(tmp_path, make_video):
    pieces = [make_video(f"{number}.ts", 10, b_frames=2) for number in range(3)]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    clip = read_clip(joined, ClipConfig(frames=6, size=48))
    assert clip.damage == ""
    times_s = np.array([time_s for _, time_s in decode_frames(joined)])
    assert len(times_s) == 30
    assert np.all(np.diff(times_s) >= 0)


def test_a_clock_that_starts_anew_is_continued(tmp_path):
    pictures = [drawn(number % 20) for number in range(40)]
    piece = write(tmp_path / "long.ts", pictures, fps=20).read_bytes()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(piece + piece)
    times_s = [time_s for _, time_s in decode_frames(joined)]
    assert times_s == pytest.approx([number / 20 for number in range(80)], abs=0.01)


def test_a_lost_transport_packet_is_damage(tmp_path, make_video):
    path = make_video("x.ts", 40)
    content = path.read_bytes()
    middle = len(content) // 376 * 188 + 188 * 3
    path.write_bytes(content[:middle] + content[middle + 188 * 2 :])
    with pytest.raises(VideoError, match="is damaged"):
        read_clip(path, ClipConfig(frames=4, size=32))


def test_a_last_frame_that_stands_long_is_no_damage(make_video):
    path = make_video("x.webm", 11, codec="libvpx", times=[*range(0, 400, 40), 17000])
    assert read_clip(path, ClipConfig(frames=4, size=32)).damage == ""
    content = path.read_bytes()
    path.write_bytes(content[: -len(content) // 4])
    with pytest.raises(VideoError, match="is truncated"):
        read_clip(path, ClipConfig(frames=4, size=32))


def test_an_animated_webp_is_named(tmp_path):
    from PIL import Image

    pictures = [Image.fromarray(drawn(number)) for number in range(3)]
    path = tmp_path / "x.webp"
    pictures[0].save(path, save_all=True, append_images=pictures[1:])
    with pytest.raises(VideoError, match=r"WebP.* is not read as video; convert it"):
        read_clip(path, ClipConfig())


def test_a_folder_of_frames_is_named(tmp_path):
    with pytest.raises(VideoError, match=r"A folder of frames.*ffmpeg"):
        read_clip(tmp_path, ClipConfig())


@pytest.mark.parametrize(
    ("name", "codec"),
    [("x.vob", "mpeg2video"), ("x.h264", "libx264"), ("x.mjpeg", "mjpeg"), ("x.3g2", "libx264")],
)
def test_rare_endings_are_videos_of_a_folder(make_video, name, codec):
    from transnet.data.datasets.folder import videos_below

    if codec == "mjpeg":
        path = write_mjpeg(make_video("plain.mp4").with_name(name))
        path.with_name("plain.mp4").unlink()
    else:
        path = make_video(name, 12, codec=codec)
    assert videos_below(path.parent) == [path]
    assert [frame_number(pixels) for pixels, _ in decode_frames(path)][:3] == [0, 1, 2]


def write_mjpeg(path):
    from tests.helpers import numbered_frame

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for number in range(4):
            frame = av.VideoFrame.from_ndarray(numbered_frame(number, 64, 48), format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuvj420p")))
        container.mux(stream.encode())
    return path
