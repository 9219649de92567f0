import pytest
import torch

from transnet.model.temporal import GroupedConvolutions, TemporalConvolutions


@pytest.mark.parametrize("groups", [1, 3])
def test_several_parts_of_pairs_as_one_give_what_each_gives(groups):
    parts = [TemporalConvolutions(5, 6, 8, 4, of_pairs=True) for _ in range(groups)]
    pairs = torch.randn(2, 4, 6 * groups)
    with torch.no_grad():
        found = GroupedConvolutions(parts)(pairs)
        expected = [part(own) for part, own in zip(parts, pairs.chunk(groups, 2), strict=True)]
    assert torch.allclose(found, torch.stack(expected, dim=1), atol=1e-6)
