import json
import re
import shutil
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

import transnet
from tests.helpers import NO_MAP
from transnet import ClipConfig, ModelConfig, TrainingConfig, TransNetError
from transnet.cli import main
from transnet.data.video.reader import decode_frames
from transnet.evaluation.explanation import explain_clip, heated


@pytest.fixture
def clip(clips_folder):
    return next((clips_folder / "boxing").rglob("*.avi"))


def test_a_picture_a_video_and_figures(trained_run, pretrained, clip, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["explain", str(trained_run), str(clip), "--out", str(out), "--json"]
    assert main([*words, "--segmenter", str(pretrained)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["label"] == transnet.load(trained_run).predict(clip).label
    assert len(printed["frame_weights"]) == len(printed["times_s"]) == 4
    assert 0 <= printed["heat_on_person"] <= 1
    assert 0 <= printed["person_area"] <= 1
    with Image.open(printed["picture"]) as picture:
        assert picture.width > 4 * 160
    shown = [pixels for pixels, _ in decode_frames(printed["video"])]
    assert len(shown) == len(list(decode_frames(clip)))
    assert shown[0].shape == (64, 64, 3)
    page = (out / "explained.html").read_text(encoding="utf-8")
    for source in re.findall(r'src="([^"]+)"', page):
        assert (out / unquote(source)).is_file()
    assert len(re.findall(r'src="([^"]+)"', page)) == 2
    for cue, share in printed["cues"].items():
        assert f"<td>{cue.replace('_', ' ')}</td><td>{100 * share:.1f} %</td>" in page
        assert f"<td>{100 * printed['cue_weights'][cue]:.1f} %</td></tr>" in page
    assert sum(printed["cue_weights"].values()) == pytest.approx(1)
    assert "of the heat is on people" in page


def test_each_video_keeps_its_own_picture(trained_run, clips_folder, tmp_path):
    own = tmp_path / "take1.mp4"
    shutil.copy(next((clips_folder / "boxing").rglob("*.avi")), own)
    before = own.read_bytes()
    anna, ben = sorted((clips_folder / "walking").rglob("take1.avi"))[:2]
    copy = shutil.copytree(anna.parents[1], tmp_path / "other" / "walking")
    elsewhere = copy / anna.parent.name / anna.name
    out = tmp_path / "out"
    for video in (anna, ben, elsewhere, anna):  # a call each
        assert main(["explain", str(trained_run), str(video), "--out", str(out)]) == 0
    assert main(["explain", str(trained_run), str(own), "--out", str(tmp_path)]) == 0
    assert own.read_bytes() == before
    names = [f"walking-{video.parent.name}-take1_explained" for video in (anna, ben)]
    found = sorted(path.name for path in out.iterdir())
    pictures = (*names, f"{names[0]}_2")
    files = [f"{name}.{suffix}" for name in pictures for suffix in ("mp4", "png")]
    assert found == sorted([*files, "explained.html"])


def test_another_class_and_one_that_is_unknown(trained_run, clip):
    recognizer = transnet.load(trained_run)
    seen = transnet.read_clip(clip, recognizer.info.clip)
    explanations = [explain_clip(recognizer, seen, label) for label in recognizer.classes]
    assert sum(found.probability for found in explanations) == pytest.approx(1, abs=1e-5)
    assert all(found.heat.max() <= 1 for found in explanations)
    with pytest.raises(TransNetError, match="label is 'swimming'; accepted: boxing, handwaving"):
        explain_clip(recognizer, seen, "swimming")


def test_videos_that_cannot_be_read_are_named_and_the_others_explained(
    trained_run, clip, tmp_path, capsys
):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    assert main(["explain", str(trained_run), str(broken), str(clip), "--out", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "broken.mp4: is not a video" in said.err
    assert "most important frame at" in said.out
    words = ["explain", str(trained_run), str(clip), "--segmenter", str(tmp_path)]
    assert main(words) == 1
    assert f"--segmenter is {str(tmp_path)!r}, which holds no segmenter" in capsys.readouterr().err


@pytest.mark.parametrize(("backbone", "size"), [(NO_MAP, 224), ("test_vit.r160_in1k", 64)])
def test_networks_without_maps_and_with_patches(backbone, size, clips_folder, clip, tmp_path):
    run = transnet.train(
        str(clips_folder), out=str(tmp_path / "run"), backbone=backbone,
        weights="none", clip=ClipConfig(frames=4, size=size), model=ModelConfig(cues="appearance"),
        training=TrainingConfig(epochs=1, views=1),
    )  # fmt: skip
    recognizer = transnet.load(run)
    pixels = transnet.read_clip(clip, recognizer.info.clip)
    if backbone == NO_MAP:
        with pytest.raises(TransNetError, match="outputs no feature map of a frame, so its pred"):
            explain_clip(recognizer, pixels)
    else:
        heat = explain_clip(recognizer, pixels).heat
        assert heat.shape == (4, size, size)
        assert np.ptp(heat) > 0
    transnet.evaluate(run)  # its report has mistakes with and without heat


def test_heat_is_shown_where_it_is():
    gray = np.full((8, 8, 3), 100, np.uint8)
    heat = np.zeros((8, 8))
    heat[2, 3] = 1
    shown = heated(gray, heat).astype(int)
    assert (shown[0, 0] == 80).all()
    assert shown[2, 3].max() > 150


def test_the_heat_on_people_is_measured(trained_run, pretrained, tmp_path):
    run = shutil.copytree(trained_run, tmp_path / "run")
    evaluation = transnet.evaluate(run, segmenter=str(pretrained))
    found = evaluation.heat_on_person
    assert 0 < found.num_clips <= 6
    assert "Evidence on people" in (run / "report.html").read_text()
    assert transnet.evaluate(run).heat_on_person is None
