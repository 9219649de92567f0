"""Projects: what is on disk, and what two tabs may do to each other."""

from __future__ import annotations

import io
import json

import av
import numpy as np
import pytest
from PIL import Image

from tests.helpers import numbered_frame
from transnet import TransNetError
from transnet.app.serving.jpeg import JpegDecoder, JpegError, jpeg_size
from transnet.app.teaching.held_out import Guess, describe
from transnet.app.teaching.project import NOTHING, ConflictError, Project
from transnet.app.teaching.takes import write_take
from transnet.data.datasets.folder import read_folder


def jpeg(number: int, width: int = 64, height: int = 48) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(numbered_frame(number, width, height)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def with_takes(folder) -> Project:
    project = Project(folder)
    for label in ("squat", NOTHING):
        one = project.add_class(label, project.version)
        for _ in range(2):
            take, path = project.new_take(one.id, ".mkv")
            write_take(path, [(0.1 * number, jpeg(number)) for number in range(6)])
            project.add_take(one.id, take, path, 0.5, 6)
    return project


def test_a_take_keeps_the_jpegs_and_their_times(tmp_path):
    times = (0.0, 0.033, 0.1, 0.5, 0.501)
    pictures = [jpeg(number) for number in range(5)]
    write_take(tmp_path / "take.mkv", list(zip((7 + t for t in times), pictures, strict=True)))
    with av.open(str(tmp_path / "take.mkv")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert [bytes(packet) for packet in packets] == pictures
        assert [float(packet.pts * packet.time_base) for packet in packets] == pytest.approx(times)


def test_a_watched_jpeg_has_the_pixels_of_a_recorded_one(tmp_path):
    pictures = [jpeg(number, 90, 70) for number in range(4)]
    write_take(tmp_path / "take.mkv", [(0.1 * n, one) for n, one in enumerate(pictures)])
    decoder = JpegDecoder()
    with av.open(str(tmp_path / "take.mkv")) as container:
        for one, recorded in zip(pictures, container.decode(video=0), strict=True):
            watched = decoder.decode(one)
            assert watched.format.name == recorded.format.name
            assert np.array_equal(watched.to_ndarray(), recorded.to_ndarray())


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"GIF89a" * 9, jpeg(1)[:40], b"\xff\xd8" * 99])
def test_what_is_no_jpeg_is_refused(data):
    with pytest.raises(JpegError):
        jpeg_size(data)


def test_a_take_needs_frames_of_one_size(tmp_path):
    with pytest.raises(TransNetError, match="2 frames"):
        write_take(tmp_path / "take.mkv", [(0, jpeg(0)), (1, jpeg(1))])
    mixed = [(0, jpeg(0)), (1, jpeg(1)), (2, jpeg(2)), (3, jpeg(3, 80, 60))]
    with pytest.raises(TransNetError, match="picture size"):
        write_take(tmp_path / "take.mkv", mixed)
    assert not list(tmp_path.iterdir())


def test_the_clips_of_a_project_are_a_dataset(tmp_path):
    project = with_takes(tmp_path / "project")
    manifest = read_folder(project.folder / "clips")
    assert sorted(clip.label for clip in manifest.clips) == [NOTHING, NOTHING, "squat", "squat"]


def test_a_project_is_read_as_it_was_written(tmp_path):
    project = with_takes(tmp_path / "project")
    project.set_result(describe([Guess("a", "squat", NOTHING, 0.7)]))
    again = Project(tmp_path / "project")
    assert again.to_dict() == project.to_dict()
    assert json.loads((tmp_path / "project" / "project.json").read_text())["version"] == 7


def test_a_change_of_an_older_version_is_a_conflict(tmp_path):
    project = with_takes(tmp_path / "project")
    known = project.version
    project.rename_class("squat", "bend", known)
    with pytest.raises(ConflictError):
        project.delete_class("squat", known)
    assert project.find_class("squat").label == "bend"
    assert len(project.takes()) == 4


def test_a_take_is_moved_and_deleted_with_its_file(tmp_path):
    project = with_takes(tmp_path / "project")
    take = project.classes[0].takes[0]
    project.move_take(take.id, NOTHING, project.version)
    assert (project.folder / "clips" / NOTHING / f"{take.id}.mkv").is_file()
    project.delete_take(take.id, project.version)
    assert len(list((project.folder / "clips").rglob("*.mkv"))) == 3
    project.delete_class("squat", project.version)
    assert not (project.folder / "clips" / "squat").exists()


@pytest.mark.parametrize(
    ("label", "folder"),
    [("Kniebeuge tief!", "kniebeuge-tief"), ("../../etc", "etc"), ("蹲", "class"), ("Ä Ö", "a-o")],
)
def test_names_never_become_paths(tmp_path, label, folder):
    project = Project(tmp_path / "project")
    assert project.add_class(label, 0).id == folder


@pytest.mark.parametrize("label", ["", "  ", "x" * 61, "a\x00b", "SQUAT"])
def test_labels_are_checked(tmp_path, label):
    project = with_takes(tmp_path / "project")
    with pytest.raises(TransNetError):
        project.add_class(label, project.version)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.pdf").touch()
    with pytest.raises(TransNetError, match="something else"):
        Project(tmp_path)


def test_a_project_is_open_once(tmp_path):
    first = Project(tmp_path / "project")
    first.lock()
    with pytest.raises(TransNetError, match="another transnet app"):
        Project(tmp_path / "project").lock()
    first.unlock()


def test_held_out_results_are_told_in_words():
    guesses = [Guess(str(n), "squat", "bend" if n < 2 else "squat", 0.6) for n in range(5)]
    guesses += [Guess(f"b{n}", "bend", "squat" if n < 1 else "bend", 0.8) for n in range(5)]
    found = describe(guesses)
    assert found["title"] == "3 of 10 takes wrong"
    assert found["sentences"][0] == "bend and squat look alike: 3 mistakes."
    assert found["sentences"][1].startswith("Record squat again, from another side")
    assert "not how well it knows others" in found["sentences"][-1]
