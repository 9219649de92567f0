import json
from pathlib import Path

import pytest
import torch
import torch.distributed
import torch.multiprocessing
from torch.utils.data import SequentialSampler
from transnet.training.datasets import EpochSampler, FixedSampler

from tests.helpers import TINY_BACKBONE
from transnet.errors import TransNetError
from transnet.evaluation.metrics import classification_metrics
from transnet.model.transnet import TransNet
from transnet.training.distributed import Processes, ShareSampler, gather_scores

CLIPS = 23  # not a multiple of two
CLASSES = ("a", "b", "c")


def shares(sampler, count, **settings):
    return [
        list(ShareSampler(sampler, Processes(rank, count), **settings)) for rank in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_an_evaluation_sees_every_clip_once(count):
    found = shares(FixedSampler(CLIPS), count)
    assert sorted(draw for share in found for draw in share) == list(FixedSampler(CLIPS))
    assert max(map(len, found)) - min(map(len, found)) <= 1
    lengths = [len(ShareSampler(FixedSampler(CLIPS), Processes(r, count))) for r in range(count)]
    assert lengths == [len(share) for share in found]


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_a_training_takes_equally_many_steps_everywhere(count):
    sampler = EpochSampler(CLIPS, seed=1)
    found = shares(sampler, count, even=True)
    assert {len(share) for share in found} == {CLIPS // count}
    draws = [draw for share in found for draw in share]
    assert len(set(draws)) == len(draws) and set(draws) <= set(sampler)
    sampler.follow(lambda: 1)
    assert shares(sampler, count, even=True) != found


def test_a_clip_that_is_missing_is_named():
    with pytest.raises(TransNetError, match="clip 1 was evaluated by no process"):
        gather_scores({0: torch.zeros(3), 2: torch.zeros(3)}, 3)


def evaluate(rank: int, count: int, folder: str) -> None:
    """What each process does: its share of the clips, then the metrics of all."""
    torch.set_num_threads(1)
    if count > 1:
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=count
        )
    torch.manual_seed(0)
    model = TransNet(TINY_BACKBONE, len(CLASSES), num_frames=4, size=64, readout="pool").eval()
    clips = torch.rand(CLIPS, 4, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(CLIPS) % len(CLASSES)
    with torch.inference_mode():
        own = {
            number: model(clips[number : number + 1]).softmax(dim=1)[0]
            for number in ShareSampler(SequentialSampler(range(CLIPS)))
        }
    metrics = classification_metrics(gather_scores(own, CLIPS), labels, CLASSES)
    metrics["own"] = sorted(own)
    Path(folder, f"{count}-{rank}.json").write_text(json.dumps(metrics))
    if count > 1:
        torch.distributed.destroy_process_group()


def test_two_processes_give_the_metrics_of_one(tmp_path):
    evaluate(0, 1, str(tmp_path))
    torch.multiprocessing.spawn(evaluate, (2, str(tmp_path)), nprocs=2)
    one, first, second = (
        json.loads((tmp_path / f"{name}.json").read_text()) for name in ("1-0", "2-0", "2-1")
    )
    assert sorted(first.pop("own") + second.pop("own")) == one.pop("own") == list(range(CLIPS))
    assert first == second == one


def claim(rank: int, folder: str) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    with pytest.raises(TransNetError, match="clip 0 was evaluated by two processes"):
        gather_scores({0: torch.zeros(3)}, 1)
    torch.distributed.destroy_process_group()


def test_a_clip_of_two_processes_is_refused(tmp_path):
    torch.multiprocessing.spawn(claim, (str(tmp_path),), nprocs=2)
