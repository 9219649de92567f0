import pytest
import torch

from tests.helpers import NO_MAP, TINY_BACKBONE
from transnet.errors import TransNetError
from transnet.model.backbone import Backbone
from transnet.model.segmenter import Segmenter

TINY = ("test_resnet.r160_in1k", TINY_BACKBONE, "test_byobnet.r160_in1k", "test_mambaout")


@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("size", [64, 96])
def test_every_pixel_gets_an_answer_and_teaches_the_encoder(name, size, skips):
    segmenter = Segmenter(Backbone(name, size=size), skips=skips)
    logits = segmenter(torch.randn(2, 3, size, size))
    assert logits.shape == (2, size, size)
    logits.square().mean().backward()
    assert next(segmenter.backbone.parameters()).grad.any()


@torch.inference_mode()
def test_without_skips_the_last_map_is_all_that_the_decoder_sees():
    segmenter = Segmenter(Backbone(TINY_BACKBONE, size=64)).eval()
    frames = torch.randn(2, 3, 64, 64)
    assert torch.equal(segmenter(frames), segmenter.decoder(segmenter.backbone(frames)))


def test_the_decoder_is_small_beside_the_papers_backbones():
    segmenter = Segmenter(Backbone("mobilenetv1_100"))
    decoder, encoder = (
        sum(p.numel() for p in part.parameters())
        for part in (segmenter.decoder, segmenter.backbone)
    )
    assert decoder < 0.5 * encoder


@pytest.mark.parametrize(
    ("name", "size", "skips", "message"),
    [
        (NO_MAP, 224, False, "gives no map of two or more positions"),
        (TINY_BACKBONE, 32, False, "gives no map of two or more positions a side at 32 x 32"),
    ],
)
def test_backbones_from_which_nothing_can_be_drawn_are_named(name, size, skips, message):
    with pytest.raises(TransNetError, match=message):
        Segmenter(Backbone(name, size=size), skips=skips)


def test_a_size_at_which_no_earlier_map_fits_is_named():
    with pytest.raises(TransNetError, match="skips is true, but at 72 pixels no earlier map"):
        Segmenter(Backbone(TINY_BACKBONE, size=72), skips=True)


def test_backbones_without_earlier_maps_are_named(monkeypatch):
    backbone = Backbone(TINY_BACKBONE, size=64)
    monkeypatch.delattr(type(backbone.network), "forward_intermediates")
    with pytest.raises(TransNetError, match="skips is true, but backbone .* omit skips"):
        Segmenter(backbone, skips=True)
