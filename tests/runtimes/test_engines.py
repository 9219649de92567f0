import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

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
        torch.testing.assert_close(engine(frames)[0], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("runtime", sorted({"onnx", "openvino"} & set(installed_runtimes())))
def test_several_calls_at_once_get_answers_of_their_own(runtime, backbone):
    batches = [torch.rand(2, 3, SIZE, SIZE) for _ in range(12)]
    engine = open_engine(backbone, batches[0], runtime, threads=3, calls=3)
    with ThreadPoolExecutor(4) as pool, torch.inference_mode():
        for found, batch in zip(pool.map(engine, batches), batches, strict=True):
            torch.testing.assert_close(found[0], backbone(batch), atol=1e-5, rtol=1e-4)


def test_a_graph_that_is_there_is_not_written_again(backbone, tmp_path):
    graph = tmp_path / "network.onnx"
    example = torch.rand(2, 3, SIZE, SIZE)
    first = open_engine(backbone, example, "onnx", graph=graph)
    before = graph.stat().st_mtime_ns
    second = open_engine(backbone, example, "onnx", graph=graph)
    assert graph.stat().st_mtime_ns == before
    assert torch.equal(first(example)[0], second(example)[0])


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


@pytest.mark.slow
@pytest.mark.skipif("compiled" not in installed_runtimes(), reason="needs a C++ compiler")
def test_the_compiler_does_not_speak_of_cuda(tmp_path):
    """On a machine with CUDA's files and no GPU, PyTorch warns when it compiles."""
    script = (
        "import torch\n"
        "from transnet.runtimes.engines import open_engine\n"
        "open_engine(torch.nn.Conv2d(3, 4, 3).eval(), torch.rand(1, 3, 8, 8), 'compiled')\n"
        "import sys; assert 'torch.utils.cpp_extension' in sys.modules\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "CUDA_HOME": str(tmp_path), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert ended.returncode == 0, ended.stderr
    assert "CUDA" not in ended.stderr
