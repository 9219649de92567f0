"""Every recipe is run, in miniature, on videos that are laid out as its dataset is published."""

import itertools
from pathlib import Path

import pytest

from transnet.cli import main
from transnet.data.datasets.published import shipped_table
from transnet.experiments.results import read_results

RECIPES = Path(__file__).parents[2] / "recipes"
MINIATURE = RECIPES / "miniature.yaml"


def kth(folder, video):
    table = []
    for action in ("boxing", "walking"):
        for person in (11, 12, 19, 22):
            name = f"person{person}_{action}_d1"
            table.append(f"{name}\t\tframes\t1-6, 7-12")
            video(folder / action / f"{name}_uncomp.avi")
    (folder / "00sequences.txt").write_text("\n".join(table))
    return f"kth:{folder}"


def ucf101(folder, video):
    for label in ("PushUps", "YoYo"):
        for group in (1, 2, 8, 9, 15, 16):
            video(folder / label / f"v_{label}_g{group:02}_c01.avi")
    return f"ucf101:{folder}"


def hmdb51(folder, video):
    taken = {}
    for row in shipped_table("hmdb51"):
        key = row["class"], row["splits"]
        if row["class"] in ("wave", "climb") and taken.setdefault(key, 0) < 2:
            taken[key] += 1
            video(folder / row["class"] / f"{row['clip']}.avi")
    return f"hmdb51:{folder}"


def people(folder, video):
    table = ["path,label,group"]
    for label in ("bend", "wave"):
        for person in ("ann", "ben", "eva"):
            video(folder / f"{person}_{label}.avi")
            table.append(f"{person}_{label}.avi,{label},{person}")
    (folder / "people.csv").write_text("\n".join(table))
    return str(folder / "people.csv")


LAYOUTS = {
    "kth": kth,
    "ucf101": ucf101,
    "rivals.yaml": ucf101,
    "rivals": ucf101,
    "hmdb51": hmdb51,
    "leave": people,
    "presets.yaml": ucf101,
}
NAMES = sorted(
    path.name
    for path in RECIPES.glob("*.yaml")
    if path != MINIATURE and not path.name.startswith("hss_")  # see tests/training/test_pretrain.py
)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_recipe(name, tmp_path, make_video):
    lengths = itertools.count(12)  # equal files would be known as trained on

    def video(path):
        make_video(path.name, next(lengths), codec="mpeg4", folder=path.parent)

    (tmp_path / "data").mkdir()
    data = LAYOUTS[name.partition("_")[0]](tmp_path / "data", video)
    configs = ["--config", str(RECIPES / name), "--config", str(MINIATURE)]
    results = tmp_path / "results.csv"
    out = ["--out", str(tmp_path / "runs"), "--results", str(results)]
    assert main(["train", data, *configs, *out]) == 0
    rows = read_results(results)
    assert len({row.recipe for row in rows}) == 1
    assert rows[0].recipe.startswith(name.removesuffix(".yaml").replace("_", "-"))
    expected = {
        "official.yaml": 1 if "kth" in name else 3,
        "four_classes.yaml": 4,
        "out.yaml": 3,
        "motion.yaml": 3,
    }
    expected["rivals.yaml"] = expected["presets.yaml"] = 3
    assert len(rows) == next((n for end, n in expected.items() if name.endswith(end)), 1)


def test_each_recipe_says_how_it_is_run():
    for path in RECIPES.glob("*.yaml"):
        assert f"recipes/{path.name}" in path.read_text()
