import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import transnet
from transnet.cli import main
from transnet.data.photos.image_files import read_picture, read_silhouette
from transnet.errors import TransNetError


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photos/anna.jpg"
    path.parent.mkdir()
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (50, 70, 3), dtype=np.uint8)).save(path)
    return path


@pytest.mark.parametrize("shape", [(64, 64), (50, 70), (33, 200)])
def test_frames_of_any_size_get_a_probability_a_pixel(pretrained, shape):
    segmenter = transnet.load_segmenter(pretrained)
    frames = np.random.default_rng(0).integers(0, 255, (20, *shape, 3), dtype=np.uint8)
    found = segmenter.probabilities(frames)
    assert found.shape == (20, *shape)
    assert found.dtype == np.float32
    assert (found >= 0).all() and (found <= 1).all()
    alone = segmenter.probabilities(frames[17:18])
    assert np.allclose(found[17:18], alone, atol=1e-5)
    assert segmenter.probabilities(frames[:0]).shape == (0, *shape)


def test_pictures_and_masks_are_written_and_said(pretrained, photo, tmp_path, capsys):
    out = tmp_path / "out"
    twin = tmp_path / "more/anna.jpg"
    twin.parent.mkdir()
    shutil.copy(photo, twin)
    words = ["segment", str(pretrained), str(photo), str(twin.parent), "--out", str(out)]
    assert main([*words, "--json"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["path"] for answer in answers] == [str(photo), str(twin)]
    for answer, name in zip(answers, ("anna", "anna_2"), strict=True):
        assert answer["picture"] == str(out / f"{name}_person.jpg")
        assert read_picture(answer["picture"]).shape == (50, 70, 3)
        mask = read_silhouette(Path(answer["mask"]), answer["mask"])
        assert mask.shape == (50, 70)
        assert set(np.unique(mask)) <= {0, 255}
        assert answer["person_share"] == pytest.approx((mask == 255).mean())
    assert main(words) == 0
    assert f"{out / 'anna_person.jpg'}" in capsys.readouterr().out


def test_a_photo_that_cannot_be_read_is_named_and_the_others_are_answered(
    pretrained, photo, tmp_path, capsys
):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    words = ["segment", str(pretrained), str(broken), str(photo), "--out", str(tmp_path / "out")]
    assert main(words) == 1
    shown = capsys.readouterr()
    assert f"error: {broken}: is not a picture" in shown.err
    assert str(photo) in shown.out
    assert main([*words, "--json"]) == 1
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert answers[0] == {"path": str(broken), "error": "is not a picture, or is damaged"}


@pytest.mark.slow
def test_odd_names_and_sizes_do_not_stop_the_others(pretrained, photo, tmp_path):
    odd = photo.with_name(os.fsdecode(b"b\xe4r.jpg"))
    shutil.copy(photo, odd)
    wide = photo.with_name("wide.png")  # wider than a JPEG may be
    Image.new("RGB", (65600, 2)).save(wide)
    long = photo.with_name("y" * 251 + ".jpg")  # as long as a name may be
    shutil.copy(photo, long)
    words = [*map(str, (odd, wide, long, photo)), "x" * 300 + ".jpg"]
    command = [sys.executable, "-m", "transnet", "segment", str(pretrained), *words]
    done = subprocess.run([*command, "--out", str(tmp_path / "out")], capture_output=True)
    assert done.returncode == 1
    answers = done.stdout.splitlines()
    assert len(answers) == 4
    assert answers[0].startswith(os.fsencode(odd))
    assert b"xxx.jpg: cannot be read" in done.stderr
    assert b"Traceback" not in done.stderr
    assert read_silhouette(tmp_path / "out/wide_mask.png", wide).shape == (2, 65600)


def test_what_is_no_segmenter_is_named(pretrained, trained_run, tmp_path):
    with pytest.raises(TransNetError, match="holds no segmenter .* of transnet pretrain"):
        transnet.load_segmenter(trained_run)
    run = shutil.copytree(pretrained, tmp_path / "run")
    (run / "decoder.safetensors").write_bytes(b"x")
    with pytest.raises(TransNetError, match="does not hold the weights of this segmenter"):
        transnet.load_segmenter(run)
    (run / "segmenter.json").write_text("{")
    with pytest.raises(TransNetError, match="segmenter.json cannot be understood"):
        transnet.load_segmenter(run)
    (tmp_path / "empty").mkdir()
    with pytest.raises(TransNetError, match="PHOTO is .*, a folder without photos"):
        main_segment(pretrained, tmp_path / "empty", tmp_path / "out")


def main_segment(run, photo, out):
    from transnet.commands.segment import segment

    return segment(str(run), [str(photo)], out=str(out))
