import json
import shutil
import signal

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import transnet
from tests.helpers import NO_MAP, TINY_BACKBONE
from transnet import ClipConfig, ModelConfig, TrainingConfig, TransNetError
from transnet.checkpoints.clip_list import trained_ranges
from transnet.checkpoints.run import load_run_info

CLIP = ClipConfig(frames=4, size=64)


def train(data, out, *, resume=False, overwrite=False, clip=CLIP, model=ModelConfig(), split=None,
          cache=None, weights="none", **training):  # fmt: skip
    return transnet.train(
        str(data), out=str(out), backbone=TINY_BACKBONE, weights=str(weights), clip=clip,
        model=model, split=split, training=TrainingConfig(**{"epochs": 3, "views": 2, **training}),
        cache=cache, resume=resume, overwrite=overwrite,
    )  # fmt: skip


def weights_of(run):
    return load_file(run / "model.safetensors")


def taught_of(run):
    """What validation clips taught a run."""
    with safe_open(run / "model.safetensors", framework="numpy") as file:
        return [file.metadata()[name] for name in ("temperature", "cue_weights")]


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_folder_says_everything(trained_run):
    info = load_run_info(trained_run)
    assert info.classes == ("boxing", "handwaving", "walking")
    backbone = info.backbone
    assert (backbone.name, backbone.weights, backbone.pretraining) == (
        TINY_BACKBONE,
        "random",
        "none",
    )
    assert info.clip == CLIP
    assert info.split == "group"
    assert info.versions["torch"] == torch.__version__.partition("+")[0]
    names = {path.name for path in trained_run.iterdir()}
    assert names >= {"transnet.json", "model.safetensors", "clips.csv", "last.ckpt"}
    assert list(trained_run.glob("logs/csv/version_0/metrics.csv"))
    assert list(trained_run.glob("logs/tensorboard/version_0/events.*"))
    ranges = trained_ranges(trained_run)
    assert len(ranges) == 24
    assert all(len(digest) == 32 for digest in ranges)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_device_is_named_before_anything_is_written(clips_folder, tmp_path):
    with pytest.raises(TransNetError, match="device is 'cuda', which PyTorch does not find"):
        transnet.train(str(clips_folder), out=str(tmp_path / "run"), device="cuda")
    assert not (tmp_path / "run").exists()


def test_what_is_trained_learns_and_what_is_frozen_does_not(clips_folder, tmp_path):
    run = train(clips_folder, tmp_path / "run")
    torch.manual_seed(0)
    before = load_run_info(run).build_model().state_dict()
    after = weights_of(run)
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert not [name for name in changed if name.startswith("spatial.backbone.")]
    learned = {name for name in after if not name.startswith("spatial.backbone.")}
    assert changed == learned  # the batch norm's statistics too: it was in training mode


@pytest.mark.parametrize("options", [{}, {"freeze": False, "epochs": 2, "workers": 1}])
def test_seeds_make_runs_equal(clips_folder, tmp_path, options):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(clips_folder, tmp_path / name, seed=seed, **options)
    a, b, c = (weights_of(tmp_path / name) for name in "abc")
    assert equal(a, b)
    assert not equal(a, c)


def test_everything_can_be_trained(clips_folder, tmp_path):
    run = train(clips_folder, tmp_path / "run", freeze=False, epochs=1, workers=1)
    torch.manual_seed(0)
    start = load_run_info(run).build_model().state_dict()
    after = weights_of(run)
    stem = "spatial.backbone.network.conv_stem.weight"
    assert not torch.equal(start[stem], after[stem])


@pytest.mark.parametrize("readout", ["flatten", "pool"])
def test_both_readouts_train(clips_folder, tmp_path, readout):
    run = train(clips_folder, tmp_path / "run", model=ModelConfig(readout=readout))
    positions = 4 if readout == "flatten" else 1
    assert weights_of(run)["spatial.readout.dense.weight"].shape == (64, 256 * positions)


def test_clips_shorter_than_n_frames_train(make_video, tmp_path):
    for number in range(8):
        make_video(f"data/{'ab'[number % 2]}/{number}.avi", 3, codec="mpeg4")
    run = train(tmp_path / "data", tmp_path / "run", clip=ClipConfig(frames=12, size=64))
    assert (run / "model.safetensors").exists()


class _Killed(BaseException):
    pass


def train_until_killed(monkeypatch, epoch, data, out, *, in_refit=False, **options):
    """Train, and fall over in this epoch."""
    from transnet.training.recognizer_module import RecognizerModule

    step = RecognizerModule.training_step

    def fall(self, batch, index):
        refits = self.trainer.val_dataloaders is None
        if self.current_epoch == epoch and refits == in_refit:
            raise _Killed
        return step(self, batch, index)

    with monkeypatch.context() as patch, pytest.raises(_Killed):
        patch.setattr(RecognizerModule, "training_step", fall)
        train(data, out, **options)


@pytest.mark.parametrize(
    ("in_refit", "options"),
    [(False, {}), (True, {}), (False, {"freeze": False, "workers": 1, "epochs": 4})],
)
def test_a_resumed_training_ends_with_the_same_numbers(
    clips_folder, tmp_path, monkeypatch, in_refit, options
):
    options = {"epochs": 6, **options}
    whole = train(clips_folder, tmp_path / "whole", **options)
    out = tmp_path / "parts"
    train_until_killed(monkeypatch, 2, clips_folder, out, in_refit=in_refit, **options)
    assert not (tmp_path / "parts/model.safetensors").exists()
    with pytest.raises(TransNetError, match="its training has not ended"):
        transnet.load(tmp_path / "parts")
    parts = train(clips_folder, tmp_path / "parts", resume=True, **options)
    assert equal(weights_of(whole), weights_of(parts))
    assert taught_of(whole) == taught_of(parts)


def test_resuming_an_ended_training_changes_nothing(clips_folder, tmp_path):
    run = train(clips_folder, tmp_path / "run")
    before = weights_of(run)
    train(clips_folder, run, resume=True)
    assert equal(before, weights_of(run))


def test_resuming_with_other_settings_is_refused(clips_folder, tmp_path):
    run = train(clips_folder, tmp_path / "run")
    with pytest.raises(TransNetError, match="cannot be continued: training was"):
        train(clips_folder, run, resume=True, epochs=9)


def test_resuming_from_other_weights_in_a_file_of_the_same_name_is_refused(
    clips_folder, pretrained, tmp_path
):
    run = train(clips_folder, tmp_path / "run", weights=pretrained, epochs=1)
    assert load_run_info(run).backbone.weights == "encoder.safetensors"
    record = json.loads((run / "transnet.json").read_text())
    other = tmp_path / "other/encoder.safetensors"
    other.parent.mkdir()
    state = load_file(pretrained / "encoder.safetensors")
    with safe_open(pretrained / "encoder.safetensors", "pt") as file:
        metadata = {key: text for key, text in file.metadata().items() if key != "digest"}
    save_file({name: value + 1 for name, value in state.items()}, other, metadata)
    with pytest.raises(
        TransNetError, match="continued: encoder.safetensors holds other weights than"
    ):
        train(clips_folder, run, weights=other, epochs=1, resume=True)
    del record["weights_digest"]  # as in the record of an older version
    (run / "transnet.json").write_text(json.dumps(record))
    train(clips_folder, run, weights=pretrained, epochs=1, resume=True)


def test_a_run_is_not_overwritten_by_accident(clips_folder, tmp_path):
    run = train(clips_folder, tmp_path / "run")
    with pytest.raises(TransNetError, match="holds a run already; accepted: a new folder"):
        train(clips_folder, run)
    train(clips_folder, run, overwrite=True, seed=5)
    assert load_run_info(run).training.seed == 5


def test_a_folder_that_is_no_run_keeps_what_it_holds(clips_folder, tmp_path):
    precious = tmp_path / "project/logs/precious.txt"
    precious.parent.mkdir(parents=True)
    precious.touch()
    with pytest.raises(TransNetError, match="holds files other than those of a run"):
        train(clips_folder, tmp_path / "project", overwrite=True)
    assert precious.exists()


def test_resuming_with_other_clips_is_refused(clips_folder, tmp_path):
    data = shutil.copytree(clips_folder, tmp_path / "data")
    run = train(data, tmp_path / "run")
    shutil.rmtree(data / "boxing/person01")
    with pytest.raises(TransNetError, match="not those that its training was started with"):
        train(data, run, resume=True)


def test_resuming_may_use_other_workers_and_another_spelling(clips_folder, tmp_path, monkeypatch):
    run = train(clips_folder, tmp_path / "run")
    monkeypatch.chdir(clips_folder.parent)
    train("clips/", run, resume=True, workers=1)


def test_a_run_may_be_moved_before_it_is_resumed(clips_folder, tmp_path, monkeypatch):
    whole = train(clips_folder, tmp_path / "whole", epochs=5)
    train_until_killed(monkeypatch, 3, clips_folder, tmp_path / "before", epochs=5)
    (tmp_path / "before").rename(tmp_path / "after")
    after = train(clips_folder, tmp_path / "after", epochs=5, resume=True)
    assert equal(weights_of(whole), weights_of(after))


def test_one_class_is_nothing_to_tell_apart(clips_folder, tmp_path):
    rows = [
        f"{path},boxing,{path.parent.name}" for path in (clips_folder / "boxing").rglob("*.avi")
    ]
    (tmp_path / "data.csv").write_text("\n".join(["path,label,group", *rows]))
    with pytest.raises(TransNetError, match="clips of boxing only; accepted: two or more classes"):
        train(tmp_path / "data.csv", tmp_path / "run")


def test_a_run_that_was_stopped_before_its_first_epoch_just_starts_again(clips_folder, tmp_path):
    run = train(clips_folder, tmp_path / "run")
    for name in ("last.ckpt", "fit.json", "model.safetensors"):
        (run / name).unlink()
    train(clips_folder, run)


def test_ctrl_c_ends_cleanly_and_resumes(clips_folder, tmp_path, monkeypatch):
    from transnet.training.recognizer_module import RecognizerModule

    def interrupt(self, batch, index):
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    try:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(RecognizerModule, "training_step", interrupt)
            train(clips_folder, tmp_path / "run")
    finally:
        signal.signal(signal.SIGINT, before)
    assert (train(clips_folder, tmp_path / "run", resume=True) / "model.safetensors").exists()


def test_early_stopping_uses_training_groups_only(clips_folder, tmp_path):
    run = train(
        clips_folder, tmp_path / "run", epochs=40, patience=1, learning_rate=0.5, keep="best"
    )
    summary = json.loads((run / "fit.json").read_text())
    assert summary["epochs"] < 40
    rows = [line.split(",") for line in (run / "clips.csv").read_text().splitlines()[1:]]
    groups = {part: {row[2] for row in rows if row[5] == part} for part in ("validation", "test")}
    assert groups["validation"]
    assert not groups["validation"] & groups["test"]


def test_broken_training_clips(clips_folder, tmp_path, capsys):
    data = tmp_path / "data"
    shutil.copytree(clips_folder, data)
    (data / "boxing/person01/broken.avi").write_bytes(b"")
    with pytest.raises(TransNetError, match="broken.avi: is empty"):
        train(data, tmp_path / "run", seed=0, split="paper", validation=0.2)
    for freeze in (True, False):
        run = train(data, tmp_path / f"run{freeze}", split="paper", max_broken=0.5, freeze=freeze,
                    epochs=1, workers=1)  # fmt: skip
        assert "1 of 25 clips cannot be used" in capsys.readouterr().err
        assert len(trained_ranges(run)) == 24


def test_a_folder_that_cannot_be_made_is_named(clips_folder, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TransNetError, match="which cannot be made"):
        train(clips_folder, tmp_path / "file/run")


def test_a_garbled_checkpoint_is_named(clips_folder, tmp_path):
    run = train(clips_folder, tmp_path / "run")
    (run / "last.ckpt").write_bytes(b"garbage")
    for name in ("fit.json", "model.safetensors"):
        (run / name).unlink()
    with pytest.raises(TransNetError, match="last.ckpt is missing or damaged"):
        train(clips_folder, run, resume=True)


@pytest.mark.parametrize("name", ["fit.json", "last.ckpt"])
def test_an_ended_training_that_is_damaged_is_named(clips_folder, tmp_path, name):
    run = train(clips_folder, tmp_path / "run")
    (run / "model.safetensors").unlink()
    (run / name).write_bytes(b"no such thing")
    with pytest.raises(TransNetError, match=f"{name} is missing or damaged .*, so this training"):
        train(clips_folder, run, resume=True)


def test_a_training_that_diverges_is_stopped(clips_folder, tmp_path):
    with pytest.raises(TransNetError, match="the training has diverged. Start over with a lower"):
        train(clips_folder, tmp_path / "run", learning_rate=1e30)


def test_a_mistake_does_not_cost_the_run_that_was_to_be_replaced(clips_folder, tmp_path):
    run = train(clips_folder, tmp_path / "run")
    before = weights_of(run)
    with pytest.raises(TransNetError, match="gives no map to flatten"):
        transnet.train(
            str(clips_folder), out=str(run), backbone=NO_MAP, weights="none", overwrite=True,
            clip=ClipConfig(frames=4, size=224), model=ModelConfig(readout="flatten"),
        )  # fmt: skip
    assert equal(weights_of(run), before)


@pytest.mark.parametrize(("cues", "epochs"), [("motion", 7), ("appearance", 2)])
def test_motion_is_trained_for_a_number_of_steps(clips_folder, tmp_path, cues, epochs):
    model = ModelConfig(cues=cues)
    run = train(clips_folder, tmp_path / "run", model=model, epochs=2, min_steps=7)
    # One batch an epoch.
    assert json.loads((run / "fit.json").read_text())["epochs"] == epochs


def test_a_run_of_before_there_were_least_steps_is_resumed(clips_folder, tmp_path, capfd):
    settings = {"model": ModelConfig(cues="appearance"), "epochs": 0}
    run = train(clips_folder, tmp_path / "run", **settings)
    record = json.loads((run / "transnet.json").read_text())
    del record["training"]["min_steps"], record["motion_version"]
    (run / "transnet.json").write_text(json.dumps(record))
    train(clips_folder, run, resume=True, **settings)
    assert "nothing to do" in capfd.readouterr().err
