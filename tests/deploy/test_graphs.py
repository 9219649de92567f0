import json

import numpy as np
import onnxruntime
import pytest
import torch

import transnet
from tests.helpers import TINY_BACKBONE
from transnet.data.preprocessing import normalize
from transnet.deploy.graphs import MotionOfMaps, graphs_of
from transnet.deploy.joined_graphs import clip_graph, frame_graph
from transnet.model.motion import motion_maps


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backbone", "readout", "size", "cues"),
    [
        (TINY_BACKBONE, "flatten", 64, "appearance"),
        (TINY_BACKBONE, "pool", 64, "motion"),
        ("test_vit.r160_in1k", "pool", 160, "both"),
    ],
)
def test_the_graph_of_any_network_gives_its_logits(backbone, readout, size, cues):
    model = transnet.TransNet(
        backbone, 3, num_frames=4, size=size, readout=readout, cues=cues
    ).eval()
    joined = clip_graph(graphs_of(model, (0.5, 0.4, 0.3), (0.5, 0.25, 0.2), size))
    clips = np.random.default_rng(0).integers(0, 256, (3, 4, size, size, 3), np.uint8)
    session = onnxruntime.InferenceSession(joined.SerializeToString())
    (logits,) = session.run(["logits"], {"clips": clips})
    normalized = normalize(clips, (0.5, 0.4, 0.3), (0.5, 0.25, 0.2))
    with torch.inference_mode():
        expected = model(torch.from_numpy(normalized))
    assert logits == pytest.approx(expected.numpy(), abs=1e-4)


@pytest.mark.slow
def test_where_nothing_moves_the_graph_of_motion_is_that_of_the_network():
    model = transnet.TransNet(
        TINY_BACKBONE, 3, num_frames=4, size=64, readout="pool", cues="both"
    ).eval()
    graphs = graphs_of(model, (0.5, 0.4, 0.3), (0.5, 0.25, 0.2), 64)
    session = onnxruntime.InferenceSession(graphs.motion.SerializeToString())
    for make in (torch.rand, torch.zeros):
        with torch.inference_mode():
            maps = [*motion_maps(model.backbone.maps(make(2, 3, 64, 64)))] * 2
            expected = MotionOfMaps(model)(*maps)
        same = {each.name: m.numpy() for each, m in zip(session.get_inputs(), maps, strict=True)}
        assert session.run(["pairs"], same)[0] == pytest.approx(expected.numpy(), abs=1e-4)


@pytest.mark.slow
def test_a_map_is_read_before_the_next_layers_run(tmp_path):
    """Later it would have left the processor's cache."""
    model = transnet.TransNet(
        TINY_BACKBONE, 3, num_frames=4, size=64, readout="pool", cues="both"
    ).eval()
    joined = frame_graph(graphs_of(model, (0.5, 0.4, 0.3), (0.5, 0.25, 0.2), 64))
    assert joined.graph.output[0].name == "pairs"  # OpenVINO computes it first
    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(tmp_path / "profile")
    session = onnxruntime.InferenceSession(joined.SerializeToString(), options)
    given = {each.name: np.zeros((1, *each.shape[1:]), np.float32) for each in session.get_inputs()}
    session.run(None, given | {"frames": np.zeros((1, 64, 64, 3), np.uint8)})
    with open(session.end_profiling()) as file:
        ran = [event["args"].get("op_name") for event in json.load(file) if "args" in event]
    last_layer = max(index for index, name in enumerate(ran) if name in ("Conv", "FusedConv"))
    assert ran.index("AveragePool") < last_layer
