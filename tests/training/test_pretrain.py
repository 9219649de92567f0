import base64
import csv
import json
import os
import re
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import transnet
from tests.helpers import NO_MAP, TINY_BACKBONE
from transnet import ClipConfig, PretrainingConfig, TrainingConfig, TransNetError
from transnet.checkpoints.backbone_weights import find_weights
from transnet.cli import main
from transnet.training.segmenter_module import SegmenterModule

RECIPES = Path(__file__).parents[2] / "recipes"
QUICK = {"size": 64, "epochs": 2, "workers": 0}


def pretrain(out, *, data="synthetic:4", weights="none", resume=False, overwrite=False, **training):
    return transnet.pretrain(
        data, out=str(out), backbone=TINY_BACKBONE, weights=str(weights),
        training=PretrainingConfig(**{**QUICK, **training}), resume=resume, overwrite=overwrite,
    )  # fmt: skip


def weights_of(run):
    return {
        (part, name): value
        for part in ("encoder", "decoder")
        for name, value in load_file(run / f"{part}.safetensors").items()
    }


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_folder_of_a_pretraining_says_everything(pretrained):
    with safe_open(pretrained / "encoder.safetensors", "pt") as file:
        metadata = file.metadata()
    assert metadata["timm_model"] == TINY_BACKBONE
    assert json.loads(metadata["timm_args"]) == {}
    assert json.loads(metadata["mean"]) == pytest.approx((0.485, 0.456, 0.406))
    assert metadata["pretraining"] == "hss"
    assert {"std", "license", "source"} <= metadata.keys()
    metrics = json.loads((pretrained / "metrics.json").read_text())
    assert {"iou", "dice", "accuracy", "mean_photo_iou"} <= metrics.keys()
    assert metrics["num_photos"] == 6
    with open(pretrained / "photos.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["part"] for row in rows].count("validation") == 6
    assert len({row["name"] for row in rows}) == len(rows) == 36


def test_the_masks_can_be_watched_and_are_in_the_report(pretrained):
    log = EventAccumulator(str(next(pretrained.glob("logs/tensorboard/version_0"))))
    log.Reload()
    assert [event.step for event in log.Images("validation masks")] == [2, 3]  # every 2, and last
    page = (pretrained / "report.html").read_text()
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    assert len(pictures) == 2 * 6 + 2  # each photo and its mask; all masks in epochs 2 and 3
    assert re.findall(r"Epoch (\d+)", page) == ["2", "3"]
    assert all(base64.b64decode(picture)[:2] == b"\xff\xd8" for picture in pictures)
    assert "<svg" in page


def test_the_encoder_survives_the_handover(pretrained, clips_folder, tmp_path):
    """TransNet+: the encoder learned from masks is, bit for bit, the backbone of the run."""
    run = transnet.train(
        str(clips_folder), out=str(tmp_path / "run"), weights=str(pretrained),
        clip=ClipConfig(frames=4, size=64), training=TrainingConfig(epochs=2, views=1),
    )  # fmt: skip
    learned = load_file(pretrained / "encoder.safetensors")
    prefix = "spatial.backbone.network."
    state = load_file(run / "model.safetensors")
    used = {name.removeprefix(prefix): value for name, value in state.items() if prefix in name}
    assert used.keys() == learned.keys()
    assert all(torch.equal(value, learned[name]) for name, value in used.items())
    info = transnet.load(run).info
    assert (info.backbone.name, info.backbone.pretraining) == (TINY_BACKBONE, "hss")


def test_everything_learns(pretrained):
    torch.manual_seed(0)
    segmenter = transnet.load_segmenter(pretrained).info.build()
    start = {
        **{("encoder", name): v for name, v in segmenter.backbone.network.state_dict().items()},
        **{("decoder", name): v for name, v in segmenter.decoder.state_dict().items()},
    }
    learned = weights_of(pretrained)
    assert start.keys() == learned.keys()
    assert not [name for name, value in start.items() if torch.equal(value, learned[name])]


class _Killed(BaseException):
    pass


@pytest.mark.slow
def test_a_resumed_training_ends_with_the_same_numbers(pretrained, tmp_path, monkeypatch):
    """It also shows that equal seeds make equal trainings, however many workers there are."""
    options = {"data": "synthetic:6", "epochs": 3, "pictures_every": 2}
    step = SegmenterModule.training_step

    def fall(self, batch, index):
        if self.current_epoch == 1 and index == 1:
            raise _Killed
        return step(self, batch, index)

    with monkeypatch.context() as patch, pytest.raises(_Killed):
        patch.setattr(SegmenterModule, "training_step", fall)
        pretrain(tmp_path / "parts", **options)
    with pytest.raises(TransNetError, match="its training has not ended"):
        transnet.load_segmenter(tmp_path / "parts")
    parts = pretrain(tmp_path / "parts", resume=True, workers=1, **options)
    assert equal(weights_of(pretrained), weights_of(parts))
    metrics = [json.loads((run / "metrics.json").read_text()) for run in (pretrained, parts)]
    for figures in metrics:
        del figures["seconds"]
    assert metrics[0] == metrics[1]


def test_a_pretraining_is_neither_overwritten_nor_continued_by_accident(pretrained, tmp_path):
    run = shutil.copytree(pretrained, tmp_path / "run")
    with pytest.raises(TransNetError, match="holds a run already"):
        pretrain(run)
    with pytest.raises(TransNetError, match="cannot be continued: training was"):
        pretrain(run, data="synthetic:6", epochs=3, pictures_every=2, seed=5, resume=True)
    (run / "fit.json").write_text("{")
    with pytest.raises(TransNetError, match="fit.json is missing or damaged"):
        pretrain(run, data="synthetic:6", epochs=3, pictures_every=2, resume=True)
    pretrain(run, data="synthetic:6", epochs=1, seed=5, overwrite=True)
    assert transnet.load_segmenter(run).info.training.epochs == 1
    assert not equal(weights_of(run), weights_of(pretrained))
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").touch()
    with pytest.raises(TransNetError, match="holds files other than those of a run"):
        pretrain(tmp_path / "precious", overwrite=True)


def test_a_start_from_weights_is_remembered(pretrained, tmp_path):
    run = pretrain(tmp_path / "again", weights=pretrained, epochs=1)
    found = find_weights(run)
    assert found.backbone.pretraining == "hss+hss"
    info = transnet.load_segmenter(run).info
    assert info.backbone.weights == "encoder.safetensors"
    assert info.training.backbone_learning_rate == 3e-4  # gentle with what is known already
    assert transnet.load_segmenter(pretrained).info.training.backbone_learning_rate == 1e-3
    assert "photos: synthetic:4" in found.backbone.license


def test_a_name_of_any_bytes_is_no_hindrance(tmp_path):
    write_photos(tmp_path / "photos", 4)
    for part in ("images", "masks"):
        for path in (tmp_path / "photos" / part).iterdir():
            path.rename(path.with_name(path.name.replace(".", os.fsdecode(b"\xe4."))))
    run = pretrain(tmp_path / "run", data=str(tmp_path / "photos"), epochs=1, validation="0.5")
    assert re.search(r'alt="\d\?"', (run / "report.html").read_text())
    assert b"2\xe4" in (run / "photos.csv").read_bytes()


def write_photos(folder, count):
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(1, count + 1):
        mask = Image.new("L", (48, 40))
        mask.paste(255, (10 + number % 20, 5, 25 + number % 20, 38))
        mask.save(folder / f"masks/{number}.png")
        Image.merge("RGB", [mask, mask, mask]).save(folder / f"images/{number}.jpg")
    return folder


def test_broken_photos_are_found_before_the_training(tmp_path, capsys):
    data = write_photos(tmp_path / "data", 20)
    (data / "images/3.jpg").write_bytes(b"broken")
    with pytest.raises(TransNetError, match=r"(?s)1 of 20 photos cannot .*3.jpg: is not a picture"):
        pretrain(tmp_path / "run", data=str(data))
    run = pretrain(tmp_path / "run", data=str(data), max_broken=0.1, validation="18-20", epochs=1)
    assert "They are left out." in capsys.readouterr().err
    names = [row.partition(",")[0] for row in (run / "photos.csv").read_text().splitlines()]
    assert len(names) == 1 + 19
    assert "3" not in names
    shutil.copy(data / "images/4.jpg", data / "images/3.jpg")
    with pytest.raises(TransNetError, match="photos of .* are not those that its training"):
        pretrain(run, data=str(data), max_broken=0.1, validation="18-20", epochs=1, resume=True)


def test_masks_without_people_are_nothing_to_learn_from(tmp_path):
    data = write_photos(tmp_path / "data", 4)
    for mask in (data / "masks").iterdir():
        Image.new("L", (48, 40)).save(mask)
    with pytest.raises(TransNetError, match="no mask of the 4 photos shows a person"):
        pretrain(tmp_path / "run", data=str(data))


def test_it_learns_shapes(tmp_path):
    data = write_photos(tmp_path / "data", 30)
    run = pretrain(
        tmp_path / "run", data=str(data), validation="25-30", epochs=14, batch_size=8, warmup=0.1,
        learning_rate=5e-3, paste=0.0,
    )  # fmt: skip
    assert json.loads((run / "metrics.json").read_text())["iou"] > 0.6


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("hss_*.yaml")), ids=lambda path: path.stem)
def test_recipes_and_options_from_the_command_line(recipe, tmp_path, capsys):
    words = ["pretrain", "synthetic:2", "--out", str(tmp_path / "run"), "--config", str(recipe)]
    quick = ["--backbone", TINY_BACKBONE, "--weights", "none", "--size", "64", "--epochs", "1"]
    assert main([*words, *quick, "--workers", "0", "--skips", "true"]) == 0
    info = transnet.load_segmenter(tmp_path / "run").info
    assert info.training.batch_size == 24
    assert info.training.skips is True
    assert f"next: transnet train CLIPS --weights {tmp_path / 'run'}" in capsys.readouterr().err


def test_mistakes_are_explained(tmp_path, capsys):
    for words, message in (
        (["nowhere"], "DATA is 'nowhere', which is not a folder"),
        (["synthetic", "--backbone", NO_MAP, "--size", "224", "--weights", "none"],
         "gives no map of two or more positions"),
        (["synthetic", "--epochs", "0"], "--epochs is 0; accepted: 1 or more"),
        (["synthetic", "--validation", "2"], "--validation is '2'; accepted: a share"),
    ):  # fmt: skip
        assert main(["pretrain", *words, "--out", str(tmp_path / "run")]) == 1
        shown = capsys.readouterr().err
        assert message in shown
        assert "Traceback" not in shown
