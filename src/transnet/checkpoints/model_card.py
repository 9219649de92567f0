"""The model card of a run: what it is, how it was measured, and how far to trust that."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transnet.checkpoints.run import RunInfo
from transnet.errors import TransNetError
from transnet.reports.intervals import interval_text

MAX_LEAK = 0.01
_TASK = "video-classification"

_BODY = """
# {title}

Recognizes {count} actions in video: {classes}.

{backbone} on each frame, pretrained on {pretraining}, and a temporal head ({temporal}, cues:
{cues}) of [TransNet](https://arxiv.org/abs/2309.06951).

{usage}

## How good it is

{measured}

## What it saw

* Training clips: {data}, split `{split}` ({rule}).
* A clip is {frames} frames of {size} x {size} pixels{place}, {sampling}.
* `config.json` holds digests of the training clips: `transnet evaluate` refuses to test on them.
  It names no file and no person.

## Licenses

This repository: {license}. Weights of the backbone: {backbone_license} ({weights}). The license of
the training clips is not recorded.

Made with {versions}.
"""

_USAGE = """```bash
pip install transnet-har
transnet predict hf-hub:{name} video.mp4
transnet live hf-hub:{name} 0
```

```python
import transnet

print(transnet.load("hf-hub:{name}").predict("video.mp4"))
```"""

_PEOPLE_USAGE = """It classifies crops of people, which in training were found by: {people}.

```bash
pip install 'transnet-har[people]'
transnet predict hf-hub:{name} video.mp4 --people --{kind} {own}
transnet live hf-hub:{name} 0 --people --{kind} {own}
```

```python
import transnet

finder = transnet.find_people({kind}="{own}")
print(transnet.predict_people(transnet.load("hf-hub:{name}"), "video.mp4", finder))
```"""

_UNMEASURED = """**It was not evaluated.** No score is known. Measure it on your own clips before
you rely on it: `transnet evaluate hf-hub:{name} --data YOUR_CLIPS{finder}`."""

_LEAKING = """**This score is too high.** {leak:.1%} of the test clips share class and group (the
same person, scene, or recording) with a training clip, so part of it is memory, not recognition."""


@dataclass(frozen=True)
class Scores:
    """What ``metrics.json`` says, as a card needs it.

    Attributes:
        top1: share of the test clips that are classified right, 0..1.
        interval: 95 % interval of ``top1``; ``None`` if it is not known.
        macro_f1: mean F1 of the classes, 0..1.
        num_clips: number of test clips.
        num_groups: number of their groups (people, recordings); ``None`` if it is not known.
        split: the split, such as ``official:1``.
        siblings_in_train: share of the test clips that share class and group with a training
            clip, 0..1; ``None`` if it is not known.
        sentence: how the clips were chosen.
        mean_average_precision: mAP, 0..1, of a run that answers several labels at once, whose
            ``top1`` is the share of the clips with all labels right.
        map_interval: its 95 % interval.
    """

    top1: float
    interval: tuple[float, float] | None
    macro_f1: float
    num_clips: int
    num_groups: int | None
    split: str
    siblings_in_train: float | None
    sentence: str
    mean_average_precision: float | None = None
    map_interval: tuple[float, float] | None = None

    def limits(self, interval: tuple[float, float] | None) -> str:
        """An interval in words, to follow its score; empty if the groups are not known."""
        if self.num_groups is None:
            return ""
        return f" ({interval_text(interval, self.num_groups)})"

    @property
    def headline(self) -> str:
        """The score to look at first, in words: mAP with several labels, else top-1 accuracy."""
        if self.mean_average_precision is not None:
            return f"mAP {self.mean_average_precision:.1%}"
        return f"Top-1 accuracy {self.top1:.1%}"

    @property
    def leaks(self) -> bool:
        """Whether more than 1 % of the test clips have a sibling in training."""
        return (self.siblings_in_train or 0) > MAX_LEAK


def read_scores(folder: Path) -> Scores | None:
    """The scores of a run folder; ``None`` if it was not evaluated.

    Raises:
        TransNetError: ``metrics.json`` cannot be understood.
    """
    path = folder / "metrics.json"
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        protocol, several = values["protocol"], values.get("several")
        return Scores(
            top1=float(values["top1"]),
            interval=_interval(values.get("top1_interval")),
            macro_f1=float(values["macro_f1"]),
            num_clips=int(values["num_clips"]),
            num_groups=values.get("num_groups"),
            split=str(protocol["split"]),
            siblings_in_train=protocol["siblings_in_train"],
            sentence=str(protocol["sentence"]),
            mean_average_precision=float(several["mean_average_precision"]) if several else None,
            map_interval=_interval(several["interval"]) if several else None,
        )
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise TransNetError(
            f"{path} cannot be understood ({error!r}); make it again with transnet evaluate."
        ) from error


def _interval(values: Sequence[float] | None) -> tuple[float, float] | None:
    return (float(values[0]), float(values[1])) if values else None


def model_card(info: RunInfo, name: str, license: str, scores: Scores | None) -> str:
    """The text of ``README.md``.

    Args:
        info: the record of the run.
        name: ``USER/NAME`` of the repository.
        license: license of the whole.
        scores: its metrics, if it was evaluated.
    """
    from huggingface_hub import ModelCardData

    title = name.partition("/")[2]
    data = ModelCardData(
        library_name="transnet-har",
        pipeline_tag=_TASK,
        license=license,
        base_model=base_model(info),
        tags=["action-recognition", "transnet"],
        model_name=title,
        eval_results=_results(info, scores) if scores else None,
    )
    uniform = info.clip.sampling == "uniform"
    versions = ("transnet-har", "torch", "timm")
    body = _BODY.format(
        title=title,
        usage=_usage(info, name),
        count=len(info.classes),
        classes=", ".join(info.classes),
        backbone=info.backbone.name,
        pretraining=info.backbone.pretraining,
        temporal=info.model.temporal,
        cues=info.model.cues,
        measured=_measured(info, name, scores),
        data=info.data if info.data in ("kth", "ucf101", "hmdb51") else "the author's own",
        split=info.split,
        rule=info.split_rule,
        frames=info.clip.frames,
        size=info.clip.size,
        place=_place(info),
        sampling="evenly spaced" if uniform else f"{info.clip.stride_s} s apart",
        license=license,
        backbone_license=info.backbone.license,
        weights=info.backbone.weights,
        versions=", ".join(f"{one} {info.versions.get(one, '?')}" for one in versions),
    )
    return f"---\n{data.to_yaml()}\n---\n{body}"


def base_model(info: RunInfo) -> str | None:
    """``USER/NAME`` of the repository that the backbone's weights are from, if they are."""
    found = re.match(r"(?:timm hub|hub): ([\w.-]+/[\w.-]+?)(?:@|\s|$)", info.backbone.weights)
    return found[1] if found else None


def _usage(info: RunInfo, name: str) -> str:
    if info.clip.crop == "none":
        return _USAGE.format(name=name)
    kind, own = _finder(info)
    return _PEOPLE_USAGE.format(name=name, people=info.people, kind=kind, own=own)


def _finder(info: RunInfo) -> tuple[str, str]:
    """The option of what finds people, and what stands for its value."""
    return ("segmenter", "SHAPE") if info.people.startswith("segmenter") else ("detector", "FILE")


def _place(info: RunInfo) -> str:
    """What of the picture the pixels of a clip show, in words."""
    crop = ", cropped to a person" if info.clip.crop == "people" else ""
    region = f", in the region `{info.clip.region}` of the picture" if info.clip.region else ""
    return crop + region


def _measured(info: RunInfo, name: str, scores: Scores | None) -> str:
    if scores is None:
        finder = "" if info.clip.crop == "none" else " --{} {}".format(*_finder(info))
        return _UNMEASURED.format(name=name, finder=finder)
    text = f"{scores.headline}{scores.limits(scores.interval)}"
    if scores.mean_average_precision is not None:
        text = (
            f"{scores.headline}{scores.limits(scores.map_interval)}, all labels of a clip right "
            f"{scores.top1:.1%}"
        )
    text += f", macro-F1 {scores.macro_f1:.1%}, on {scores.num_clips} clips. {scores.sentence}"
    if scores.leaks:
        text += "\n\n" + _LEAKING.format(leak=scores.siblings_in_train)
    return text


def _results(info: RunInfo, scores: Scores) -> list[Any]:
    from huggingface_hub import EvalResult

    leak = scores.siblings_in_train
    told = "unknown" if leak is None else f"{leak:.1%}"
    warning = "too high; " if scores.leaks else ""

    def about(limits: str) -> str:
        limits = f"{limits}; " if limits else ""
        return f" ({warning}{limits}test clips with a sibling in training: {told})"

    shared: dict[str, Any] = {
        "task_type": _TASK,
        "dataset_type": info.data if info.data in ("ucf101", "hmdb51", "kth") else "own-clips",
        "dataset_name": f"{info.data}, split {scores.split}, {scores.num_clips} clips",
        "dataset_split": scores.split,
    }
    exact = "Top-1 accuracy" if scores.mean_average_precision is None else "All labels right"
    limits, map_limits = (
        scores.limits(interval).strip(" ()") for interval in (scores.interval, scores.map_interval)
    )
    figures = [
        ("accuracy", exact, scores.top1, scores.interval, limits),
        ("f1", "Macro-F1", scores.macro_f1, None, ""),  # its interval is not measured
    ]
    if scores.mean_average_precision is not None:
        measured = scores.mean_average_precision, scores.map_interval, map_limits
        figures.insert(0, ("mAP", "mAP", *measured))
    return [
        EvalResult(
            **shared,
            metric_type=kind,
            metric_value=round(value, 4),
            metric_name=name + about(limits),
            metric_args={"interval_95": interval and list(interval), "siblings_in_train": leak},
        )
        for kind, name, value, interval, limits in figures
    ]
