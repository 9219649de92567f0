import csv
import time

import lightning
import torch
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


class _Lesson(lightning.LightningModule):
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


def test_the_time_for_which_data_were_waited_is_counted_and_logged(tmp_path):
    loaders = [DataLoader(_SlowNumbers()) for _ in range(2)]
    summary = fit(_Lesson(), *loaders, TrainingConfig(epochs=3), tmp_path)
    assert summary.waited_s >= 3 * 8 * PAUSE_S
    with open(next(tmp_path.glob("logs/csv/version_0/metrics.csv"))) as file:
        shares = [float(row["waiting"]) for row in csv.DictReader(file) if row.get("waiting")]
    assert len(shares) == 3
    assert all(0 < share < 1 for share in shares)
    # An ended training is only read, and nothing is waited for.
    assert fit(_Lesson(), *loaders, TrainingConfig(epochs=3), tmp_path).waited_s == 0
