import pytest
import torch

import transnet
from transnet import TransNetError
from transnet.runtimes.device import find_device


def test_auto_is_the_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device() == find_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert find_device() == find_device("cuda") == torch.device("cuda")


def test_what_is_not_there_is_refused(monkeypatch, trained_run, pretrained):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(TransNetError, match=r"device is 'tpu'; accepted: auto, cpu, cuda, mps\."):
        find_device("tpu")
    for load, folder in ((transnet.load, trained_run), (transnet.load_segmenter, pretrained)):
        with pytest.raises(TransNetError, match=r"is 'cuda', which .*; accepted: auto, cpu\."):
            load(folder, device="cuda")
