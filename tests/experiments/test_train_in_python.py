"""What train takes in Python besides paths: a Manifest, a Split, callbacks, loggers."""

import csv
import logging
import os
import shutil
import sys
from dataclasses import replace

import pytest
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import CSVLogger

import transnet
from tests.helpers import TINY_BACKBONE
from transnet import ClipConfig, TrainingConfig, TransNetError
from transnet.checkpoints.run import load_run_info
from transnet.cli import main


def train(data, out, *, epochs=2, **settings):
    return transnet.train(
        data,
        out=out,
        backbone=TINY_BACKBONE,
        weights="none",
        clip=ClipConfig(frames=4, size=64),
        training=TrainingConfig(epochs=epochs, views=1),
        **settings,
    )


def parts_of(run):
    with open(run / "clips.csv", newline="") as file:
        return {(row["path"], row["split"]) for row in csv.DictReader(file)}


def test_a_manifest_and_a_split_are_trained_on_as_they_are(clips_folder, tmp_path):
    manifest = transnet.open_dataset(clips_folder)
    split = transnet.make_split(manifest, "group", seed=3)
    split = replace(split, name="mine", rule="as I like it", test=split.test[:4])
    run = train(manifest, tmp_path / "run", split=split)
    info = load_run_info(run)
    assert (info.split, info.split_rule) == ("mine", "as I like it")
    assert info.data == manifest.name
    assert {path for path, part in parts_of(run) if part == "test"} == {
        str(clip.path) for clip in split.test
    }
    evaluation = transnet.evaluate(run)
    assert evaluation.num_clips == 4
    assert evaluation.protocol.split == "mine"


def test_a_split_has_no_seeds(clips_folder, tmp_path):
    manifest = transnet.open_dataset(clips_folder)
    with pytest.raises(TransNetError, match="split is a Split; accepted with several seeds"):
        train(manifest, tmp_path / "run", split=transnet.make_split(manifest), seeds=2)


def test_a_manifest_in_memory_is_a_dataset(clips_folder, tmp_path):
    clips = transnet.open_dataset(clips_folder).clips
    kept = tuple(clip for clip in clips if clip.label != "walking")
    run = train(transnet.Manifest("two classes", kept), tmp_path / "run")
    assert load_run_info(run).classes == ("boxing", "handwaving")


class Epochs(Callback):
    """Counts the epochs that it sees."""

    seen = 0

    def on_train_epoch_end(self, *_):
        self.seen += 1


def test_callbacks_and_loggers_of_lightning(clips_folder, tmp_path):
    callback, logger = Epochs(), CSVLogger(tmp_path, name="mine")
    train(clips_folder, tmp_path / "run", epochs=3, callbacks=[callback], logger=[logger])
    assert callback.seen == 3  # not of the training on the validation clips too
    with open(tmp_path / "mine/version_0/metrics.csv", newline="") as file:
        assert {row["epoch"] for row in csv.DictReader(file)} == {"0", "1", "2"}
    assert (tmp_path / "run/logs/csv").is_dir()


def test_a_logger_by_name(clips_folder, tmp_path):
    run = train(clips_folder, tmp_path / "run", logger="csv")
    assert [path.name for path in (run / "logs").iterdir()] == ["csv"]
    with pytest.raises(TransNetError, match="logger is 'paper'; accepted: auto, csv, tensorboard"):
        train(clips_folder, tmp_path / "other", logger="paper")


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_services_of_experiments(clips_folder, tmp_path, name, monkeypatch, capsys):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    words = ["train", str(clips_folder), "--out", str(tmp_path / "run"), "--logger", name]
    words += ["--backbone", TINY_BACKBONE, "--weights", "none", "--epochs", "1", "--views", "1"]
    try:
        __import__(name)
    except ImportError:
        assert main(words) == 1
        assert f"pip install 'transnet-har[{name}]'" in capsys.readouterr().err
        return
    assert main(words) == 0
    assert any(path.name.startswith(name) for path in (tmp_path / "run/logs").iterdir())


def test_messages_are_log_records(clips_folder, tmp_path, caplog, capsys):
    caplog.set_level(logging.INFO, logger="transnet")
    logging.getLogger("transnet").addHandler(caplog.handler)
    try:
        train(clips_folder, tmp_path / "run")
    finally:
        logging.getLogger("transnet").removeHandler(caplog.handler)
    levels = {record.levelname for record in caplog.records if record.name == "transnet"}
    assert levels == {"INFO", "WARNING"}
    assert "frozen with random weights" in caplog.text
    out, err = capsys.readouterr()
    assert not out
    assert "saved to" in err


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are Unicode")
def test_file_names_may_be_any_bytes(clips_folder, tmp_path):
    clips = shutil.copytree(clips_folder, tmp_path / "clips")
    folder = next(path for path in sorted(clips.iterdir()) if path.is_dir())
    video = sorted(folder.iterdir())[0]
    odd = folder.with_name(os.fsdecode(b"h\xfcpfen"))
    video.rename(folder / os.fsdecode(b"p1_\xff\xe9.mp4"))
    folder.rename(odd)
    with pytest.raises(TransNetError, match="whose name is not UTF-8"):
        train(clips, tmp_path / os.fsdecode(b"o\xffut"))
    run = train(clips, tmp_path / "run")
    assert "h\xfcpfen" in load_run_info(run).classes  # read as cp1252
    assert transnet.evaluate(run).num_clips == 6
    names = ("model.safetensors", "transnet.json", "clips.csv", "metrics.json", "report.html")
    assert len({(run / name).stat().st_mode for name in names}) == 1
