"""What the predictions of a run rest on: each cue alone, and a still instead of the clip."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import torch
from torch import Tensor

from transnet.data.cache.filling import KeptClips
from transnet.evaluation.predictions import ClipPredictions
from transnet.inference.features import FeatureExtractor
from transnet.inference.recognizer import Recognizer
from transnet.model.encoded import Encoded
from transnet.model.networks import device_of
from transnet.model.transnet import TransNet

APPEARANCE = "appearance"
_STILL = "still"


@dataclass(frozen=True)
class Evidence:
    """The accuracy from a part of what a run sees, on the same test clips, 0..1.

    With several labels at once, mAP in its place.

    Attributes:
        cues: from each cue alone; empty for a run with one cue.
        still: from the appearance of the middle frame, in place of all frames; ``None`` for a run
            that classifies motion alone. The cues of motion have no part in it: they never saw a
            clip in which nothing moves, so what they say of one is arbitrary.
    """

    cues: dict[str, float]
    still: float | None

    @property
    def parts(self) -> dict[str, float]:
        """The accuracies by the name of the part, in words."""
        named = {f"{cue.replace('_', ' ')} alone": share for cue, share in self.cues.items()}
        return named if self.still is None else {**named, "a still (the middle frame)": self.still}

    @property
    def sentence(self) -> str:
        """The accuracies in words."""
        return "rests on: " + ", ".join(f"{name} {share:.1%}" for name, share in self.parts.items())


@torch.inference_mode()
def measure_evidence(
    recognizer: Recognizer,
    extractor: FeatureExtractor,
    predictions: ClipPredictions,
    extracted: KeptClips,
) -> Evidence | None:
    """Classify the test clips from each cue alone, and stills of them, with cached features.

    Args:
        recognizer: the recognizer.
        extractor: reads the features.
        predictions: the predictions for the clips; those that cannot be read count as wrong.
        extracted: what ``extractor`` made of the clips.

    Returns:
        The accuracies; ``None`` for a 3D network, and for a run with one cue of motion.
    """
    model = recognizer.model
    if not isinstance(model, TransNet):
        return None
    rows: dict[str, list[Tensor]] = defaultdict(list)
    readable = [i for i, clip in enumerate(predictions.clips) if clip not in predictions.broken]
    for clip in predictions.readable:
        views = extractor.encoded(extracted.keys[clip])
        encoded = Encoded(*(each.to(device_of(model)) for each in views))
        outputs = model.cue_logits(encoded) if len(model.cues) > 1 else {}
        if APPEARANCE in model.cues:
            outputs[_STILL] = model.cue_logits(still(encoded))[APPEARANCE]
        for name, logits in outputs.items():
            probabilities = model.scoring.probabilities(logits / model.temperature)
            rows[name].append(probabilities.mean(dim=0).cpu())
    if not rows:
        return None
    labels = predictions.labels[readable]
    shares = {name: _score(torch.stack(found), labels, predictions) for name, found in rows.items()}
    at_rest = shares.pop(_STILL, None)
    return Evidence(shares, at_rest)


def _score(probabilities: Tensor, labels: Tensor, predictions: ClipPredictions) -> float:
    if predictions.scoring.thresholds:
        return float(predictions.scoring.score(probabilities, labels))
    hits = int((probabilities.argmax(dim=1) == labels).sum())
    return hits / len(predictions.clips)  # clips that cannot be read are wrong


def still(encoded: Encoded) -> Encoded:
    """The features of clips whose frames are all the middle one; the motion stays as it is."""
    middle = encoded.frames.shape[1] // 2
    frames = encoded.frames[:, middle : middle + 1].expand_as(encoded.frames)
    return Encoded(frames, encoded.pairs)
