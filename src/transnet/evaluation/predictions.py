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
from transnet.inference.prediction import Prediction
from transnet.inference.recognizer import Recognizer
from transnet.model.scoring import Scoring
from transnet.utils.files import written_whole


@dataclass(frozen=True)
class Mistake:
    """A clip with a wrong prediction.

    Attributes:
        clip: the clip, with its true label.
        answer: the predicted class, several joined by ``|``, or ``unknown``.
        about: the class to explain: the predicted one; of several, the one that is most wrong.
        score: probability of the predicted class, 0..1; of several, of the wrong decision on
            ``about``.
        right_score: probability of the true class, 0..1; of several, of the right decision.
    """

    clip: ClipRecord
    answer: str
    about: str
    score: float
    right_score: float


@dataclass(frozen=True, eq=False)
class ClipPredictions:
    """The predictions for the test clips.

    Attributes:
        clips: the clips, N.
        classes: class names, C; the last may be ``_none``.
        probabilities: ``(N, C)``; zeros for a clip that cannot be read.
        broken: the clips that cannot be read.
        scoring: what is answered, given the probabilities.
    """

    clips: Sequence[ClipRecord]
    classes: Sequence[str]
    probabilities: Tensor
    broken: Mapping[ClipRecord, FileError]
    scoring: Scoring

    @cached_property
    def labels(self) -> Tensor:
        """What each clip shows: index of its class, ``(N,)``, or 0 and 1, ``(N, C)``."""
        return self.scoring.targets(self.clips, self.classes)

    @cached_property
    def answers(self) -> list[str]:
        """The label of each clip's prediction; empty for a clip that cannot be read."""
        rows = zip(self.clips, self.probabilities.tolist(), strict=True)
        return ["" if clip in self.broken else self._answer(row) for clip, row in rows]

    def _answer(self, row: Sequence[float]) -> str:
        thresholds = self.scoring.thresholds
        return Prediction.of("", self.classes, row, 0.0, 0.0, thresholds=thresholds).label

    @property
    def readable(self) -> list[ClipRecord]:
        """The clips that can be read."""
        return [clip for clip in self.clips if clip not in self.broken]

    @property
    def correct(self) -> list[bool]:
        """Whether each clip is predicted correctly."""
        read = self.probabilities.sum(dim=1) > 0
        if not self.scoring.thresholds:
            return ((self.probabilities.argmax(dim=1) == self.labels) & read).tolist()
        return ((self._answered == self.labels.bool()).all(dim=1) & read).tolist()

    @cached_property
    def _answered(self) -> Tensor:
        """Whether each of several labels is answered, ``(N, C)``."""
        thresholds = torch.tensor(self.scoring.thresholds, dtype=torch.float64)
        return self.probabilities.double() >= thresholds

    def mistakes(self) -> list[Mistake]:
        """Wrong predictions, most confident first, one for each group, label and answer."""
        wrong = [
            self._mistake(i)
            for i, right in enumerate(self.correct)
            if not right and self.clips[i] not in self.broken
        ]
        distinct: dict[tuple[str, str, str], Mistake] = {}
        for mistake in sorted(wrong, key=lambda mistake: -mistake.score):
            distinct.setdefault((mistake.clip.group, mistake.clip.label, mistake.answer), mistake)
        return list(distinct.values())

    def _mistake(self, index: int) -> Mistake:
        clip, answer, row = self.clips[index], self.answers[index], self.probabilities[index]
        if self.scoring.thresholds:
            answered = self._answered[index]
            wrong = answered != self.labels[index].bool()
            decided = torch.where(answered, row, 1 - row).masked_fill(~wrong, 0.0)
            worst = int(decided.argmax())
            score, right_score = float(decided[worst]), 1 - float(decided[worst])
        else:
            worst = int(row.argmax())
            score, right_score = float(row[worst]), float(row[self.labels[index]])
        return Mistake(clip, answer, self.classes[worst], score, right_score)

    def save(self, path: Path) -> None:
        """Write ``predictions.csv``, a row for each clip.

        With several labels at once, each class has a column ``score:CLASS`` too.

        Raises:
            TransNetError: the file cannot be written.
        """
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        more = [f"score:{name}" for name in self.classes] if self.scoring.thresholds else []
        rows.writerow(["path", "start", "end", "group", "label", "answer", "score", *more])
        columns = (self.clips, self.answers, self.probabilities.tolist())
        for clip, answer, scores in zip(*columns, strict=True):
            limits = ["" if frame is None else frame for frame in (clip.start, clip.end)]
            score = f"{max(scores):.6f}"
            of_classes = [f"{value:.6f}" for value in scores] if more else []
            shown = [clip.label, answer, score, *of_classes]
            rows.writerow([clip.path, *limits, clip.group, *shown])
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
    rows, scoring = [], recognizer.model.scoring
    device = next(recognizer.model.parameters()).device
    for clip in clips:
        if clip in extracted.broken:
            rows.append(torch.zeros(len(recognizer.info.outputs)))
            continue
        encoded = extractor.encoded(extracted.keys[clip])
        logits = recognizer.model.classify(*(each.to(device) for each in encoded))
        rows.append(scoring.probabilities(logits).mean(dim=0).cpu())
    outputs = recognizer.info.outputs
    return ClipPredictions(clips, outputs, torch.stack(rows), extracted.broken, scoring)
