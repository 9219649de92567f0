"""What must stay readable: checkpoints of older versions. And loggers that are optional."""

import json

import pytest
import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from transnet import TrainingConfig
from transnet.training.fit import fit

CHECKPOINT = (
    "_Checkpoint{{'monitor': {monitor}, 'mode': 'min', 'every_n_train_steps': 0, "
    "'every_n_epochs': 1, 'train_time_interval': None}}"
)
# The keys in every last.ckpt so far.
STATE_KEYS = [
    "Waiting",
    "_Progress",
    "EarlyStopping{'monitor': 'validation_loss', 'mode': 'min'}",
    CHECKPOINT.format(monitor="'validation_loss'"),
    CHECKPOINT.format(monitor="None"),
]


class _Module(LightningModule):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, _):
        return self.layer(batch).square().mean()

    def validation_step(self, batch, _):
        loss = self.layer(batch).square().mean()
        self.log_dict({"validation_loss": loss, "validation_top1": loss})

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


@pytest.fixture
def run(tmp_path):
    """Trains in a folder for some epochs; returns the summary and the weight."""

    def train(epochs, folder=tmp_path / "run"):
        module = _Module()
        loaders = [DataLoader(torch.ones(4, 1)) for _ in range(2)]
        summary = fit(module, *loaders, TrainingConfig(epochs=epochs), folder)
        return summary, module.layer.weight.item()

    return train


def test_callbacks_keep_their_keys_in_checkpoints(run, tmp_path):
    run(1)
    checkpoint = torch.load(tmp_path / "run/last.ckpt", weights_only=True)
    assert list(checkpoint["callbacks"]) == STATE_KEYS
    assert set(checkpoint["callbacks"]["_Progress"]) == {"scores"}


def test_a_training_of_an_older_version_is_resumed(run, tmp_path):
    run(2)
    (tmp_path / "run/fit.json").unlink()
    path = tmp_path / "run/last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    times = checkpoint["callbacks"]["Waiting"]
    assert times.pop("train_s") > 0
    times["taught_s"] = 100.0
    torch.save(checkpoint, path)
    summary, weight = run(4)
    assert summary.earlier_s == 100
    assert summary.train_s > 100
    whole, whole_weight = run(4, tmp_path / "whole")
    assert weight == whole_weight
    assert (summary.best_epoch, summary.validation_score) == (
        whole.best_epoch,
        whole.validation_score,
    )


def test_an_ended_training_of_an_older_version_is_read(run, tmp_path):
    first, weight = run(2)
    path = tmp_path / "run/fit.json"
    values = json.loads(path.read_text())
    values["taught_s"] = values.pop("train_s")
    del values["digest"]  # older versions write none
    path.write_text(json.dumps(values))
    again, weight_again = run(2)
    assert again.train_s == again.earlier_s == first.train_s
    assert weight_again == weight


@pytest.mark.parametrize("installed", [True, False])
def test_tensorboard_is_optional(run, tmp_path, monkeypatch, capfd, installed):
    if installed:
        pytest.importorskip("tensorboard")
    else:
        for name in ("_TENSORBOARD_AVAILABLE", "_TENSORBOARDX_AVAILABLE"):
            monkeypatch.setattr(f"lightning_fabric.loggers.tensorboard.{name}", False)
        with pytest.raises(ModuleNotFoundError):
            TensorBoardLogger(tmp_path)
    run(1)
    logs = {path.name for path in (tmp_path / "run/logs").iterdir()}
    assert logs == ({"csv", "tensorboard"} if installed else {"csv"})
    assert "tensorboard" not in capfd.readouterr().err.lower()
