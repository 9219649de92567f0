import pytest
import timm

from transnet.checkpoints.backbone_weights import find_weights
from transnet.checkpoints.hub import hub_record
from transnet.checkpoints.pretraining_data import pretraining_of
from transnet.errors import TransNetError


@pytest.mark.parametrize(
    ("tag", "data"),
    [
        ("ra4_e3600_r224_in1k", "imagenet"),
        ("in1k", "imagenet"),
        ("mae_in1k_ft_in1k", "imagenet"),
        ("sw_in12k", "in12k"),
        ("augreg_in21k", "in21k"),
        ("augreg2_in21k_ft_in1k", "in21k+imagenet"),
        ("fb_in22k_ft_in1k_384", "in22k+imagenet"),
        ("ns_jft_in1k", "jft+imagenet"),
        ("lvd142m", "lvd142m"),
        ("dinov3_lvd1689m", "lvd1689m"),
        ("laion2b", "laion2b"),
        ("laion2b_ft_in12k_in1k", "laion2b+in12k+imagenet"),
        ("openai", "openai"),
        ("openai_ft_in1k", "openai+imagenet"),
        ("fb_swsl_ig1b_ft_in1k", "ig1b+imagenet"),
        ("swag_ft_in1k", "unknown: swag_ft_in1k"),
        ("mae", "unknown: mae"),
        ("", "unknown: no tag"),
    ],
)
def test_a_tag_names_the_data(tag, data):
    assert pretraining_of(tag) == data


@pytest.mark.parametrize(
    ("name", "source", "data", "license"),
    [
        ("mobilenetv1_100", "timm/mobilenetv1_100.ra4_e3600_r224_in1k", "imagenet", "apache-2.0"),
        (
            "vit_small_patch14_dinov2",
            "timm/vit_small_patch14_dinov2.lvd142m",
            "lvd142m",
            "apache-2.0",
        ),
        (
            "resnet18.fb_swsl_ig1b_ft_in1k",
            "timm/resnet18.fb_swsl_ig1b_ft_in1k",
            "ig1b+imagenet",
            "cc-by-nc-4.0",
        ),
    ],
)
def test_the_record_is_what_timm_says(name, source, data, license):
    config = timm.get_pretrained_cfg(name).to_dict()
    record = hub_record(name, config)
    assert (record.name, record.weights) == (name, f"timm hub: {source}")
    assert (record.pretraining, record.license) == (data, license)
    assert (record.mean, record.std) == (config["mean"], config["std"])


def test_weights_that_are_fetched_show_their_license(monkeypatch, tmp_path, capsys):
    name = "test_resnet.r160_in1k"
    create = timm.create_model

    def fetched(model, pretrained):
        assert (model, pretrained) == (name, True)
        return create(model)

    monkeypatch.setenv("TRANSNET_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(timm, "create_model", fetched)
    found = find_weights("imagenet", name)
    assert found.backbone.pretraining == "imagenet"
    assert found.backbone.license == "apache-2.0"
    assert found.backbone.digest and found.state
    shown = capsys.readouterr().err
    assert f"weights of {name}: timm/{name}, pretrained on imagenet, license: apache-2.0" in shown


def test_an_unknown_tag_is_named_before_anything_is_fetched(monkeypatch, tmp_path):
    monkeypatch.setenv("TRANSNET_WEIGHTS", str(tmp_path))
    with pytest.raises(TransNetError, match="no weights with this tag; accepted: resnet18"):
        find_weights("imagenet", "resnet18.lvd142m")
