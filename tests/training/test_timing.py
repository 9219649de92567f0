import csv
import time
from dataclasses import replace

import torch
from pytorch_lightning import LightningModule
from torch.utils.data import DataLoader, Dataset

from transnet import TrainingConfig
from transnet.training.fit import fit

PAUSE_S = 0.03


class _SlowNumbers(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        time.sleep(PAUSE_S)
        return torch.tensor([float(index)])


class _Module(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, _):
        return self.layer(batch).square().mean()

    def validation_step(self, batch, _):
        loss = self.layer(batch).square().mean()
        self.log_dict({"validation_loss": loss, "validation_top1": loss})

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


def test_training_time_and_data_wait_are_counted_and_logged(tmp_path):
    loaders = [DataLoader(_SlowNumbers()) for _ in range(2)]
    summary = fit(_Module(), *loaders, TrainingConfig(epochs=3), tmp_path)
    assert summary.train_s > summary.waited_s >= 3 * 8 * PAUSE_S
    assert summary.earlier_s == 0
    with open(next(tmp_path.glob("logs/csv/version_0/metrics.csv"))) as file:
        shares = [float(row["waiting"]) for row in csv.DictReader(file) if row.get("waiting")]
    assert len(shares) == 3
    assert all(0 < share < 1 for share in shares)
    # An ended training is only read: all of it was earlier.
    again = fit(_Module(), *loaders, TrainingConfig(epochs=3), tmp_path)
    assert again == replace(summary, earlier_s=summary.train_s)


def test_earlier_sessions_count(tmp_path):
    loaders = [DataLoader(_SlowNumbers()) for _ in range(2)]
    first = fit(_Module(), *loaders, TrainingConfig(epochs=2), tmp_path)
    (tmp_path / "fit.json").unlink()  # as if it had been stopped there, with more to do
    both = fit(_Module(), *loaders, TrainingConfig(epochs=4), tmp_path)
    assert both.epochs == 4
    assert both.train_s > both.earlier_s >= first.train_s
    assert both.waited_s >= first.waited_s + 2 * 8 * PAUSE_S
