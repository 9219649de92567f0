"""``transnet export``: a trained run as models for ONNX Runtime or OpenVINO.

::

    DIR/clip.onnx        uint8 RGB clips (B, T, H, W, 3) -> probabilities, logits (B, C)
    DIR/encoder.onnx     uint8 RGB frames (B, H, W, 3) -> features (B, L)          for streams:
    DIR/head.onnx        features (B, T, L) -> probabilities, logits (B, C)        each frame once
    DIR/export.json      classes, sampling, sizes, versions, results of the checks

For OpenVINO, ``.xml`` and ``.bin`` instead of ``.onnx``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transnet.data.video.frames import Pixels
from transnet.deploy.clips import RunClips, clips_of_run
from transnet.deploy.int8_cost import int8_cost
from transnet.deploy.models import SUFFIX, Format, keep_models, write_float32, write_int8
from transnet.deploy.runtime import FORMS, ExportedRecognizer
from transnet.deploy.verification import TOLERANCE, Agreement, run_scores, verify
from transnet.errors import TransNetError
from transnet.inference.recognizer import load as load_run
from transnet.model.transnet import TransNet
from transnet.utils.files import whole_folder
from transnet.utils.progress import say

CHECKED_CLIPS = 12
CALIBRATION_CLIPS = 32


def export(
    run: str | Path,
    *,
    out: str,
    format: Format = "onnx",
    int8: bool = False,
    max_loss: float = 0.01,
    reduce_range: bool = False,
    data: str | None = None,
    workers: int = 2,
    overwrite: bool = False,
) -> Path:
    """Export a run to another runtime, checked against the run on real clips.

    Args:
        run: folder of a trained run
        out: folder for the models
        format: onnx (for ONNX Runtime and many others) or openvino
        int8: quantize to 8-bit integers, several times faster; calibrated on training clips; the
            loss of accuracy is measured on all test clips
        max_loss: accepted loss of top-1 with int8, 0 to 1; one clip is always accepted
        reduce_range: int8 with 7-bit weights, for x86 CPUs without VNNI (before about 2019), on
            which sums of 8-bit products overflow
        data: the run's dataset, if its clips are not where they were in training
        workers: decoding threads
        overwrite: replace an existing export

    Returns:
        The folder.

    Raises:
        TransNetError: a package or the clips are missing, the network cannot be exported, or the
            models disagree with the run. Nothing is written then.
    """
    folder = Path(out).expanduser()
    _check_arguments(folder, format, max_loss, overwrite)
    recognizer = load_run(run, device="cpu")
    if not isinstance(recognizer.model, TransNet):
        raise TransNetError(
            f"RUN is {str(run)!r}, a {recognizer.info.backbone.name}, which needs whole clips; "
            "accepted: runs with an image network as their backbone."
        )
    clips = clips_of_run(Path(run).expanduser(), recognizer.info, data, workers)
    checked = _clips_to_check(run, clips)
    with whole_folder(folder) as unfinished:
        expected = run_scores(recognizer, checked)
        exported = write_float32(recognizer, unfinished, format)
        agreement = _require_agreement(run, exported, checked, expected)
        found: dict[str, Any] = {"float32": asdict(agreement)}
        info = exported.info
        if int8:
            calibration = _clips_to_calibrate(run, clips)
            small, how = write_int8(
                exported, calibration, unfinished, format, reduce_range=reduce_range
            )
            how["agreement"] = asdict(verify(small, checked, expected))
            how |= int8_cost(exported, small, clips, max_loss)
            how["measured_on"] = "test clips" if clips.test else "training clips"
            found["int8"], info = how, small.info
        keep_models(unfinished, info, found)
    say(f"saved to {folder} ({', '.join(form + SUFFIX[format] for form in FORMS)}, export.json)")
    say(f"next: transnet predict {folder} VIDEO...")
    return folder


def _check_arguments(folder: Path, format: str, max_loss: float, overwrite: bool) -> None:
    if format not in SUFFIX:
        raise TransNetError(f"--format is {format!r}; accepted: {', '.join(SUFFIX)}.")
    if not 0 <= max_loss <= 1:
        raise TransNetError(f"--max-loss is {max_loss}; accepted: 0 to 1.")
    needed = ["onnx", "onnxruntime", "onnxscript"]
    if format == "openvino":
        needed.append("openvino")
    for package in needed:
        try:
            version(package)
        except PackageNotFoundError:
            extra = "openvino" if package == "openvino" else "export"
            raise TransNetError(
                f"transnet export needs {package}, which is not installed: "
                f"pip install 'transnet-har[{extra}]'"
            ) from None
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / "export.json").is_file():
            raise TransNetError(
                f"--out is {str(folder)!r}, which holds something other than an export; "
                "accepted: a new or empty folder, or that of an earlier export."
            )
        if not overwrite:
            raise TransNetError(
                f"--out is {str(folder)!r}, which holds an export already; accepted: a new "
                "folder, or --overwrite to replace it."
            )


def _clips_to_check(run: str | Path, clips: RunClips) -> list[Pixels]:
    found = clips.frames(clips.measured, CHECKED_CLIPS, "reading clips to check")
    if not found:
        raise TransNetError(
            f"no clip of {run} can be read to check the export with (first: "
            f"{clips.measured[0].path}); name the dataset's current place with --data."
        )
    return found


def _clips_to_calibrate(run: str | Path, clips: RunClips) -> list[Pixels]:
    if not clips.training:
        raise TransNetError(f"{run} has no training clips to calibrate int8 with.")
    return clips.frames(clips.training, CALIBRATION_CLIPS, "reading clips to calibrate")


def _require_agreement(
    run: str | Path,
    exported: ExportedRecognizer,
    clips: Sequence[Pixels],
    expected: NDArray[np.float32],
) -> Agreement:
    agreement = verify(exported, clips, expected)
    if not agreement.max_difference <= TOLERANCE:
        raise TransNetError(
            f"the export does not agree with {run}: {agreement}; accepted: {TOLERANCE:g}. "
            "Nothing was written. Please report it with the backbone's name."
        )
    say(f"float32 against torch: {agreement}")
    return agreement
