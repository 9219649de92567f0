"""``transnet evaluate``: measure a run on test clips."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Literal

from transnet.config import Device
from transnet.data.broken import check_broken
from transnet.data.cache.features import FeatureCache
from transnet.data.datasets.catalog import resolve_dataset
from transnet.data.views import SpatialViews, evaluation_views
from transnet.errors import TransNetError
from transnet.evaluation.bootstrap import accuracy_interval
from transnet.evaluation.evaluation import Evaluation, StageTimes
from transnet.evaluation.explanation import heat_on_person, require_maps
from transnet.evaluation.metrics import calibration, classification_metrics
from transnet.evaluation.predictions import ClipPredictions, predict_clips
from transnet.evaluation.protocol import ViewCounts, describe_protocol
from transnet.evaluation.report import write_evaluation_report
from transnet.evaluation.selection import select_clips
from transnet.evaluation.trained_clips import refuse_trained_clips
from transnet.inference.features import FeatureExtractor
from transnet.inference.recognizer import Recognizer, load
from transnet.inference.segmenter import load_segmenter
from transnet.runtimes.device import find_device
from transnet.utils.files import written_whole
from transnet.utils.paths import cache_folder
from transnet.utils.progress import say

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
    allow_trained_clips: bool = False,
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
            explain) is on people
        allow_trained_clips: test even on clips that the run was trained on
        workers: threads that decode video
        device: auto (a GPU if there is one), cpu, cuda or mps

    Returns:
        The metrics, as written to metrics.json.

    Raises:
        TransNetError: clips are missing, were trained on, or belong to unknown classes.

    Example:
        >>> transnet.evaluate("runs/mine").top1  # doctest: +SKIP
        0.94
    """
    started = time.perf_counter()
    if not 1 <= temporal_views <= MAX_TEMPORAL_VIEWS:
        raise TransNetError(
            f"--temporal-views is {temporal_views}; accepted: 1 to {MAX_TEMPORAL_VIEWS}."
        )
    folder = Path(run).expanduser()
    recognizer = load(folder, device=device)
    info = recognizer.info
    people = None
    if segmenter is not None:
        require_maps(recognizer)
        people = load_segmenter(segmenter, option="--segmenter", device=device)
    selection = select_clips(folder, info, data, split)
    views = evaluation_views(temporal_views, spatial_views)
    counts = ViewCounts(temporal_views, spatial_views)
    max_broken = 0.0 if broken == "stop" else 1.0
    with FeatureCache(cache or cache_folder() / "features") as store:
        extractor = _extractor(recognizer, store, workers, device)
        extracted = extractor.extract(
            selection.clips, lambda _: views, title="features, test clips"
        )
        check_broken(extracted.broken, len(selection.clips), max_broken, "They count as wrong.")
        num_trained = refuse_trained_clips(
            folder, extracted.digests, len(selection.clips), allow=allow_trained_clips
        )
        predictions = predict_clips(recognizer, extractor, selection.clips, extracted)
    evaluation = Evaluation(
        **vars(classification_metrics(predictions.probabilities, predictions.labels, info.classes)),
        top1_interval=accuracy_interval(predictions.correct, [c.group for c in selection.clips]),
        calibration=calibration(predictions.probabilities, predictions.labels),
        data=info.data if data is None else resolve_dataset(data),
        views=counts,
        heat_on_person=None
        if people is None
        else heat_on_person(recognizer, people, predictions.readable),
        protocol=describe_protocol(
            selection, counts, num_trained=num_trained, num_broken=len(predictions.broken)
        ),
        broken=tuple(map(str, predictions.broken.values())),
        seconds=time.perf_counter() - started,
        stage_seconds=StageTimes(extracted.seconds.decode, extracted.seconds.backbone),
    )
    _save(folder, recognizer, evaluation, predictions)
    return evaluation


def _extractor(
    recognizer: Recognizer, cache: FeatureCache, workers: int, device: Device
) -> FeatureExtractor:
    info = recognizer.info
    recognizer.model.backbone.freeze()
    return FeatureExtractor(
        recognizer.model,
        info.clip,
        info.backbone.mean,
        info.backbone.std,
        cache,
        workers=workers,
        device=find_device(device),
    )


def _save(
    run: Path, recognizer: Recognizer, evaluation: Evaluation, predictions: ClipPredictions
) -> None:
    predictions.save(run / "predictions.csv")
    report = write_evaluation_report(run, recognizer, evaluation, predictions.mistakes())
    # Last: where metrics.json is, the other files are complete.
    with written_whole(run / "metrics.json") as path:
        path.write_text(json.dumps(evaluation.to_dict(), indent=2) + "\n", encoding="utf-8")
    interval = evaluation.top1_interval
    margin = f" (95 % interval {interval[0]:.1%} to {interval[1]:.1%})" if interval else ""
    say(
        f"top-1 {evaluation.top1:.1%}{margin}, macro-F1 {evaluation.macro_f1:.1%} "
        f"on {evaluation.num_clips} clips. {evaluation.protocol.sentence}\n"
        f"saved to {run / 'metrics.json'} and {report}"
    )
