"""``transnet evaluate``: how good a run is on clips that it has not seen."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from transnet.checkpoints.clip_list import trained_ranges
from transnet.checkpoints.run import RunInfo
from transnet.data.broken import check_broken
from transnet.data.cache.features import FeatureCache
from transnet.data.cache.filling import KeptClips
from transnet.data.datasets.catalog import open_dataset, resolve_dataset
from transnet.data.datasets.csv import read_csv
from transnet.data.manifest import ClipRecord, Manifest
from transnet.data.splits import make_split, siblings_share
from transnet.data.views import SpatialViews, evaluation_views
from transnet.errors import TransNetError
from transnet.evaluation.bootstrap import accuracy_interval
from transnet.evaluation.explanation import heat_on_person, require_maps
from transnet.evaluation.metrics import calibration, classification_metrics
from transnet.evaluation.report import Mistake, write_report
from transnet.inference.features import FeatureExtractor
from transnet.inference.recognizer import Recognizer, load
from transnet.inference.segmenter import load_segmenter
from transnet.utils.files import written_whole
from transnet.utils.paths import cache_folder
from transnet.utils.progress import say

MAX_TEMPORAL_VIEWS = 100
_SPATIAL = {
    "center": "the middle square of each",
    "flip": "the middle square and its mirror image of each",
    "three-crops": "three squares of each",
}


@dataclass(frozen=True)
class _TestPart:
    """The clips to test on, the name and the rule by which they were chosen, and whose they are.

    Only in the run's own dataset does an equal group mean an equal origin.
    """

    clips: tuple[ClipRecord, ...]
    split: str
    rule: str
    own: bool = True


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
) -> dict[str, Any]:
    """Measure a run on test clips, and write metrics.json and report.html.

    Args:
        run: the folder of a trained run
        data: another dataset than the run's own: its test part, or all of it without --split
        split: another split than the run's own (with --data: whose test part to take)
        cache: folder for frame features; by default in the user's cache
        broken: what a test clip is that cannot be read: wrong, or a reason to stop
        temporal_views: samples of each video whose scores are averaged
        spatial_views: center, flip (and its mirror image) or three-crops, averaged as well
        segmenter: folder of transnet pretrain: says how much of the heat (see transnet explain)
            is on people
        allow_trained_clips: test even on clips that the run was trained on
        workers: threads that decode video

    Returns:
        What metrics.json holds.

    Raises:
        TransNetError: the clips are not there, were trained on, or belong to unknown classes.
    """
    started = time.perf_counter()
    if not 1 <= temporal_views <= MAX_TEMPORAL_VIEWS:
        raise TransNetError(
            f"--temporal-views is {temporal_views}; accepted: 1 to {MAX_TEMPORAL_VIEWS}."
        )
    folder = Path(run).expanduser()
    recognizer = load(folder)
    people = None
    if segmenter is not None:
        require_maps(recognizer)
        people = load_segmenter(segmenter, option="--segmenter")
    info = recognizer.info
    part = _test_part(folder, info, data, split)
    _check_classes(part.clips, info.classes)
    recognizer.model.backbone.freeze()
    with FeatureCache(cache or cache_folder() / "features") as store:
        extractor = FeatureExtractor(
            recognizer.model, info.clip, info.backbone.mean, info.backbone.std, store,
            workers=workers,
            device="cuda" if torch.cuda.is_available() else "cpu",
        )  # fmt: skip
        views = evaluation_views(temporal_views, spatial_views)
        done = extractor.extract(part.clips, lambda _: views, title="features, test clips")
        check_broken(
            done.broken, len(part.clips), 0.0 if broken == "stop" else 1.0, "They count as wrong."
        )
        trained = _trained_on(folder, done)
        if trained and not allow_trained_clips:
            raise TransNetError(_refusal(trained, len(part.clips)))
        probabilities = _probabilities(recognizer, extractor, part.clips, done)
    labels = torch.tensor([info.classes.index(clip.label) for clip in part.clips])
    metrics = classification_metrics(probabilities, labels, info.classes)
    right = ((probabilities.argmax(dim=1) == labels) & (probabilities.sum(dim=1) > 0)).tolist()
    metrics["top1_interval"] = accuracy_interval(right, [clip.group for clip in part.clips])
    metrics["calibration"] = calibration(probabilities, labels)
    metrics["data"] = info.data if data is None else resolve_dataset(data)
    metrics["views"] = {"temporal": temporal_views, "spatial": spatial_views}
    metrics["heat_on_person"] = (
        None
        if people is None
        else heat_on_person(
            recognizer,
            people,
            [clip for clip in part.clips if clip not in done.broken],
        )
    )
    metrics["protocol"] = {
        "name": _protocol_name(part.split),
        "split": part.split,
        # Groups of another dataset say nothing of those that were trained on.
        "siblings_in_train": (
            siblings_share(part.clips, _training_clips(folder)) if part.own else None
        ),
        "trained_clips_in_test": len(trained),
        "sentence": "",
    }
    metrics["broken"] = [str(error) for error in done.broken.values()]
    metrics["protocol"]["sentence"] = _sentence(metrics, part.rule, len(trained))
    metrics["seconds"] = time.perf_counter() - started
    metrics["stage_seconds"] = {
        "decode": done.seconds.decode, "backbone": done.seconds.backbone
    }  # fmt: skip
    _write_predictions(folder / "predictions.csv", part.clips, probabilities, info.classes)
    report = write_report(
        folder, recognizer, metrics, _mistakes(part.clips, probabilities, labels, done, info)
    )
    # Last, so that where it is, the rest is.
    with written_whole(folder / "metrics.json") as path:
        path.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    say(
        f"top-1 {metrics['top1']:.1%}{_margin(metrics)}, macro-F1 {metrics['macro_f1']:.1%} "
        f"on {metrics['num_clips']} clips. {metrics['protocol']['sentence']}\n"
        f"saved to {folder / 'metrics.json'} and {report}"
    )
    return metrics


def _margin(metrics: dict[str, Any]) -> str:
    interval = metrics["top1_interval"]
    return f" (95 % interval {interval[0]:.1%} to {interval[1]:.1%})" if interval else ""


def _write_predictions(
    path: Path, clips: Sequence[ClipRecord], probabilities: Tensor, classes: Sequence[str]
) -> None:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["path", "start", "end", "group", "label", "answer", "score"])
    for clip, scores in zip(clips, probabilities.tolist(), strict=True):
        answer = classes[scores.index(max(scores))] if any(scores) else ""
        limits = ["" if frame is None else frame for frame in (clip.start, clip.end)]
        rows.writerow([clip.path, *limits, clip.group, clip.label, answer, f"{max(scores):.6f}"])
    with written_whole(path) as beside:
        beside.write_bytes(text.getvalue().encode("utf-8", "surrogateescape"))


def _test_part(run: Path, info: RunInfo, data: str | None, split: str | None) -> _TestPart:
    if (data is None or resolve_dataset(data) == info.data) and split in (None, info.split):
        manifest = read_csv(run / "clips.csv")
        clips = tuple(c for c in manifest.clips if manifest.splits["column"][c] == "test")
        if clips and not any(clip.path.exists() for clip in clips):
            raise TransNetError(
                f"the test clips of {run} are not where they were (first: {clips[0].path}); "
                "say where the data is now with --data and --split."
            )
        return _TestPart(clips, info.split, info.split_rule)
    manifest = open_dataset(data or info.data)
    in_place = data is None or resolve_dataset(data) == info.data
    own = in_place or _is_moved(run, manifest)
    if split is None and not in_place:
        return _TestPart(manifest.clips, "all", f"all clips of {manifest.name}", own)
    parts = make_split(
        manifest, split or info.split, validation=info.training.validation, seed=info.training.seed
    )
    return _TestPart(parts.test, parts.name, parts.rule, own)


def _is_moved(run: Path, manifest: Manifest) -> bool:
    """Whether a dataset has the classes and groups of the run's own: it lies elsewhere now."""
    before, now = (
        {(clip.label, clip.group) for clip in clips}
        for clips in (read_csv(run / "clips.csv").clips, manifest.clips)
    )
    return before <= now


def _check_classes(clips: Sequence[ClipRecord], classes: Sequence[str]) -> None:
    unknown = sorted({clip.label for clip in clips} - set(classes))
    if unknown:
        raise TransNetError(
            f"test clips show {', '.join(unknown)}, which the run does not know; "
            f"it knows: {', '.join(classes)}."
        )


@torch.inference_mode()
def _probabilities(
    recognizer: Recognizer,
    extractor: FeatureExtractor,
    clips: Sequence[ClipRecord],
    done: KeptClips,
) -> Tensor:
    rows = []
    device = next(recognizer.model.parameters()).device
    for clip in clips:
        if clip in done.broken:
            rows.append(torch.zeros(len(recognizer.classes)))
            continue
        features = torch.stack(
            [torch.from_numpy(extractor.features(key)).float() for key in done.keys[clip]]
        )
        rows.append(recognizer.model.classify(features.to(device)).softmax(dim=1).mean(dim=0).cpu())
    return torch.stack(rows)


def _trained_on(run: Path, done: KeptClips) -> list[ClipRecord]:
    known = trained_ranges(run)

    def overlaps(clip: ClipRecord) -> bool:
        first, last = clip.start or 0, math.inf if clip.end is None else clip.end
        ranges = known.get(done.digests[clip], ())
        return any(first < end and start < last for start, end in ranges)

    return [clip for clip in done.digests if overlaps(clip)]


def _refusal(trained: Sequence[ClipRecord], total: int) -> str:
    first = ", ".join(str(clip.path) for clip in trained[:3])
    return (
        f"{len(trained)} of the {total} test clips were trained on (first: {first}). A score on "
        "them says nothing. Choose the split that the run was trained on, or other clips; to "
        "test on them all the same: --allow-trained-clips"
    )


def _training_clips(run: Path) -> list[ClipRecord]:
    manifest = read_csv(run / "clips.csv")
    return [
        clip
        for clip in manifest.clips
        if manifest.splits["column"][clip] in ("train", "validation")
    ]


def _protocol_name(split: str) -> str:
    return split.partition(":")[0]


def _sentence(metrics: dict[str, Any], rule: str, trained: int) -> str:
    siblings = metrics["protocol"]["siblings_in_train"]
    text = f"Tested on {metrics['num_clips']} clips chosen by {rule}; "
    if siblings is None:
        text += (
            "it is another dataset than that of the training, so it is unknown how many of them "
            "show a person or a video that was trained on."
        )
    else:
        text += (
            f"{siblings:.1%} of them have a sibling (a clip of the same class and group) among "
            "the training clips."
        )
    if siblings and siblings > 0.01:
        text += " So a part of this score is memory, not recognition."
    views = metrics["views"]
    if views != {"temporal": 1, "spatial": "center"}:
        text += (
            f" Scores are averaged over {views['temporal']} samples of each video, "
            f"{_SPATIAL[views['spatial']]}."
        )
    if metrics["broken"]:
        text += f" {len(metrics['broken'])} could not be read and count as wrong."
    if trained:
        text += f" {trained} of them were themselves trained on."
    return text


def _mistakes(
    clips: Sequence[ClipRecord],
    probabilities: Tensor,
    labels: Tensor,
    done: KeptClips,
    info: RunInfo,
) -> list[Mistake]:
    """The wrong answers, the surest first, one of a kind: group, label and answer."""
    best, predicted = probabilities.max(dim=1)
    wrong = [
        Mistake(clip, info.classes[int(predicted[i])], float(best[i]), float(p[labels[i]]))
        for i, (clip, p) in enumerate(zip(clips, probabilities, strict=True))
        if clip not in done.broken and predicted[i] != labels[i]
    ]
    kinds: dict[tuple[str, str, str], Mistake] = {}
    for mistake in sorted(wrong, key=lambda mistake: -mistake.score):
        kinds.setdefault((mistake.clip.group, mistake.clip.label, mistake.answer), mistake)
    return list(kinds.values())
