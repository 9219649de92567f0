import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from transnet.data.photos.photo import NEUTRAL
from transnet.training.segmenter_module import mask_loss, mask_metrics

MASKS = torch.zeros(2, 8, 8, dtype=torch.uint8)
MASKS[0, 2:6, 2:6] = 1
RIGHT = 20.0 * (2 * MASKS.float() - 1)


def test_the_loss_is_nothing_for_the_right_answer_and_grows_with_mistakes():
    half = RIGHT.clone()
    half[0, 2:4] *= -1
    losses = [mask_loss(logits, MASKS).item() for logits in (RIGHT, half, -RIGHT)]
    assert losses[0] == pytest.approx(0, abs=1e-5)
    assert losses[0] < losses[1] < losses[2]


@settings(deadline=None)
@given(seed=st.integers(0, 1000))
def test_neutral_pixels_count_nowhere(seed):
    generator = torch.Generator().manual_seed(seed)
    neutral = torch.rand(MASKS.shape, generator=generator) < 0.3
    masks = torch.where(neutral, torch.tensor(NEUTRAL, dtype=torch.uint8), MASKS)
    logits = torch.randn(MASKS.shape, generator=generator)
    others = torch.where(neutral, torch.randn(MASKS.shape, generator=generator), logits)
    assert mask_loss(logits, masks).item() == pytest.approx(mask_loss(others, masks).item())
    figures = [mask_metrics()(x.sigmoid(), masks) for x in (logits, others)]
    assert figures[0] == figures[1]
    counts = ~neutral.numpy()
    found, person = (logits > 0).numpy()[counts], MASKS.numpy()[counts] == 1
    both, either = (found & person).sum(), (found | person).sum()
    assert figures[0]["iou"].item() == pytest.approx(both / max(1, either))
    assert figures[0]["dice"].item() == pytest.approx(2 * both / max(1, both + either))
    assert figures[0]["accuracy"].item() == pytest.approx(np.mean(found == person))


def test_neutral_pixels_have_no_loss():
    logits = torch.randn(1, 4, 4, requires_grad=True)
    loss = mask_loss(logits, torch.full((1, 4, 4), NEUTRAL, dtype=torch.uint8))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()
