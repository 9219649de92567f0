"""``transnet evaluate``: measure a run on test clips."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from transnet.config import Device
from transnet.data.views import SpatialViews
from transnet.errors import TransNetError

if TYPE_CHECKING:
    from transnet.evaluation.evaluation import Evaluation

MAX_TEMPORAL_VIEWS = 100


def evaluate(
    run: str | Path,
    *,
    data: str | None = None,
    split: str | None = None,
    cache: str | None = None,
    broken: Literal["wrong", "stop"] = "wrong",
    temporal_views: int = 1,
    spatial_views: SpatialViews = "center",
    segmenter: str | None = None,
    detector: str | None = None,
    unknown: str | None = None,
    allow_trained_clips: bool = False,
    timeline: bool = False,
    workers: int = 2,
    device: Device = "auto",
) -> Evaluation:
    """Measure a run on test clips, and write metrics.json, predictions.csv and report.html.

    Args:
        run: folder of a trained run
        data: another dataset than the run's own: its test part, or all of it without --split
        split: another split than the run's own (with --data: whose test part to take)
        cache: folder for frame features; by default in the user's cache
        broken: what to do about a test clip that cannot be read: count it as wrong, or stop
        temporal_views: samples of each video whose probabilities are averaged
        spatial_views: center (crop), flip (center crop and its mirror image) or three-crops;
            probabilities are averaged
        segmenter: folder of transnet pretrain; measures which share of the heat (see transnet
            explain) is on people; for a run with --crop people: finds them
        detector: for a run with --crop people: weights of a detector of torchvision, a file, or
            its name; by default one in torchvision's cache
        unknown: folder of videos that show none of the classes; measures how many of them are
            called unknown; refused for runs that cannot recognize unknown videos
        allow_trained_clips: test even on clips that the run was trained on
        timeline: also find the segments of the test videos and compare them with the annotated
            ones; writes timelines.json (mAP at temporal IoU 0.3 to 0.7); not with --crop people
        workers: threads that decode video
        device: auto (a GPU if there is one), cpu, cuda or mps

    Returns:
        The metrics, as written to metrics.json.

    Raises:
        TransNetError: clips are missing, were trained on, or belong to unknown classes, or the run
            is trained on crops of people and ``timeline`` is set.

    Example:
        >>> 0 <= transnet.evaluate("runs/mine").top1 <= 1
        True
    """
    from transnet.checkpoints.hub_files import local_folder
    from transnet.checkpoints.run import load_run_info
    from transnet.evaluation.evaluate_run import evaluate_run
    from transnet.evaluation.timelines import evaluate_timelines

    if not 1 <= temporal_views <= MAX_TEMPORAL_VIEWS:
        raise TransNetError(
            f"temporal_views is {temporal_views}; accepted: 1 to {MAX_TEMPORAL_VIEWS}."
        )
    folder = local_folder(run)
    if timeline and load_run_info(folder).clip.crop == "people":
        raise TransNetError(
            "--timeline is for whole pictures, but the run is trained on crops of people; leave it "
            "out, or see the segments of each person with transnet predict --timeline --people."
        )
    evaluation = evaluate_run(
        folder,
        data=data,
        split=split,
        cache=cache,
        broken=broken,
        temporal_views=temporal_views,
        spatial_views=spatial_views,
        segmenter=segmenter,
        detector=detector,
        unknown=unknown,
        allow_trained_clips=allow_trained_clips,
        workers=workers,
        device=device,
    )
    if timeline:
        evaluate_timelines(folder, data=data, split=split, device=device)
    return evaluation
