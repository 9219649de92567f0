"""How many clips are needed: the curve over the clips per class, its picture, and its words."""

import xml.etree.ElementTree as ElementTree

import pytest

import transnet
from tests.helpers import TINY_BACKBONE
from transnet import ClipConfig, TrainingConfig, TransNetError
from transnet.checkpoints.run import load_run_info
from transnet.experiments.results import MeanResult, read_results
from transnet.experiments.shots_curve import ShotsPoint, how_many


def curve(clips, out, **settings):
    return transnet.train(
        clips, out=out, backbone=TINY_BACKBONE, weights="none", shots_curve=True,
        clip=ClipConfig(frames=4, size=64), training=TrainingConfig(epochs=2, views=1), **settings,
    )  # fmt: skip


@pytest.mark.slow
def test_the_curve_of_a_dataset(clips_folder, tmp_path, capsys):
    folder = curve(clips_folder, tmp_path / "curve", seeds=2)
    rows = read_results(folder / "results.csv")
    numbers = [int(row.recipe.split(", ")[1].split()[0]) for row in rows]
    assert numbers == [1, 1, 2, 2, 4, 4, 8, 8]  # ten clips per class, in all
    assert load_run_info(folder / "shots-4/group/seed1").training.shots == 4
    picture = ElementTree.parse(folder / "shots.svg")
    assert picture.getroot().tag.endswith("svg")
    text = capsys.readouterr().err
    assert "   8 clips per class: top-1 " in text
    assert "From 4 to 8 clips per class top-1" in text
    before = (folder / "results.csv").read_text()
    curve(clips_folder, folder, seeds=2)  # repeated: nothing is trained again
    assert (folder / "results.csv").read_text() == before


def test_one_split_at_a_time(clips_folder, tmp_path):
    with pytest.raises(TransNetError, match="split has 2 splits; accepted with shots_curve: one"):
        curve(clips_folder, tmp_path / "curve", split="group,paper")


def test_one_seed_cannot_tell():
    points = [ShotsPoint(k, MeanResult("", "", k / 10, None, 1, 0.0)) for k in (1, 2)]
    assert "one seed cannot tell that from chance" in how_many(points)
    assert how_many(points[:1]) == "One number of clips per class says nothing about more of them."
