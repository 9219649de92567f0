"""The evaluation of a run on test clips."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch

from transnet.config import ClipConfig, Device
from transnet.data.broken import check_broken
from transnet.data.cache.features import FeatureCache
from transnet.data.datasets.catalog import resolve_dataset
from transnet.data.manifest import ClipRecord
from transnet.data.views import SpatialViews, evaluation_views
from transnet.evaluation.bootstrap import accuracy_interval
from transnet.evaluation.evaluation import Evaluation, StageTimes
from transnet.evaluation.evidence import measure_evidence
from transnet.evaluation.explanation import heat_on_person, require_maps
from transnet.evaluation.label_metrics import label_metrics, several_labels_metrics
from transnet.evaluation.metrics import calibration, classification_metrics
from transnet.evaluation.predictions import ClipPredictions, predict_clips
from transnet.evaluation.protocol import ViewCounts, describe_protocol
from transnet.evaluation.report import write_evaluation_report
from transnet.evaluation.selection import Selection, select_clips
from transnet.evaluation.trained_clips import refuse_trained_clips
from transnet.evaluation.unknown import measure_unknown, unknown_videos
from transnet.inference.features import FeatureExtractor
from transnet.inference.finders import PeopleFinder, finder_of_crops
from transnet.inference.people_clips import follow_clips
from transnet.inference.recognizer import Recognizer, load
from transnet.inference.segmenter import PersonSegmenter, load_segmenter
from transnet.model.networks import device_of
from transnet.runtimes.device import find_device
from transnet.utils.files import written_whole
from transnet.utils.paths import cache_folder
from transnet.utils.progress import say


def evaluate_run(
    folder: Path,
    *,
    data: str | None,
    split: str | None,
    cache: str | None,
    broken: Literal["wrong", "stop"],
    temporal_views: int,
    spatial_views: SpatialViews,
    segmenter: str | None,
    detector: str | None,
    unknown: str | None,
    allow_trained_clips: bool,
    workers: int,
    device: Device,
) -> Evaluation:
    """Evaluate a run; the arguments are those of :func:`transnet.evaluate`."""
    started = time.perf_counter()
    recognizer = load(folder, device=device, unknown="off")
    info = recognizer.info
    others = unknown_videos(unknown, folder, info)
    find, people = _finders(recognizer, segmenter, detector, device)
    selection = select_clips(folder, info, data, split)
    views = evaluation_views(temporal_views, spatial_views)
    counts = ViewCounts(temporal_views, spatial_views)
    max_broken = 0.0 if broken == "stop" else 1.0
    with FeatureCache(cache or cache_folder() / "features") as store:
        extractor = _extractor(recognizer, store, workers, device)
        selection, others = _followed(find, store, info.clip, selection, others)
        extracted = extractor.extract(
            selection.clips, lambda _: views, title="features, test clips"
        )
        check_broken(extracted.broken, len(selection.clips), max_broken, "They count as wrong.")
        num_trained = refuse_trained_clips(
            folder, extracted.digests, len(selection.clips), allow=allow_trained_clips
        )
        predictions = predict_clips(recognizer, extractor, selection.clips, extracted)
        evidence = measure_evidence(recognizer, extractor, predictions, extracted)
        told_from = extractor.extract(others, title="features, unknown clips")
        told = measure_unknown(
            folder, recognizer, extractor, (selection.clips, extracted), (others, told_from)
        )
    evaluation = Evaluation(
        **_scores(predictions),
        data=info.data if data is None else resolve_dataset(data),
        views=counts,
        heat_on_person=heat_on_person(recognizer, people, predictions.readable) if people else None,
        protocol=describe_protocol(
            selection, counts, num_trained=num_trained, num_broken=len(predictions.broken)
        ),
        unknown=told,
        num_groups=len({clip.group for clip in selection.clips}),
        evidence=evidence,
        broken=tuple(map(str, predictions.broken.values())),
        seconds=time.perf_counter() - started,
        stage_seconds=StageTimes(extracted.seconds.decode, extracted.seconds.backbone),
    )
    _save(folder, recognizer, evaluation, predictions)
    return evaluation


def _scores(predictions: ClipPredictions) -> dict[str, Any]:
    """The scores of an evaluation, as its arguments."""
    found, labels, classes = predictions.probabilities, predictions.labels, predictions.classes
    groups = [clip.group for clip in predictions.clips]
    interval = accuracy_interval(predictions.correct, groups)
    thresholds = predictions.scoring.thresholds
    if not thresholds:
        metrics = vars(classification_metrics(found, labels, classes))
        return {**metrics, "top1_interval": interval, "calibration": calibration(found, labels)}
    metrics = vars(several_labels_metrics(found, labels, predictions.correct, classes, thresholds))
    readable = found.sum(dim=1) > 0
    # Each class of each clip is a decision between no and yes.
    decisions = torch.stack([1 - found[readable], found[readable]], dim=2).flatten(0, 1)
    return {
        **metrics,
        "top1_interval": interval,
        "calibration": calibration(decisions, labels[readable].long().flatten()),
        "several": label_metrics(found, labels, classes, thresholds, groups),
    }


def _finders(
    recognizer: Recognizer, segmenter: str | None, detector: str | None, device: Device
) -> tuple[PeopleFinder | None, PersonSegmenter | None]:
    """What finds the people whom the clips are cropped to, or what tells heat on people."""
    info = recognizer.info
    heat = segmenter if info.clip.crop == "none" else None
    find = finder_of_crops(
        info.clip.crop,
        segmenter=None if heat else segmenter,
        detector=detector,
        device=device_of(recognizer.model),
        trained_with=info.people,
    )
    if heat is None:
        return find, None
    require_maps(recognizer)
    return None, load_segmenter(heat, option="--segmenter", device=device)


def _followed(
    find: PeopleFinder | None,
    store: FeatureCache,
    config: ClipConfig,
    selection: Selection,
    others: Sequence[ClipRecord],
) -> tuple[Selection, list[ClipRecord]]:
    """The test clips and the unknown ones, with the people whom they are cropped to."""
    if find is None:
        return selection, list(others)
    followed = follow_clips(selection.clips, find, store, config)
    return replace(selection, clips=followed), list(follow_clips(others, find, store, config))


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
    rests_on = f"{evaluation.evidence.sentence}\n" if evaluation.evidence else ""
    told = f"{evaluation.unknown.sentence}\n" if evaluation.unknown else ""
    say(
        f"{evaluation.score_text} on {evaluation.num_clips} clips. "
        f"{evaluation.protocol.sentence}\n"
        f"{rests_on}{told}"
        f"saved to {run / 'metrics.json'} and {report}"
    )
