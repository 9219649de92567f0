"""Several processes train together: every validation clip counts once, with a single one's bits."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import transnet
from tests.helpers import TINY_BACKBONE
from transnet import TrainingConfig, TransNetError
from transnet.checkpoints.run import load_model, load_run_info
from transnet.data.datasets.csv import read_csv_dataset
from transnet.data.splits import make_split
from transnet.training.clip_data import open_clip_data
from transnet.training.gathering import ClipScores, gather_clips
from transnet.training.precision import slow_parts_in_float32
from transnet.training.processes import find_processes
from transnet.training.recognizer_module import RecognizerModule
from transnet.training.samplers import Share, TrainingBatches, ValidationBatches
from transnet.training.trainer import FitOptions, build_trainer

SCRIPT = Path(__file__).with_name("two_processes.py")
ROOT = Path(__file__).parents[2]


def environment(**variables):
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **variables}


def by_lightning(words):
    yield subprocess.Popen([sys.executable, str(SCRIPT), *words, "2"], env=environment(), **PIPES)


def by_torchrun(words):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    yield subprocess.Popen([*command, str(SCRIPT), *words, "2"], env=environment(), **PIPES)


def by_slurm(words):
    """Two tasks, with the variables that ``srun`` sets for them."""
    for rank in ("0", "1"):
        variables = {
            "SLURM_JOB_ID": "71",
            "SLURM_JOB_NAME": "train",
            "SLURM_NTASKS": "2",
            "SLURM_NTASKS_PER_NODE": "2",
            "SLURM_NNODES": "1",
            "SLURM_NODEID": "0",
            "SLURM_PROCID": rank,
            "SLURM_LOCALID": rank,
            "SLURM_NODELIST": "127.0.0.1",
        }
        command = [sys.executable, str(SCRIPT), *words, "2"]
        yield subprocess.Popen(command, env=environment(**variables), **PIPES)


PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Lightning, which a training silences
@pytest.mark.parametrize("start", [by_lightning, by_torchrun, by_slurm])
def test_two_processes_train_one_run_and_measure_as_one(clips_folder, tmp_path, start):
    processes = list(start([str(clips_folder), str(tmp_path)]))
    ended = [process.communicate(timeout=200) for process in processes]
    errors = "".join(error for _, error in ended)
    assert all(process.returncode == 0 for process in processes), errors
    # The file work is done once, and both see the whole run at the end.
    answers = [json.loads(line) for out, _ in ended for line in out.splitlines() if "{" in line]
    assert answers == 2 * [{"classes": ["boxing", "handwaving", "walking"]}]
    assert errors.count("saved to") == 1
    run = tmp_path / "run"
    assert [path.name for path in (run / "logs/csv").iterdir()] == ["version_0"]

    best = json.loads((run / "fit.json").read_text())["best_epoch"]
    with open(run / "logs/csv/version_0/metrics.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["validation_loss"]]
    logged = rows[best]
    found = measured_by_one(run, tmp_path)
    assert found["validation_loss"] == float(logged["validation_loss"])
    assert found["validation_top1"] == float(logged["validation_top1"])


def measured_by_one(run, folder):
    """The validation of a run's weights, by this process alone."""
    info = load_run_info(run)
    split = make_split(read_csv_dataset(run / "clips.csv"), "column")
    network = load_model(run, info)
    args = (len(info.outputs), 1, info.backbone.mean, info.backbone.std)
    module = RecognizerModule(network, info.training, *args)
    cpu = torch.device("cpu")
    options = FitOptions(mixed_precision=True, logger="csv")
    with open_clip_data(info, split, network, str(folder / "cache"), cpu) as data:
        data.prepare()
        _, loader = data.loaders(data.train, data.validation)
        trainer = build_trainer(module, 1, folder / "alone", options, [])
        with slow_parts_in_float32(module):
            (metrics,) = trainer.validate(module, loader, verbose=False)
    return metrics


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 16])
@pytest.mark.parametrize("total", [1, 2, 3])
def test_validation_batches_hold_every_clip_and_are_equally_many(count, total):
    shares = [list(ValidationBatches(count, 4, Share(rank, total))) for rank in range(total)]
    assert {len(share) for share in shares} == {len(ValidationBatches(count, 4, Share(0, total)))}
    batches = [tuple(index for index, _ in batch) for share in shares for batch in share]
    alone = [tuple(index for index, _ in batch) for batch in ValidationBatches(count, 4)]
    assert set(batches) == set(alone)
    scores = [
        ClipScores(torch.tensor(batch), {"flow": torch.tensor(batch)[:, None]}, torch.tensor(batch))
        for batch in batches
    ]
    logits, labels = gather_clips(scores)
    assert logits["flow"][:, 0].tolist() == labels.tolist() == list(range(count))


def test_a_clip_that_nobody_computed_is_noticed():
    three = torch.tensor([0, 1, 3])
    with pytest.raises(RuntimeError, match="computed by no process"):
        gather_clips([ClipScores(three, {"flow": torch.zeros(3, 2)}, three)])


@pytest.mark.parametrize("count", [4, 8, 9, 13, 21])
def test_training_batches_are_shared_evenly(count):
    alone = list(TrainingBatches(count, 4, seed=5))
    one, other = (list(TrainingBatches(count, 4, seed=5, share=Share(r, 2))) for r in range(2))
    assert [len(batch) for batch in one] == [len(batch) for batch in other]
    assert min(map(len, one)) == 2
    for whole, mine, yours in zip(alone, one, other, strict=False):
        together = {*mine, *yours}
        assert together == set(whole) or (len(whole) < 4 and together < set(whole))
    seen = [draw for batch in (*one, *other) for draw in batch]
    assert len(seen) == len(set(seen)) > count - 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"devices": 2}, "devices is 2, nodes 1; accepted with a frozen backbone.*: 1"),
        ({"devices": 0}, "devices is 0; accepted: 1 or more"),
        ({"nodes": 0}, "nodes is 0; accepted: 1 or more"),
        ({"strategy": "dpd"}, "strategy is 'dpd'; accepted: auto, ddp, fsdp"),
        ({"strategy": "fsdp", "device": "cpu"}, "strategy is 'fsdp', which needs GPUs"),
        ({"devices": 2, "seeds": 2}, "devices is 2; accepted for a grid of runs: 1"),
        ({"devices": 3, "batch": 8}, r"batch_size is 8, which 3 devices cannot share"),
        ({"devices": 16, "batch": 32}, "devices is 16, more than 18 training clips can occupy"),
    ],
)
def test_what_cannot_be_shared_is_refused(clips_folder, tmp_path, settings, message):
    batch = settings.pop("batch", 0)
    training = TrainingConfig(freeze=not batch, batch_size=batch, epochs=1, views=1)
    clip = transnet.ClipConfig(frames=4, size=64)
    with pytest.raises(TransNetError, match=message):
        transnet.train(
            str(clips_folder), out=str(tmp_path / "run"), backbone=TINY_BACKBONE, weights="none",
            clip=clip, training=training, **settings,
        )  # fmt: skip


def test_another_number_of_processes_than_asked_for_is_refused(monkeypatch):
    for name, value in {"TORCHELASTIC_RUN_ID": "1", "WORLD_SIZE": "4", "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LOCAL_RANK", "0")
    with pytest.raises(TransNetError, match="devices is 2, nodes 1, but 4 processes were"):
        find_processes(2, 1)
