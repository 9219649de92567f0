"""``transnet export``: a trained run as models for ONNX Runtime or OpenVINO.

::

    DIR/clip.onnx        uint8 RGB clips (B, T, H, W, 3) -> probabilities, logits (B, C)
    DIR/encoder.onnx     uint8 RGB frames (B, H, W, 3) -> features (B, L)          for streams:
    DIR/head.onnx        features (B, T, L) -> probabilities, logits (B, C)        each frame once
    DIR/export.json      labels, sampling, sizes, versions, and what the check found

``.xml`` and ``.bin`` instead of ``.onnx`` for OpenVINO.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from transnet.checkpoints.record import package_versions
from transnet.checkpoints.run import RunInfo
from transnet.data.datasets.catalog import open_dataset
from transnet.data.datasets.csv import read_csv_dataset
from transnet.data.manifest import ClipRecord
from transnet.data.splits import make_split
from transnet.data.video.frames import Pixels
from transnet.deploy.export_info import METADATA_KEY, ExportInfo
from transnet.deploy.runtime import FORMS, ExportedRecognizer, load
from transnet.deploy.verification import TOLERANCE, compare, read_clips, torch_scores, verify
from transnet.errors import TransNetError
from transnet.inference.recognizer import Recognizer
from transnet.inference.recognizer import load as load_run
from transnet.model.transnet import TransNet
from transnet.utils.progress import say

if TYPE_CHECKING:
    import onnx

Format = Literal["onnx", "openvino"]
CHECKED_CLIPS = 12
CALIBRATION_CLIPS = 32
_SUFFIX = {"onnx": ".onnx", "openvino": ".xml"}


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
    """Write a run as models for other runtimes, checked against the run on real clips.

    Args:
        run: the folder of a trained run
        out: folder for the models
        format: onnx (for ONNX Runtime and many others) or openvino
        int8: 8-bit integers, several times faster; calibrated on training clips, and the accuracy
            that it costs is measured on all test clips
        max_loss: top-1 on the test clips that int8 may cost, 0 to 1; one clip is always allowed
        reduce_range: int8 with 7-bit weights, for x86 processors without VNNI (older than 2019,
            about), on which sums of 8-bit products overflow
        data: the run's dataset, if its clips are not where they were when it was trained
        workers: threads that decode video
        overwrite: replace an export that is already there

    Returns:
        The folder.

    Raises:
        TransNetError: a package or the clips are missing, the network cannot be exported, or the
            export does not answer as the run does; nothing is left behind then.
    """
    folder = Path(out).expanduser()
    _check_arguments(folder, format, max_loss, overwrite)
    recognizer = load_run(run)
    if not isinstance(recognizer.model, TransNet):
        raise TransNetError(
            f"RUN is {str(run)!r}, a {recognizer.info.backbone}, which sees a clip as a whole; "
            "accepted: runs with an image network as their backbone."
        )
    training, test = _clips(Path(run).expanduser(), recognizer.info, data)
    config = recognizer.info.clip
    some = [clip.frames for _, clip in read_clips(
        _some(test or training, CHECKED_CLIPS), config, workers, "reading clips to check with"
    )]  # fmt: skip
    if not some:
        raise TransNetError(
            f"no clip of {run} can be read to check the export with (first: "
            f"{(test or training)[0].path}); say where the data is now with --data."
        )
    with _complete_folder(folder) as making:
        expected = torch_scores(recognizer, some)
        exported = _write_float32(recognizer, making / "float32", format)
        agreement = verify(exported, some, expected)
        if not agreement.max_difference <= TOLERANCE:
            raise TransNetError(
                f"the export does not answer as {run} does: {agreement}; accepted: "
                f"{TOLERANCE:g}. Nothing was kept. Please report it with the backbone's name."
            )
        say(f"float32 against torch: {agreement}")
        record: dict[str, Any] = {"float32": asdict(agreement)}
        if int8:
            if not training:
                raise TransNetError(f"{run} has no training clips to calibrate int8 with.")
            calibration = [clip.frames for _, clip in read_clips(
                _some(training, CALIBRATION_CLIPS), config, workers, "reading clips to calibrate"
            )]  # fmt: skip
            small, how = _write_int8(
                exported, calibration, making, format, reduce_range=reduce_range
            )
            record["int8"] = {
                **how,
                "agreement": asdict(verify(small, some, expected)),
                **_cost(exported, small, test or training, workers, max_loss),
                "measured_on": "test clips" if test else "training clips",
            }
        precision = "int8" if int8 else "float32"
        _keep(making, precision, exported.info if not int8 else small.info, record)
    say(f"saved to {folder} ({', '.join(form + _SUFFIX[format] for form in FORMS)}, export.json)")
    say(f"next: transnet predict {folder} VIDEO...")
    return folder


def _check_arguments(folder: Path, format: str, max_loss: float, overwrite: bool) -> None:
    if format not in _SUFFIX:
        raise TransNetError(f"--format is {format!r}; accepted: {', '.join(_SUFFIX)}.")
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
                f"--out is {str(folder)!r}, which holds something else than an export; "
                "accepted: a new or an empty folder, or that of an earlier export."
            )
        if not overwrite:
            raise TransNetError(
                f"--out is {str(folder)!r}, which holds an export already; accepted: a new "
                "folder, or --overwrite to replace it."
            )


def _clips(
    run: Path, info: RunInfo, data: str | None
) -> tuple[tuple[ClipRecord, ...], tuple[ClipRecord, ...]]:
    """The run's training and test clips."""
    if data is not None:
        parts = make_split(
            open_dataset(data), info.split,
            validation=info.training.validation, seed=info.training.seed,
        )  # fmt: skip
        return parts.train, parts.test
    if not (run / "clips.csv").is_file():
        raise TransNetError(
            f"{run} has no clips.csv, and an export is checked on real clips; "
            "say where the run's dataset is with --data."
        )
    manifest = read_csv_dataset(run / "clips.csv")
    part = manifest.splits["column"]
    training, test = (
        tuple(clip for clip in manifest.clips if part[clip] == name) for name in ("train", "test")
    )
    return training, test


def _some(records: Sequence[ClipRecord], count: int) -> list[ClipRecord]:
    """Evenly spread over the list, which is sorted by class, so that all classes have some."""
    places = np.linspace(0, len(records) - 1, min(count, len(records))).round().astype(int)
    return [records[place] for place in places]


@contextmanager
def _complete_folder(folder: Path) -> Iterator[Path]:
    """A folder beside, which takes its name only once all of it is there."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise TransNetError(f"--out is {str(folder)!r}, which cannot be made ({error}).") from error
    try:
        yield making
        making.chmod(0o777 & ~_umask())
        if folder.is_dir():
            shutil.rmtree(folder)
        os.replace(making, folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write_float32(recognizer: Recognizer, folder: Path, format: Format) -> ExportedRecognizer:
    from transnet.deploy.graphs import encoder_graph, head_graph

    info = _describe(recognizer.info)
    say("writing the network as ONNX (some ten seconds)")
    model = recognizer.model
    assert isinstance(model, TransNet)
    encoder = encoder_graph(model, info.mean, info.std, info.clip.size)
    head = head_graph(model, info.clip.frames, info.features)
    return _write(encoder, head, info, folder, format)


def _write_int8(
    exported: ExportedRecognizer,
    clips: Sequence[Pixels],
    making: Path,
    format: Format,
    *,
    reduce_range: bool,
) -> tuple[ExportedRecognizer, dict[str, Any]]:
    import onnx

    from transnet.deploy.quantization import quantize_encoder

    scratch = making / "scratch"
    scratch.mkdir()
    encoder, head = (onnx.load(making / f"float32/{form}.onnx") for form in ("encoder", "head"))
    try:
        quantized = quantize_encoder(encoder, clips, scratch, reduce_range=reduce_range)
    except Exception as error:  # the quantizer's errors have no common base
        raise TransNetError(
            f"backbone {exported.info.backbone!r} cannot be quantized ({error}); export without "
            "--int8."
        ) from error
    how = {
        "calibration_clips": len(clips),
        "layers": quantized.layers,
        "float32_layers": quantized.float_layers,
        "signal_db": round(quantized.signal_db, 1),
        "reduce_range": reduce_range,
    }
    info = replace(exported.info, precision="int8")
    return _write(quantized.model, head, info, making / "int8", format), how


def _describe(info: RunInfo) -> ExportInfo:
    return ExportInfo(
        classes=info.classes,
        clip=info.clip,
        mean=info.mean,
        std=info.std,
        features=info.model.features,
        precision="float32",
        backbone=info.backbone,
        pretraining=info.pretraining,
        split=info.split,
        versions={
            **info.versions,
            "transnet-har": package_versions()["transnet-har"],
            **{name: version(name) for name in ("onnx", "onnxruntime")},
        },
    )


def _write(
    encoder: onnx.ModelProto, head: onnx.ModelProto, info: ExportInfo, folder: Path, format: Format
) -> ExportedRecognizer:
    """Write the three models, and open them as a user would."""
    import onnx

    from transnet.deploy.graphs import clip_graph

    clip = clip_graph(
        encoder, head,
        num_frames=info.clip.frames, size=info.clip.size, features=info.features,
    )  # fmt: skip
    folder.mkdir()
    for form, model in zip(FORMS, (clip, encoder, head), strict=True):
        del model.metadata_props[:]
        model.metadata_props.add(key=METADATA_KEY, value=info.to_json())
        onnx.save(model, folder / f"{form}.onnx")
        if format == "openvino":
            _convert(folder / f"{form}.onnx", info)
    return load(folder / f"clip{_SUFFIX[format]}")


def _convert(path: Path, info: ExportInfo) -> None:
    import openvino

    try:
        model = openvino.convert_model(path)
    except Exception as error:  # OpenVINO's errors have no common base
        raise TransNetError(
            f"OpenVINO does not understand {path.name} ({error}); use --format onnx."
        ) from error
    model.set_rt_info(info.to_json(), [METADATA_KEY])
    openvino.save_model(model, path.with_suffix(".xml"), compress_to_fp16=False)


def _cost(
    exported: ExportedRecognizer,
    small: ExportedRecognizer,
    records: Sequence[ClipRecord],
    workers: int,
    max_loss: float,
) -> dict[str, Any]:
    """The accuracy of float32 and of int8 on the test clips, and how far their answers agree."""
    config, classes = exported.info.clip, exported.classes
    labels, before, after = [], [], []
    for record, clip in read_clips(records, config, workers, "what int8 costs"):
        if record.label in classes:
            labels.append(classes.index(record.label))
            before.append(exported.scores(clip.frames[None])[0])
            after.append(small.scores(clip.frames[None])[0])
    right, float32, int8 = np.array(labels), np.stack(before), np.stack(after)
    top1_float32, top1_int8 = (
        float((scores.argmax(axis=1) == right).mean()) for scores in (float32, int8)
    )
    agreement = compare(int8, float32)
    loss = top1_float32 - top1_int8
    summary = f"top-1 {top1_float32:.1%} in float32, {top1_int8:.1%} in int8"
    if loss * len(right) > max(1, max_loss * len(right)) + 1e-6:
        raise TransNetError(
            f"int8 costs too much accuracy: {summary} on {len(right)} clips; accepted: a loss of "
            f"{max_loss:.1%} (--max-loss). Nothing was kept. Export without --int8, or train with "
            "another backbone."
        )
    say(f"int8 against float32: {summary}; {agreement}")
    return {
        "top1_float32": top1_float32,
        "top1_int8": top1_int8,
        "top1_loss": loss,
        "num_clips": len(right),
        "against_float32": asdict(agreement),
    }


def _keep(making: Path, precision: str, info: ExportInfo, record: dict[str, Any]) -> None:
    """Leave only the models that were asked for, with their record."""
    suffixes = (".onnx",) if not list((making / precision).glob("*.xml")) else (".xml", ".bin")
    for path in (making / precision).iterdir():
        if path.suffix in suffixes:
            path.rename(making / path.name)
    for folder in ("float32", "int8", "scratch"):
        shutil.rmtree(making / folder, ignore_errors=True)
    values = {**json.loads(info.to_json()), "checked": record}
    (making / "export.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
