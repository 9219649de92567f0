"""What a recognizer predicts for the test clips, and where it is wrong."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from transnet.data.cache.filling import KeptClips
from transnet.data.manifest import ClipRecord
from transnet.errors import FileError
from transnet.inference.features import FeatureExtractor
from transnet.inference.recognizer import Recognizer
from transnet.utils.files import written_whole


@dataclass(frozen=True)
class Mistake:
    """A clip with a wrong prediction.

    Attributes:
        clip: the clip, with its true label.
        answer: the predicted class.
        score: probability of the predicted class, 0..1.
        right_score: probability of the true class, 0..1.
    """

    clip: ClipRecord
    answer: str
    score: float
    right_score: float


@dataclass(frozen=True, eq=False)
class ClipPredictions:
    """The predictions for the test clips.

    Attributes:
        clips: the clips, N.
        classes: class names, C.
        probabilities: ``(N, C)``; zeros for a clip that cannot be read.
        broken: the clips that cannot be read.
    """

    clips: Sequence[ClipRecord]
    classes: Sequence[str]
    probabilities: Tensor
    broken: Mapping[ClipRecord, FileError]

    @cached_property
    def labels(self) -> Tensor:
        """Index of each clip's true class, ``(N,)``."""
        return torch.tensor([self.classes.index(clip.label) for clip in self.clips])

    @property
    def readable(self) -> list[ClipRecord]:
        """The clips that can be read."""
        return [clip for clip in self.clips if clip not in self.broken]

    @property
    def correct(self) -> list[bool]:
        """Whether each clip is predicted correctly."""
        hits = self.probabilities.argmax(dim=1) == self.labels
        return (hits & (self.probabilities.sum(dim=1) > 0)).tolist()

    def mistakes(self) -> list[Mistake]:
        """Wrong predictions, most confident first, one for each group, label and answer."""
        scores, predicted = self.probabilities.max(dim=1)
        right_scores = self.probabilities.gather(1, self.labels[:, None])[:, 0]
        wrong = [
            Mistake(clip, self.classes[int(predicted[i])], float(scores[i]), float(right_scores[i]))
            for i, clip in enumerate(self.clips)
            if clip not in self.broken and predicted[i] != self.labels[i]
        ]
        distinct: dict[tuple[str, str, str], Mistake] = {}
        for mistake in sorted(wrong, key=lambda mistake: -mistake.score):
            distinct.setdefault((mistake.clip.group, mistake.clip.label, mistake.answer), mistake)
        return list(distinct.values())

    def save(self, path: Path) -> None:
        """Write ``predictions.csv``, a row for each clip.

        Raises:
            TransNetError: the file cannot be written.
        """
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["path", "start", "end", "group", "label", "answer", "score"])
        for clip, scores in zip(self.clips, self.probabilities.tolist(), strict=True):
            answer = self.classes[scores.index(max(scores))] if any(scores) else ""
            limits = ["" if frame is None else frame for frame in (clip.start, clip.end)]
            score = f"{max(scores):.6f}"
            rows.writerow([clip.path, *limits, clip.group, clip.label, answer, score])
        with written_whole(path) as beside:
            beside.write_bytes(text.getvalue().encode("utf-8", "surrogateescape"))


@torch.inference_mode()
def predict_clips(
    recognizer: Recognizer,
    extractor: FeatureExtractor,
    clips: Sequence[ClipRecord],
    extracted: KeptClips,
) -> ClipPredictions:
    """Classify clips whose features are in the cache; average over the views of each.

    Args:
        recognizer: the recognizer.
        extractor: reads the features.
        clips: the clips.
        extracted: what ``extractor`` made of them.
    """
    rows = []
    device = next(recognizer.model.parameters()).device
    for clip in clips:
        if clip in extracted.broken:
            rows.append(torch.zeros(len(recognizer.classes)))
            continue
        encoded = extractor.encoded(extracted.keys[clip])
        logits = recognizer.model.classify(*(each.to(device) for each in encoded))
        rows.append(logits.softmax(dim=1).mean(dim=0).cpu())
    return ClipPredictions(clips, recognizer.classes, torch.stack(rows), extracted.broken)
