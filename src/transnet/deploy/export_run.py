"""The export of a run: models written, checked against the run, and quantized."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transnet.checkpoints.hub_files import local_folder
from transnet.checkpoints.novelty import load_novelty
from transnet.checkpoints.run import RunInfo
from transnet.config import ExportFormat
from transnet.data.video.frames import Pixels
from transnet.deploy.clips import CropSource, RunClips, clips_of_run, missing_people
from transnet.deploy.int8_cost import int8_cost
from transnet.deploy.models import SUFFIX, convert, keep_models, write_float32, write_int8
from transnet.deploy.runtime import ExportedRecognizer, forms_of
from transnet.deploy.verification import TOLERANCE, Agreement, Answers, answers_of_run, verify
from transnet.errors import TransNetError
from transnet.inference.recognizer import load as load_run
from transnet.model.transnet import TransNet
from transnet.utils.files import whole_folder
from transnet.utils.progress import say

CHECKED_CLIPS = 12
CALIBRATION_CLIPS = 32


def export_run(
    run: str | Path,
    folder: Path,
    *,
    format: ExportFormat,
    int8: bool,
    max_loss: float,
    reduce_range: bool,
    data: str | None,
    source: CropSource,
    workers: int,
) -> Path:
    """Export a run; the arguments are those of :func:`~transnet.deploy.export.export`."""
    can_tell = load_novelty(run) is not None
    recognizer = load_run(run, device="cpu", unknown="on" if can_tell else "off")
    if not isinstance(recognizer.model, TransNet):
        raise TransNetError(
            f"RUN is {str(run)!r}, a {recognizer.info.backbone.name}, which needs whole clips; "
            "accepted: runs with an image network as their backbone."
        )
    clips = clips_of_run(local_folder(run), recognizer.info, data, workers, source)
    checked = _clips_to_check(run, clips)
    with whole_folder(folder) as unfinished:
        expected = answers_of_run(recognizer, checked)
        graphs = convert(recognizer)
        exported = write_float32(recognizer, graphs, unfinished, format)
        agreement = _require_agreement(run, exported, checked, expected)
        found: dict[str, Any] = {"float32": asdict(agreement)}
        info = exported.info
        if int8:
            calibration = _clips_to_calibrate(run, recognizer.info, clips)
            small, how = write_int8(
                info, graphs, calibration, unfinished, format, reduce_range=reduce_range
            )
            how["agreement"] = asdict(verify(small, checked, expected))
            how |= int8_cost(exported, small, clips, max_loss)
            how["measured_on"] = "test clips" if clips.test else "training clips"
            found["int8"], info = how, small.info
        keep_models(unfinished, info, found)
    files = ", ".join(form + SUFFIX[format] for form in forms_of(info))
    say(f"saved to {folder} ({files}, export.json)")
    say(f"next: transnet predict {folder} VIDEO...")
    return folder


def _clips_to_check(run: str | Path, clips: RunClips) -> list[Pixels]:
    found = clips.frames(clips.measured, CHECKED_CLIPS, "reading clips to check")
    if not found:
        raise TransNetError(
            f"no clip of {run} can be read to check the export with (first: "
            f"{clips.measured[0].path}); name the dataset's current place with --data."
        )
    return found


def _clips_to_calibrate(run: str | Path, info: RunInfo, clips: RunClips) -> list[Pixels]:
    if not clips.training and info.clip.crop == "people":
        raise missing_people(run, info, "training clips")
    if not clips.training:
        raise TransNetError(f"{run} has no training clips to calibrate int8 with.")
    return clips.frames(clips.training, CALIBRATION_CLIPS, "reading clips to calibrate")


def _require_agreement(
    run: str | Path,
    exported: ExportedRecognizer,
    clips: Sequence[Pixels],
    expected: Answers,
) -> Agreement:
    agreement = verify(exported, clips, expected)
    if not max(agreement.max_difference, agreement.max_distance_difference) <= TOLERANCE:
        raise TransNetError(
            f"the export does not agree with {run}: {agreement}; accepted: {TOLERANCE:g}. "
            "Nothing was written. Please report it with the backbone's name."
        )
    say(f"float32 against torch: {agreement}")
    return agreement
