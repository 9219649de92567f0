import pytest
import torch

from transnet.errors import TransNetError
from transnet.model.backbone import Backbone
from transnet.runtimes.engines import installed_runtimes, open_engine

SIZE = 32


@pytest.fixture(scope="module")
def backbone():
    torch.manual_seed(0)
    return Backbone("test_resnet.r160_in1k", size=SIZE).eval()


@pytest.mark.slow
@pytest.mark.parametrize("runtime", installed_runtimes())
def test_every_runtime_answers_as_pytorch_does(runtime):
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, stride=2), torch.nn.BatchNorm2d(8), torch.nn.ReLU()
    ).eval()
    engine = open_engine(network, torch.rand(2, 3, SIZE, SIZE), runtime, threads=1)
    for count in (2, 1, 5):
        frames = torch.rand(count, 3, SIZE, SIZE).to(memory_format=torch.channels_last)
        with torch.inference_mode():
            expected = network(frames)
        torch.testing.assert_close(engine(frames), expected, atol=1e-5, rtol=1e-4)


def test_a_graph_that_is_there_is_not_written_again(backbone, tmp_path):
    graph = tmp_path / "network.onnx"
    example = torch.rand(2, 3, SIZE, SIZE)
    first = open_engine(backbone, example, "onnx", graph=graph)
    before = graph.stat().st_mtime_ns
    second = open_engine(backbone, example, "onnx", graph=graph)
    assert graph.stat().st_mtime_ns == before
    assert torch.equal(first(example), second(example))


def test_a_broken_graph_is_refused(backbone, tmp_path):
    graph = tmp_path / "network.onnx"
    graph.write_bytes(b"nonsense")
    with pytest.raises(TransNetError, match="ONNX Runtime refuses"):
        open_engine(backbone, torch.rand(2, 3, SIZE, SIZE), "onnx", graph=graph)


def test_a_network_that_onnx_cannot_say_is_refused():
    class Odd(torch.nn.Module):
        def forward(self, frames):
            return frames if frames.sum() > 0 else -frames

    with pytest.raises(TransNetError, match="cannot be written as ONNX"):
        open_engine(Odd(), torch.rand(2, 3), "onnx")
