import itertools

import pytest

from transnet.experiments.results import MeanResult
from transnet.paper.comparison import pretraining_table
from transnet.paper.grid import make_cell

KINDS = ("none", "imagenet")
BACKBONES = ("mobilenetv1_100", "mobilenetv2_100")


def cells(backbones):
    sizes = {"size": 224, "scratch_size": 64, "scratch_epochs": 12, "quick": False}
    return [
        make_cell(backbone, kind, "pool", **sizes)
        for backbone, kind in itertools.product(backbones, KINDS)
    ]


def measured(grid, shares):
    return {
        (cell.recipe, "official:1"): MeanResult(cell.recipe, "official:1", share, 0.01, 3, 0.0)
        for cell, share in zip(grid, shares, strict=True)
        if share is not None
    }


def test_the_averages_of_the_backbones_are_beside_the_papers():
    grid = cells(BACKBONES)
    table = pretraining_table(grid, ["official:1"], measured(grid, (0.5, 0.9, 0.6, 0.8)), ())
    assert table.rows[0][2:4] == ["trained 12 epochs at 64 px", "50.00 ± 1.00"]
    paper = (94.35 + 88.31) / 2, (100.00 + 95.86) / 2
    assert table.rows[-2] == ["mean of 2", "none", "", "55.00", f"{paper[0]:.2f}"]
    assert table.rows[-1] == ["mean of 2", "imagenet", "", "85.00", f"{paper[1]:.2f}"]


def test_appearance_and_motion_are_averaged_apart():
    sizes = {"size": 224, "scratch_size": 64, "scratch_epochs": 12, "quick": False}
    grid = [make_cell(name, "imagenet", "pool", cues, **sizes)
            for name in BACKBONES for cues in ("appearance", "both")]  # fmt: skip
    table = pretraining_table(grid, ["official:1"], measured(grid, (0.5, 0.9, 0.6, 0.8)), ())
    assert [row[2] for row in table.rows] == [
        *("frozen at 224 px", "frozen at 224 px, with motion") * 2, "", "with motion",
    ]  # fmt: skip
    assert [row[3] for row in table.rows[-2:]] == ["55.00", "85.00"]


def test_an_average_is_of_every_backbone_or_not_given():
    grid = cells(BACKBONES)
    table = pretraining_table(grid, ["official:1"], measured(grid, (0.5, 0.9, None, 0.8)), ())
    assert table.rows[2][3] == "failed"
    assert [row[3] for row in table.rows[-2:]] == ["", "85.00"]


def test_one_backbone_has_no_average():
    grid = cells(BACKBONES[:1])
    table = pretraining_table(grid, ["official:1"], measured(grid, (0.5, 0.9)), ())
    assert [row[0] for row in table.rows] == ["mobilenetv1_100"] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_knows_nothing_is_trained_as_a_whole_on_all_training_clips(kind):
    (training,) = (cell.training for cell in cells(BACKBONES[:1]) if cell.pretraining == kind)
    assert training.freeze == (kind == "imagenet")
    assert (training.validation == 0) == (kind == "none")
    assert training.refit


def test_a_network_without_normalization_takes_small_steps_from_nothing():
    rates = {
        name: cells([name])[0].training.backbone_learning_rate
        for name in ("mobilenetv1_100", "vgg16", "r3d_18")
    }
    assert rates["mobilenetv1_100"] == rates["r3d_18"] == 10 * rates["vgg16"]
