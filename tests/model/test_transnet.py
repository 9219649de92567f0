import csv

import pytest
import torch
from torch import nn

from tests.helpers import NO_MAP, TINY_BACKBONE
from transnet.errors import TransNetError
from transnet.model.backbone import Backbone
from transnet.model.temporal import TemporalConvolutions
from transnet.model.transnet import TransNet, count_parameters

# Table I of the paper: backbone, filters, parameters of the 2D component.
TABLE_I = [
    ("mobilenetv1_100", 64, 6_444_288),
    ("mobilenetv1_100", 128, 9_655_616),
    ("mobilenetv2_100", 64, 6_277_248),
    ("mobilenetv2_100", 128, 10_291_392),
    ("vgg16", 64, 16_322_432),
    ("vgg16", 128, 17_928_128),
    ("vgg19", 64, 21_632_128),
    ("vgg19", 128, 23_237_824),
]


def tiny(**options):
    options = {"num_frames": 4, "size": 64, "features": 8, "filters": 8, **options}
    return TransNet(TINY_BACKBONE, 3, **options)


@pytest.mark.slow
@pytest.mark.parametrize(("backbone", "filters", "printed"), TABLE_I)
def test_parameters_of_the_2d_component_are_those_of_table_i(backbone, filters, printed):
    model = TransNet(backbone, num_classes=6, features=filters, filters=filters)
    assert count_parameters(model.spatial) == printed


def test_table_i_above_is_the_papers(shared):
    with open(shared / "paper/table1_parameters.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    printed = [(r["backbone"], int(r["filters"]), int(r["spatial_params"])) for r in rows]
    assert printed == TABLE_I


def test_parameters_of_the_1d_component_are_those_of_the_text():
    assert count_parameters(TemporalConvolutions(12, 64, 64, 6)) == 12_528


def test_temporal_part_computes_the_papers_equations():
    n, features, filters, classes = 5, 3, 4, 2
    part = TemporalConvolutions(n, features, filters, classes)
    for parameter in part.parameters():
        nn.init.normal_(parameter)
    z = torch.randn(1, n, features)
    w, b = part.pair.weight, part.pair.bias
    h = torch.stack([
        torch.relu(sum(w[:, :, k] @ z[0, i + k] for k in range(2)) + b) for i in range(n - 1)
    ])  # fmt: skip
    w, b = part.whole.weight, part.whole.bias
    v = torch.relu(sum(w[:, :, k] @ h[k] for k in range(n - 1)) + b)
    logits = part.score.weight[:, :, 0] @ v + part.score.bias
    assert torch.allclose(part(z)[0], logits, atol=1e-5)


@pytest.mark.parametrize("readout", ["flatten", "pool"])
def test_shapes(readout):
    model = tiny(readout=readout).eval()
    clips = torch.rand(2, 4, 3, 64, 64)
    assert model(clips).shape == (2, 3)
    assert model.spatial(clips[:, 0]).shape == (2, 8)
    encoded = model.encode(clips)
    assert encoded.shape == ((2, 4, 256, 2, 2) if readout == "flatten" else (2, 4, 256))
    assert torch.allclose(model.classify(encoded), model(clips), atol=1e-5)


@pytest.mark.parametrize(
    ("backbone", "size"),
    [
        ("test_resnet.r160_in1k", 64),
        ("test_convnext.r160_in1k", 64),
        ("test_vit.r160_in1k", 160),
        ("test_vit.r160_in1k", 96),
        ("eva02_tiny_patch14_224", 224),
    ],
)
def test_any_backbone_can_be_pooled(backbone, size):
    model = TransNet(backbone, 3, num_frames=2, size=size, readout="pool").eval()
    assert model(torch.rand(1, 2, 3, size, size)).shape == (1, 3)


def test_a_network_that_gives_no_map_cannot_be_flattened():
    with pytest.raises(TransNetError, match="gives no map to flatten; accepted: readout 'pool'"):
        TransNet(NO_MAP, 3, readout="flatten")


@pytest.mark.parametrize("tokens", [{}, {"reg_tokens": 4}, {"class_token": False}])
def test_a_vision_transformer_gives_its_class_token_and_its_patches(tokens):
    if tokens.get("class_token") is False:
        tokens |= {"global_pool": "avg"}
    backbone = Backbone("test_vit.r160_in1k", size=64, args=tokens).eval()
    frames = torch.rand(2, 3, 64, 64)
    given = backbone.network.forward_features(frames)
    if (normalize := getattr(backbone.network, "fc_norm", None)) is not None:
        given = normalize(given)
    patches = given[:, backbone.network.num_prefix_tokens :]
    maps, width = backbone(frames), patches.shape[2]
    assert backbone.grid == (4, 4)
    assert backbone.local_channels == width
    assert torch.equal(maps[:, :width, 1, 2], patches[:, 4 * 1 + 2])
    means = maps.mean(dim=(2, 3))
    assert torch.allclose(means[:, :width], patches.mean(dim=1), atol=1e-6)
    if tokens.get("class_token") is False:
        assert backbone.channels == width
    else:
        assert torch.allclose(means[:, width:], given[:, 0], atol=1e-6)
    flattened = TransNet("test_vit.r160_in1k", 3, size=64, num_frames=2, backbone_args=tokens)
    assert flattened.eval()(frames[None]).shape == (1, 3)


def test_order_of_frames_matters():
    torch.manual_seed(0)
    model = tiny(readout="pool").eval()
    clips = torch.rand(1, 4, 3, 64, 64)
    assert not torch.allclose(model(clips), model(clips.flip(1)))


def test_every_class_starts_alive():
    for seed in range(20):
        torch.manual_seed(seed)
        part = TemporalConvolutions(12, 64, 64, 4)
        z = torch.relu(torch.randn(64, 12, 64))
        z.requires_grad_()
        part(z).sum().backward()
        assert (part.whole.weight.grad.abs().sum(dim=(1, 2)) > 0).all()


def test_frozen_means_frozen():
    model = tiny(readout="pool")
    backbone = model.spatial.backbone.freeze()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    model.train()
    assert not backbone.training
    assert not any(module.training for module in backbone.modules())
    assert model.spatial.readout.training
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    model(torch.rand(4, 4, 3, 64, 64)).sum().backward()
    optimizer.step()
    after = backbone.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_clip_of_another_length_is_named():
    with pytest.raises(TransNetError, match="a clip has 5 frames; accepted: 4"):
        tiny(readout="pool")(torch.rand(1, 5, 3, 64, 64))


def test_an_unknown_backbone_is_named_with_its_neighbors():
    with pytest.raises(TransNetError, match="'mobilenetv1_10'.*Did you mean mobilenetv1_100"):
        Backbone("mobilenetv1_10")


def test_a_size_that_the_backbone_rejects_is_named():
    with pytest.raises(TransNetError, match="does not take frames of 100 x 100 pixels"):
        Backbone("test_vit.r160_in1k", size=100)


def test_fingerprint_tells_weights_apart():
    torch.manual_seed(0)
    one = Backbone(TINY_BACKBONE, size=64)
    same = Backbone(TINY_BACKBONE, size=64)
    same.load_state_dict(one.state_dict())
    assert one.fingerprint() == same.fingerprint()
    with torch.no_grad():
        next(same.parameters()).view(-1)[0] += 1e-3
    assert one.fingerprint() != same.fingerprint()


def test_no_unit_of_the_second_layer_dies_where_everything_learns_at_once():
    torch.manual_seed(0)
    features = torch.rand(5, 4, 8)
    plain, joint = (TemporalConvolutions(4, 8, 6, 3, joint=joint) for joint in (False, True))
    joint.load_state_dict(plain.state_dict())
    for part in (plain, joint):
        torch.nn.init.constant_(part.whole.bias, -100.0)  # every unit is dead
        part.train()(features).sum().backward()
    assert torch.equal(plain(features), joint(features))
    assert not plain.whole.weight.grad.any()
    assert joint.whole.weight.grad.any()
    assert torch.equal(plain.eval()(features), joint.eval()(features))


def test_where_everything_learns_at_once_the_order_of_the_pairs_does_not_count_at_first():
    torch.manual_seed(0)
    pairs = torch.rand(5, 6, 3)  # of 4 frames
    for joint in (False, True):
        part = TemporalConvolutions(4, 8, 6, 3, joint=joint)
        assert torch.allclose(part._whole_clip(pairs), part._whole_clip(pairs.flip(2))) == joint


@pytest.mark.parametrize(
    ("argument", "value", "accepted"),
    [
        ("temporal", "LSTM", "conv1d, separable, lstm, gru, mean, attention"),
        ("readout", "pol", "pool, flatten"),
    ],
)
def test_unknown_words_are_refused_with_the_known_ones(argument, value, accepted):
    message = f"^{argument} is '{value}'; accepted: {accepted}.$"
    with pytest.raises(TransNetError, match=message):
        TransNet(TINY_BACKBONE, 3, size=64, **{argument: value})


def test_a_backbone_may_be_named_with_its_tag():
    assert Backbone("resnet18.fb_swsl_ig1b_ft_in1k", size=64).channels == 512
    with pytest.raises(
        TransNetError, match=r"no weights with this tag; accepted: resnet18\.a1_in1k"
    ):
        Backbone("resnet18.lvd142m", size=64)
