"""``transnet reproduce``: the tables of the paper, ours next to the printed figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from transnet.config import ClipConfig, Cues, Readout
from transnet.errors import TransNetError
from transnet.utils.paths import output_folder
from transnet.utils.progress import say

if TYPE_CHECKING:
    from transnet.data.manifest import Manifest
    from transnet.paper.tables import ResultTable

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
    cues: str = "appearance",
    quick: bool = False,
    cache: str | None = None,
) -> int:
    """Measure a table of the paper, and print it next to the paper's figures.

    Finished parts of an earlier call are reused; a part that fails is reported and the others
    continue. Pretrained backbones stay frozen; random ones are trained as a whole, at a frame size
    that a CPU can handle (stated in the table).

    Args:
        table: table1 (parameters), table2 (backbones and pretraining), table3, table4 or table5
            (KTH, UCF101 or HMDB51, with other methods)
        data: the dataset, as for transnet train; not needed for table1
        out: folder for the table (CSV, Markdown, HTML) and the runs
        backbones: image networks, separated by commas; by default the paper's
        pretraining: pretrainings to compare, separated by commas: none, imagenet, hss
        splits: splits, as for transnet train; by default the dataset's own and the paper's
        seeds: trainings per cell and split
        encoders: folder with an encoder of transnet pretrain per backbone, in a subfolder of its
            name; by default in --out
        photos: photos and masks (as for transnet pretrain) to pretrain missing encoders on
        size: frame size in pixels for pretrained backbones
        scratch_size: frame size in pixels for training from scratch
        scratch_epochs: epochs of training from scratch
        readout: pool or flatten (the paper)
        cues: cues to compare, separated by commas: appearance (the paper), motion, both
        quick: a miniature, on synthetic clips and photos if none are given
        cache: folder for frame features; by default in the user's cache

    Returns:
        0, or 1 if a part failed.

    Raises:
        TransNetError: there is no such table or dataset.
    """
    from transnet.data.datasets.catalog import open_dataset
    from transnet.data.splits import split_names
    from transnet.paper.grid import make_cell
    from transnet.paper.reproduction import Reproduction

    if table not in TABLES:
        raise TransNetError(f"TABLE is {table!r}; accepted: {', '.join(TABLES)}.")
    if table == "table1":
        return _reproduce_parameters(out)
    _check_numbers(seeds, scratch_epochs, scratch_size)
    kinds = _listed("pretraining", pretraining, PRETRAININGS)
    chosen: list[Any] = _listed("cues", cues, get_args(Cues))
    # The figures and encoders of a miniature must not be mistaken for real ones.
    folder = output_folder(Path(out) / "quick" if quick else out)
    data, photos = _inputs(table, data, photos, folder, quick)
    manifest = open_dataset(data)
    sizes = {"size": size, "scratch_size": scratch_size, "scratch_epochs": scratch_epochs}
    names = _listed("backbones", backbones) if backbones else _default_backbones(table)
    reproduction = Reproduction(
        table=table,
        folder=folder,
        data=data,
        manifest=manifest,
        splits=split_names(manifest, splits or _default_splits(manifest)),
        seeds=seeds,
        grid=[
            make_cell(name, kind, readout, each, quick=quick, **sizes)
            for name in names
            for kind in kinds
            for each in chosen
        ],
        encoders=Path(encoders or folder / "encoders").expanduser(),
        photos=photos,
        quick=quick,
        cache=cache,
    )
    reproduction.train_cells()
    _save(reproduction.result_table(DATASETS[table].upper()), folder, table)
    return int(bool(reproduction.failed))


def _reproduce_parameters(out: str) -> int:
    from transnet.paper.parameters import parameter_table

    folder = output_folder(out)
    _save(parameter_table(), folder, "table1")
    return 0


def _check_numbers(seeds: int, scratch_epochs: int, scratch_size: int) -> None:
    for name, number in (("seeds", seeds), ("scratch_epochs", scratch_epochs)):
        if number < 1:
            raise TransNetError(f"{name} is {number}; accepted: 1 or more.")
    try:
        ClipConfig(size=scratch_size)
    except TransNetError as error:  # size is 5; accepted: ...
        raise TransNetError(f"scratch_{error}") from None


def _listed(option: str, names: str, accepted: Sequence[str] = ()) -> list[str]:
    found = [name.strip() for name in names.split(",") if name.strip()]
    for name in found:
        if accepted and name not in accepted:
            raise TransNetError(f"{option} has {name!r}; accepted: {', '.join(accepted)}.")
    if not found:
        raise TransNetError(f"{option} is {names!r}; accepted: names, separated by commas.")
    return found


def _default_backbones(table: str) -> list[str]:
    from transnet.paper.tables import printed

    if table != "table2":
        return ["mobilenetv1_100"]
    return list(dict.fromkeys(row["backbone"] for row in printed(2)))


def _default_splits(manifest: Manifest) -> str:
    from transnet.data.splits import split_names

    several = sum(name.startswith("official:") for name in manifest.splits) > 1
    return f"{'official:all' if several else split_names(manifest)[0]},paper"


def _inputs(
    table: str, data: str | None, photos: str | None, folder: Path, quick: bool
) -> tuple[str, str | None]:
    """The dataset and the photos; synthetic ones for a miniature without any."""
    from transnet.data.synthetic.clips import write_dataset
    from transnet.utils.files import whole_folder

    if quick and data is None:
        clips = folder / "clips"
        if not clips.is_dir():
            actions = ("boxing", "handwaving", "walking")
            with whole_folder(clips) as unfinished:
                write_dataset(unfinished, people=5, clips=2, actions=actions, num_frames=16)
        data = str(clips)
    if data is None:
        raise TransNetError(
            f"--data is missing; the paper's {table} is of {DATASETS[table]}: "
            f"--data {DATASETS[table]}:DIR, or another dataset."
        )
    return data, photos or ("synthetic" if quick else None)


def _save(result: ResultTable, folder: Path, name: str) -> None:
    paths = result.save(folder, name)
    print(result.text())
    say(f"saved to {', '.join(map(str, paths))}")
