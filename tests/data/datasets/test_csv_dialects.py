import codecs
import unicodedata

import pytest

from transnet.data.annotations.tables import encoding_of
from transnet.data.datasets.catalog import open_dataset
from transnet.data.labels import clean_label, look_alikes
from transnet.data.splits import make_split
from transnet.errors import TransNetError

LABELS = ("bend", "jump", "skip")
ROWS = [(f"v/{label}/p{n}.avi", label, f"p{n}") for label in LABELS for n in (1, 2)]


def table(delimiter=",", header=("path", "label", "group"), end="\n"):
    rows = [header, *ROWS]
    return end.join(delimiter.join(row) for row in rows) + end


def facts(manifest):
    return [(str(clip.path), clip.label, clip.group) for clip in manifest.clips]


@pytest.mark.parametrize(
    "content",
    [
        table(",").encode(),
        table(";").encode(),
        table("\t").encode(),
        table("|").encode(),
        table(", ").encode(),
        table(" ; ").encode(),
        ("sep=;\r\n" + table(";", end="\r\n")).encode(),
        ('"sep=|"\r\n' + table("|", end="\r\n")).encode(),
        table(header=("PATH", "Label", "gRoUp")).encode(),
        table(header=(" path ", '" label"', "group ")).encode(),
        table().encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + table("\t", end="\r\n").encode("utf-16-le"),
        codecs.BOM_UTF16_BE + table("\t").encode("utf-16-be"),
        table(";").encode("utf-16-le"),
        codecs.BOM_UTF32_LE + table().encode("utf-32-le"),
        ("\r\n,,\r\n" + table(end="\r\n") + ",,\r\n\r\n ,,\r\n").encode(),
        table(end=",,\n").encode(),
        table().replace("/", "\\").encode(),
        table(header=("file_name", "label", "group")).encode(),
    ],
)
def test_every_dialect_gives_the_same_clips(tmp_path, content):
    for path, *_ in ROWS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "list.csv").write_bytes(content)
    manifest = open_dataset(tmp_path / "list.csv")
    expected = [(str(tmp_path / path), label) for path, label, _ in ROWS]
    assert [fact[:2] for fact in facts(manifest)] == expected
    assert [clip.group for clip in manifest.clips] == [group for _, _, group in ROWS]


def test_bytes_that_are_not_utf8_are_cp1252_in_labels_and_kept_in_paths(tmp_path):
    (tmp_path / "a.csv").write_bytes("path,label\nüb.avi,gehen_für\nb.avi,run\n".encode("cp1252"))
    clips = open_dataset(tmp_path / "a.csv").clips
    assert [clip.label for clip in clips] == ["gehen_für", "run"]
    assert clips[0].path == tmp_path / b"\xfcb.avi".decode(errors="surrogateescape")


def test_the_encoding_of_binary_content_is_a_guess_only():
    assert encoding_of(b"") == "utf-8"
    assert encoding_of(bytes(range(256))) == "utf-8"


def test_labels_are_trimmed_and_normalized(tmp_path):
    decomposed = unicodedata.normalize("NFD", "für")
    text = f"path,label\na,run\nb,run \nc,\u00a0run\nd,f\u00fcr\ne,{decomposed}\nf,walk\x1b\n"
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    assert open_dataset(tmp_path / "a.csv").classes == ("für", "run", "walk")
    assert clean_label("\ufeffa\tb ") == "a b"


def test_labels_that_look_alike_are_named(tmp_path):
    (tmp_path / "a.csv").write_text("path,label,group\na,High jump,x\nb,high_jump,y\nc,run,z\n")
    (note,) = open_dataset(tmp_path / "a.csv").notes
    assert "'High jump' (1 clips) and 'high_jump' (1 clips)" in note
    assert look_alikes(["run", "runs", "Run"]) == [["Run", "run"]]


def test_one_file_under_two_labels_is_a_warning_that_names_both(tmp_path):
    rows = "a,run,g\nb,walk,g\n./a,walk,g\nc,run,g\n"
    (tmp_path / "a.csv").write_text("path,label,group\n" + rows)
    manifest = open_dataset(tmp_path / "a.csv")
    assert len(manifest.clips) == 4
    (note,) = manifest.notes
    assert note.startswith("warning: 1 clips have two labels")
    assert "'run' and 'walk'" in note


def test_a_duplicate_is_refused_with_its_line(tmp_path):
    (tmp_path / "a.csv").write_text("path,label\na,run\nb,walk\na,run\n")
    with pytest.raises(TransNetError, match="line 4: .*a is a duplicate"):
        open_dataset(tmp_path / "a.csv")


@pytest.mark.parametrize("number", ["10.0", "10", "10."])
def test_frames_may_have_a_decimal_point(tmp_path, number):
    (tmp_path / "a.csv").write_text(f"path,label,start,end\na,run,{number},40.0\n")
    (clip,) = open_dataset(tmp_path / "a.csv").clips
    assert (clip.start, clip.end) == (10, 40)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("0.5", "start is '0.5'; .* name the columns start_s and end_s"),
        ("-1", "accepted: a frame number"),
        ("\u0661\u0662", "accepted: a frame number"),
        ("9" * 5000, r"start is '9{40}\.\.\.'; accepted"),
        ("nan", "accepted: a frame number"),
    ],
)
def test_what_is_no_frame_number_is_refused(tmp_path, value, message):
    (tmp_path / "a.csv").write_text(f"path,label,start\na,run,{value}\n", encoding="utf-8")
    with pytest.raises(TransNetError, match=message):
        open_dataset(tmp_path / "a.csv")


@pytest.mark.parametrize("limits", ["0.5,2.0", "0:00.5,0:00:02", '"0,5",2'])
def test_seconds_become_frames(make_video, tmp_path, limits):
    video = make_video(num_frames=50, fps=20)
    (tmp_path / "a.csv").write_text(f"path,label,start_s,end_s\n{video},run,{limits}\n")
    (clip,) = open_dataset(tmp_path / "a.csv").clips
    assert (clip.start, clip.end) == (10, 40)


def test_seconds_are_those_of_the_frames_where_the_rate_varies(make_video, tmp_path):
    times = [0, 100, 200, 1000, 1100, 2000, 3000, 4000]
    video = make_video("vfr.mkv", num_frames=8, times=times)
    rows = [(0.0, 0.2), (0.2, 1.05), (1.1, 3.0), (3.0, 9.0)]
    text = "path,label,start_s,end_s\n" + "".join(f"vfr.mkv,run,{a},{b}\n" for a, b in rows)
    (tmp_path / "a.csv").write_text(text)
    assert video.parent == tmp_path
    clips = open_dataset(tmp_path / "a.csv").clips
    found = [(clip.start, clip.end) for clip in clips]
    assert found[:3] == [(None, 2), (2, 4), (4, 6)]
    assert found[3][0] == 6 and found[3][1] > 8  # decoding says that the video is shorter


def test_a_wrong_second_is_named_with_its_line(tmp_path):
    (tmp_path / "a.csv").write_text("path,label,start_s,end_s\na,run,0,1\na,run,x,2\n")
    with pytest.raises(TransNetError, match="line 3: start_s is 'x'; accepted: seconds"):
        open_dataset(tmp_path / "a.csv")


def test_list_of_paths_and_numbers(tmp_path):
    lines = "v/a b.avi 0\nv/b.avi 1\n\nv/c.avi\t0\n"
    (tmp_path / "train.txt").write_text(lines)
    manifest = open_dataset(tmp_path / "train.txt")
    assert [clip.label for clip in manifest.clips] == ["0", "1", "0"]
    assert manifest.clips[0].path == tmp_path / "v/a b.avi"
    assert not manifest.splits
    (tmp_path / "label_map.txt").write_text("riding a bike\nrun\n")
    assert open_dataset(tmp_path / "train.txt").classes == ("riding a bike", "run")


@pytest.mark.parametrize("text", ["1 run\n2 walk\n", "run,1\nwalk,2\n"])
def test_a_class_list_may_count_from_one(tmp_path, text):
    (tmp_path / "list.csv").write_text("a.mp4,1\nb.mp4,2\n")
    (tmp_path / "classInd.txt").write_text(text)
    assert open_dataset(tmp_path / "list.csv").classes == ("run", "walk")


def test_lists_of_the_other_parts_are_the_split(tmp_path):
    (tmp_path / "k_train.txt").write_text("a.mp4 run\nb.mp4 walk\n")
    (tmp_path / "k_val.txt").write_text("c.mp4 run\nd.mp4 walk\n")
    manifest = open_dataset(tmp_path / "k_train.txt")
    split = make_split(manifest)
    assert [clip.path.name for clip in split.test] == ["c.mp4", "d.mp4"]
    assert any("its validation part is the test part" in note for note in manifest.notes)


def test_json_lines(tmp_path):
    (tmp_path / "a.jsonl").write_text(
        '{"file_name": "a.mp4", "label": "run", "start": 3, "end": null}\n\n'
        '{"file_name": "b.mp4", "label": "walk"}\n'
    )
    first, second = open_dataset(tmp_path / "a.jsonl").clips
    assert (first.path, first.start, first.end) == (tmp_path / "a.mp4", 3, None)
    assert second.label == "walk"


def test_a_video_is_no_dataset(tmp_path):
    (tmp_path / "a.mp4").touch()
    with pytest.raises(TransNetError, match="a video; accepted"):
        open_dataset(tmp_path / "a.mp4")
