"""``transnet reproduce``: the paper's tables, ours beside the printed figures."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from transnet.checkpoints.backbone_weights import ENCODER_FILE
from transnet.config import ClipConfig, PretrainingConfig, Readout
from transnet.data.datasets.catalog import open_dataset
from transnet.data.manifest import Manifest
from transnet.data.splits import split_names
from transnet.data.synthetic.clips import write_dataset
from transnet.errors import TransNetError
from transnet.experiments.results import means, read_results
from transnet.experiments.train import train
from transnet.paper.comparison import method_table, pretraining_table
from transnet.paper.grid import Cell, make_cell
from transnet.paper.parameters import parameter_table
from transnet.paper.tables import ResultTable, printed
from transnet.training.pretrain import pretrain
from transnet.utils.paths import output_folder
from transnet.utils.progress import say

TABLES = ("table1", "table2", "table3", "table4", "table5")
DATASETS = {"table2": "kth", "table3": "kth", "table4": "ucf101", "table5": "hmdb51"}
PRETRAININGS = ("none", "imagenet", "hss")


def reproduce(
    table: str,
    *,
    data: str | None = None,
    out: str = "runs/reproduce",
    backbones: str | None = None,
    pretraining: str = "none,imagenet,hss",
    splits: str | None = None,
    seeds: int = 3,
    encoders: str | None = None,
    photos: str | None = None,
    size: int = 224,
    scratch_size: int = 96,
    scratch_epochs: int = 15,
    readout: Readout = "pool",
    quick: bool = False,
    cache: str | None = None,
) -> int:
    """Measure what a table of the paper reports, and print it beside the paper's figures.

    What an earlier call finished is not done again; a part that fails is named and the others go
    on. Pretrained backbones stay frozen; those that know nothing are trained as a whole, at a size
    that a CPU allows (said in the table).

    Args:
        table: table1 (parameters), table2 (backbones and pretraining), table3, table4 or table5
            (KTH, UCF101 or HMDB51 beside other methods)
        data: the dataset, as for transnet train; by default none for table1, and needed else
        out: folder for the table (CSV, Markdown, HTML) and the runs
        backbones: image networks, separated by commas; by default the paper's
        pretraining: of none, imagenet, hss, those to compare, separated by commas
        splits: splits, as for transnet train; by default the dataset's own and the paper's
        seeds: trainings of each cell and split
        encoders: folder with an encoder of transnet pretrain for each backbone, in a folder of its
            name; by default in --out
        photos: photos and masks (as for transnet pretrain) to pretrain an encoder that is not there
        size: frame size in pixels of pretrained backbones
        scratch_size: frame size in pixels where a backbone is trained from nothing
        scratch_epochs: epochs where a backbone is trained from nothing
        readout: pool or flatten (the paper)
        quick: everything in miniature, on clips and photos that are drawn here if none are given
        cache: folder for frame features; by default in the user's cache

    Returns:
        0, or 1 if some of it failed.

    Raises:
        TransNetError: there is no such table or dataset.
    """
    if table not in TABLES:
        raise TransNetError(f"TABLE is {table!r}; accepted: {', '.join(TABLES)}.")
    folder = Path(out).expanduser()
    if table == "table1":
        output_folder(folder)
        _finish(parameter_table(), folder, table)
        return 0
    for flag, number in (("--seeds", seeds), ("--scratch-epochs", scratch_epochs)):
        if number < 1:
            raise TransNetError(f"{flag} is {number}; accepted: 1 or more.")
    _check_size(scratch_size, "--scratch-size")
    if quick:
        folder /= "quick"  # a miniature's figures and encoders must not be taken for the real ones
    kinds = _listed(pretraining, PRETRAININGS)
    output_folder(folder)
    data, photos = _material(table, data, photos, folder, quick)
    manifest = open_dataset(data)
    chosen = split_names(manifest, splits or _default_splits(manifest))
    grid = [
        make_cell(
            name,
            kind,
            readout,
            size=size,
            scratch_size=scratch_size,
            scratch_epochs=scratch_epochs,
            quick=quick,
        )
        for name in (_listed(backbones) if backbones else _default_backbones(table))
        for kind in kinds
    ]
    results = folder / f"{table}_results.csv"
    failed: dict[str, str] = {}
    for number, cell in enumerate(grid, 1):
        say(f"[{number} of {len(grid)}] {cell.recipe}")
        try:
            weights = _weights(
                cell, Path(encoders or folder / "encoders").expanduser(), photos, quick
            )
            train(
                data, out=str(folder / table / cell.recipe.replace(", ", "-").replace(" ", "_")),
                backbone=cell.backbone, weights=weights, split=",".join(chosen), clip=cell.clip,
                model=cell.model, training=cell.training, seeds=seeds, recipe=cell.recipe,
                results=str(results), cache=cache,
            )  # fmt: skip
        except TransNetError as error:
            say(f"error: {error}")
            failed[cell.recipe] = " ".join(str(error).split())
    known = read_results(results) if results.exists() else []
    wanted = range(seeds)
    measured = means(
        result for result in known
        if result.data == manifest.name and result.split in chosen and result.seed in wanted
    )  # fmt: skip
    ours = {
        (mean.recipe, mean.split): mean for mean in measured if mean.recipe not in failed
    }  # fmt: skip
    notes = (
        manifest.summary() + ".",
        *manifest.notes,
        *(f"Failed: {recipe}: {reason}" for recipe, reason in failed.items()),
    )
    shown = _shown_splits(chosen)
    if table == "table2":
        result = pretraining_table(grid, shown, ours, notes)
    else:
        name = DATASETS[table].upper()
        result = method_table(int(table[-1]), name, grid, shown, ours, notes)
    _finish(result, folder, table)
    return int(bool(failed))


def _listed(names: str, accepted: Sequence[str] = ()) -> list[str]:
    found = [name.strip() for name in names.split(",") if name.strip()]
    for name in found:
        if accepted and name not in accepted:
            raise TransNetError(f"--pretraining has {name!r}; accepted: {', '.join(accepted)}.")
    if not found:
        raise TransNetError(f"{names!r} names nothing; accepted: names, separated by commas.")
    return found


def _default_backbones(table: str) -> list[str]:
    if table != "table2":
        return ["mobilenetv1_100"]
    return list(dict.fromkeys(row["backbone"] for row in printed(2)))


def _default_splits(manifest: Manifest) -> str:
    several = sum(name.startswith("official:") for name in manifest.splits) > 1
    return f"{'official:all' if several else split_names(manifest)[0]},paper"


def _material(
    table: str, data: str | None, photos: str | None, folder: Path, quick: bool
) -> tuple[str, str | None]:
    """The dataset and the photos; drawn here in a miniature that was given none."""
    if quick and data is None:
        drawn = folder / "clips"
        if not drawn.is_dir():
            actions = ("boxing", "handwaving", "walking")
            begun = folder / "clips.unfinished"  # a drawing that was killed is not taken for whole
            shutil.rmtree(begun, ignore_errors=True)
            write_dataset(begun, people=5, clips=2, actions=actions, num_frames=16)
            begun.rename(drawn)
        data = str(drawn)
    if data is None:
        raise TransNetError(
            f"--data is missing; the paper's {table} is of {DATASETS[table]}: "
            f"--data {DATASETS[table]}:DIR, or another dataset."
        )
    return data, photos or ("synthetic" if quick else None)


def _weights(cell: Cell, encoders: Path, photos: str | None, quick: bool) -> str:
    if cell.pretraining != "hss":
        return cell.pretraining
    folder = encoders / cell.backbone
    if not (folder / ENCODER_FILE).exists():
        if photos is None:
            raise TransNetError(
                f"{folder} holds no encoder; make it with transnet pretrain PHOTOS --backbone "
                f"{cell.backbone} --out {folder}, or name the photos with --photos."
            )
        config = PretrainingConfig(size=cell.clip.size, epochs=1 if quick else 200)
        start = "none" if quick else "imagenet"
        pretrain(
            photos, out=str(folder), backbone=cell.backbone, weights=start, training=config,
            resume=folder.is_dir(),
        )  # fmt: skip
    return str(folder)


def _shown_splits(chosen: Sequence[str]) -> list[str]:
    """The mean of a family where several of it were chosen, else the split itself."""
    sizes = Counter(name.partition(":")[0] for name in chosen if ":" in name)
    shown = [
        f"{family}, mean of {sizes[family]}" if sizes[family] > 1 else name
        for name, family in ((name, name.partition(":")[0]) for name in chosen)
    ]
    return list(dict.fromkeys(shown))


def _check_size(size: int, flag: str) -> None:
    try:
        ClipConfig(size=size)
    except TransNetError as error:
        raise TransNetError(str(error).replace("--size", flag)) from None


def _finish(result: ResultTable, folder: Path, name: str) -> None:
    paths = result.save(folder, name)
    print(result.text())
    say(f"saved to {', '.join(map(str, paths))}")
