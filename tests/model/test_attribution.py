import pytest
import torch

from tests.helpers import TINY_BACKBONE
from transnet import TransNet
from transnet.model.attribution import attribute


@pytest.fixture(params=["pool", "flatten"])
def model(request):
    torch.manual_seed(0)
    made = TransNet(TINY_BACKBONE, 3, num_frames=4, size=64, readout=request.param)
    for parameter in made.temporal.parameters():
        torch.nn.init.normal_(parameter)
    return made.eval()


def test_heat_is_grad_cam_by_its_definition(model):
    clip = torch.rand(4, 3, 64, 64)
    found = attribute(model, clip, 1)
    flatten = model.spatial.readout.kind == "flatten"
    maps = model.backbone(clip).detach()
    assert found.heat.shape == (4, *maps.shape[2:])
    assert found.heat.min() >= 0

    def logit(maps):
        features = model.spatial.readout(maps if flatten else maps.mean(dim=(2, 3)))
        return model.temporal(features[None])[0, 1]

    # The mean gradient of a channel, by a small step of the whole channel.
    heat = torch.zeros(maps.shape[2:], dtype=torch.float64)
    model.double()
    maps, frame, step = maps.double(), 2, 1e-5
    with torch.no_grad():
        for channel in range(maps.shape[1]):
            more, less = maps.clone(), maps.clone()
            more[frame, channel] += step
            less[frame, channel] -= step
            positions = maps[0, 0].numel()
            slope = (logit(more) - logit(less)) / (2 * step) / positions
            heat += slope * maps[frame, channel]
    torch.testing.assert_close(found.heat[frame].double(), heat.relu(), rtol=1e-3, atol=1e-4)


def test_a_frames_weight_is_what_hiding_it_costs(model):
    clip = torch.rand(4, 3, 64, 64)
    found = attribute(model, clip, 0)
    with torch.inference_mode():
        probability = model(clip[None]).softmax(dim=1)[0, 0]
        features = model.spatial(clip)
        for frame in range(4):
            hidden = features.clone()
            hidden[frame] = features[[i for i in range(4) if i != frame]].mean(dim=0)
            fallen = probability - model.temporal(hidden[None]).softmax(dim=1)[0, 0]
            torch.testing.assert_close(found.frame_weights[frame], fallen, rtol=1e-4, atol=1e-5)
    assert found.probability == pytest.approx(float(probability), abs=1e-5)


def test_nothing_of_the_model_is_changed(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    attribute(model, torch.rand(4, 3, 64, 64), 0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
