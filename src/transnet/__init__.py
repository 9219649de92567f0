"""TransNet recognizes human actions in video.

A pretrained 2D backbone encodes each frame; three 1D convolutions model time. ::

    import transnet

    run = transnet.train("my_clips", out="runs/mine")     # a folder of class folders
    transnet.evaluate(run)                                # metrics.json and report.html
    transnet.load(run).predict("clip.mp4")                # Prediction(label, score, scores, ...)

Names are imported on first use, so ``import transnet`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transnet.config import (
        ClipConfig,
        ModelConfig,
        PretrainingConfig,
        StreamConfig,
        TrainingConfig,
    )
    from transnet.data.clips import Clip, read_clip
    from transnet.data.datasets.catalog import open_dataset
    from transnet.data.manifest import ClipRecord, Manifest
    from transnet.data.splits import Split, make_split
    from transnet.deploy.loading import load
    from transnet.errors import TransNetError, VideoError
    from transnet.evaluation.evaluate import evaluate
    from transnet.evaluation.evaluation import Evaluation
    from transnet.experiments.train import train
    from transnet.inference.events import EventDetector
    from transnet.inference.finders import find_people
    from transnet.inference.label_events import LabelEvents
    from transnet.inference.people import PersonPrediction, predict_people
    from transnet.inference.people_timeline import find_people_segments
    from transnet.inference.prediction import Prediction, Segment
    from transnet.inference.recognizer import Recognizer
    from transnet.inference.segmenter import load_segmenter
    from transnet.inference.timeline import find_segments
    from transnet.model.own_parts import register_backbone, register_temporal
    from transnet.model.transnet import TransNet
    from transnet.training.pretrain import pretrain

_HOMES = {
    "Clip": "transnet.data.clips",
    "ClipConfig": "transnet.config",
    "ClipRecord": "transnet.data.manifest",
    "Evaluation": "transnet.evaluation.evaluation",
    "EventDetector": "transnet.inference.events",
    "LabelEvents": "transnet.inference.label_events",
    "Manifest": "transnet.data.manifest",
    "ModelConfig": "transnet.config",
    "Prediction": "transnet.inference.prediction",
    "PersonPrediction": "transnet.inference.people",
    "PretrainingConfig": "transnet.config",
    "Recognizer": "transnet.inference.recognizer",
    "Segment": "transnet.inference.prediction",
    "Split": "transnet.data.splits",
    "StreamConfig": "transnet.config",
    "TrainingConfig": "transnet.config",
    "TransNet": "transnet.model.transnet",
    "TransNetError": "transnet.errors",
    "VideoError": "transnet.errors",
    "evaluate": "transnet.evaluation.evaluate",
    "find_people": "transnet.inference.finders",
    "find_people_segments": "transnet.inference.people_timeline",
    "find_segments": "transnet.inference.timeline",
    "load": "transnet.deploy.loading",
    "load_segmenter": "transnet.inference.segmenter",
    "make_split": "transnet.data.splits",
    "open_dataset": "transnet.data.datasets.catalog",
    "predict_people": "transnet.inference.people",
    "pretrain": "transnet.training.pretrain",
    "read_clip": "transnet.data.clips",
    "register_backbone": "transnet.model.own_parts",
    "register_temporal": "transnet.model.own_parts",
    "train": "transnet.experiments.train",
}

__all__ = [
    "Clip",
    "ClipConfig",
    "ClipRecord",
    "Evaluation",
    "EventDetector",
    "LabelEvents",
    "Manifest",
    "ModelConfig",
    "PersonPrediction",
    "Prediction",
    "PretrainingConfig",
    "Recognizer",
    "Segment",
    "Split",
    "StreamConfig",
    "TrainingConfig",
    "TransNet",
    "TransNetError",
    "VideoError",
    "__version__",
    "evaluate",
    "find_people",
    "find_people_segments",
    "find_segments",
    "load",
    "load_segmenter",
    "make_split",
    "open_dataset",
    "predict_people",
    "pretrain",
    "read_clip",
    "register_backbone",
    "register_temporal",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value = importlib.import_module("importlib.metadata").version("transnet-har")
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'transnet' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
