"""``transnet export``: a trained run as models for ONNX Runtime or OpenVINO.

::

    DIR/clip.onnx        uint8 RGB clips (B, T, H, W, 3) -> probabilities, logits (B, C)
    DIR/encoder.onnx     uint8 RGB frames (B, H, W, 3) -> features (B, L)          for streams:
    DIR/head.onnx        features (B, T, L) -> probabilities, logits (B, C)        each frame once
                         With motion, the encoder also takes the maps of the frames one step before
                         and gives its own maps and pairs (B, P), and the head takes pairs, too.
    DIR/novelty.onnx     means of the maps of T frames -> distances to the training clips, if the
                         run can tell what is unlike them
    DIR/export.json      classes, sampling, sizes, versions, results of the checks

For OpenVINO, ``.xml`` and ``.bin`` instead of ``.onnx``.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import get_args

from transnet.config import ExportFormat
from transnet.errors import TransNetError


def export(
    run: str | Path,
    *,
    out: str,
    format: ExportFormat = "onnx",
    int8: bool = False,
    max_loss: float = 0.01,
    reduce_range: bool = False,
    data: str | None = None,
    cache: str | None = None,
    segmenter: str | None = None,
    detector: str | None = None,
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
        cache: for a run with --crop people: folder of the frame features of its training, which
            also holds whom its clips are cropped to; by default in the user's cache
        segmenter: for a run with --crop people: folder of transnet pretrain, which finds those who
            are not in the cache
        detector: for a run with --crop people: weights of a detector of torchvision, a file, or
            its name, which finds them
        workers: decoding threads
        overwrite: replace an existing export

    Returns:
        The folder.

    Raises:
        TransNetError: a package or the clips are missing, the network cannot be exported, or the
            models disagree with the run. Nothing is written then.
    """
    from transnet.deploy.clips import CropSource
    from transnet.deploy.export_run import export_run

    folder = Path(out).expanduser()
    _check_arguments(folder, format, max_loss, overwrite)
    return export_run(
        run,
        folder,
        format=format,
        int8=int8,
        max_loss=max_loss,
        reduce_range=reduce_range,
        data=data,
        source=CropSource(cache, segmenter, detector),
        workers=workers,
    )


def _check_arguments(folder: Path, format: str, max_loss: float, overwrite: bool) -> None:
    if format not in get_args(ExportFormat):
        raise TransNetError(f"format is {format!r}; accepted: {', '.join(get_args(ExportFormat))}.")
    if not 0 <= max_loss <= 1:
        raise TransNetError(f"max_loss is {max_loss}; accepted: 0 to 1.")
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
