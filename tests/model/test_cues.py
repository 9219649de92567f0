import pytest
import torch

from tests.helpers import TINY_BACKBONE
from transnet.errors import TransNetError
from transnet.model.cue_weights import WEIGHTS
from transnet.model.cues import MOTION, PairHead
from transnet.model.scoring import OneLabel
from transnet.model.streaming import StreamingTransNet
from transnet.model.temporal import TemporalConvolutions
from transnet.model.transnet import TransNet

TEMPORAL = ("conv1d", "separable", "lstm", "gru", "mean", "attention")


def tiny(**options):
    sizes = {"num_frames": 4, "size": 64, "features": 8, "filters": 8}
    torch.manual_seed(0)
    return TransNet(TINY_BACKBONE, 3, **sizes, **options).eval()


@pytest.mark.parametrize("readout", ["pool", "flatten"])
@pytest.mark.parametrize("cues", ["motion", "both"])
@pytest.mark.parametrize("temporal", TEMPORAL)
def test_a_stream_of_its_frames_gives_the_logits_of_the_clip(temporal, cues, readout):
    model = tiny(temporal=temporal, cues=cues, readout=readout)
    clip = torch.rand(4, 3, 64, 64)
    stream = StreamingTransNet(model, step_s=1.0)
    windows = [stream.push(frame, float(second)) for second, frame in enumerate(clip)]
    with torch.inference_mode():
        assert torch.allclose(windows[-1].logits, model(clip[None])[0], atol=1e-5)


def test_a_stream_that_starts_anew_takes_the_weights_of_now():
    model, clip = tiny(cues="both"), torch.rand(4, 3, 64, 64)
    stream = StreamingTransNet(model, step_s=1.0)
    with torch.no_grad():
        for parameter in model.motion.parameters():
            parameter.mul_(-1.5)
    stream.reset()
    windows = [stream.push(frame, float(second)) for second, frame in enumerate(clip)]
    with torch.inference_mode():
        assert torch.allclose(windows[-1].logits, model(clip[None])[0], atol=1e-5)


def test_the_papers_network_is_what_it_was():
    plain, both = tiny(), tiny(cues="both")
    assert "cues" not in str(plain)
    own = plain.state_dict()
    assert {name.split(".")[0] for name in own} == {"spatial", "temporal"}
    both.load_state_dict(own, strict=False)
    clips = torch.rand(2, 4, 3, 64, 64)
    with torch.inference_mode():
        appearance = both.cue_logits(both.encode_cues(clips))["appearance"]
        assert torch.equal(appearance, plain(clips))


def test_motion_alone_does_not_see_the_appearance():
    model = tiny(cues="motion")
    assert tuple(model.cue_logits(model.encode_cues(torch.rand(1, 4, 3, 64, 64)))) == MOTION
    assert not any("readout" in name for name in model.state_dict())


def test_the_probabilities_of_the_cues_are_averaged_by_their_weights():
    sure, unsure = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    cues = {"appearance": sure, "middle_change": unsure, "flow": unsure}
    share = WEIGHTS["appearance"] / (WEIGHTS["appearance"] + 1 + WEIGHTS["flow"])
    expected = torch.tensor([[share, 1 - share]])
    logits = {cue: each.log().clamp(min=-30) for cue, each in cues.items()}
    assert torch.allclose(OneLabel().join(logits).softmax(dim=1), expected)
    alone = {"appearance": torch.tensor([[2.0, 0.0]])}
    assert torch.equal(OneLabel().join(alone), alone["appearance"])


def test_normalization_and_dense_layer_fold_into_one():
    head = PairHead(6, 5, TemporalConvolutions(4, 5, 5, 2, of_pairs=True), dropout=0.5)
    torch.nn.init.normal_(head.norm.weight)
    torch.nn.init.normal_(head.norm.bias)
    pairs = 3 * torch.randn(40, 6) + 1
    head.train()(pairs.reshape(-1, 4, 6))  # statistics of batches
    expected = head.eval().pair_terms(pairs)
    assert torch.allclose(torch.relu(head.folded()(pairs)), expected, atol=1e-5)


def test_a_loss_of_one_cue_leaves_the_others_alone():
    model = tiny(cues="both").train()
    logits = model.cue_logits(model.encode_cues(torch.rand(2, 4, 3, 64, 64)))
    logits["flow"].sum().backward()
    touched = {name.split(".")[1] for name, p in model.named_parameters() if p.grad is not None}
    assert touched == {"flow"}


def test_unknown_cues_are_refused():
    with pytest.raises(TransNetError, match="cues is 'Both'; accepted: appearance, motion, both"):
        tiny(cues="Both")
