"""The models of an export: written as files, described by their metadata, opened for checking."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transnet.checkpoints.novelty import unknown_pays
from transnet.checkpoints.record import package_versions
from transnet.config import ExportFormat
from transnet.data.video.frames import Pixels
from transnet.deploy.export_info import (
    DIGESTS,
    EXPORT_FILE,
    METADATA_KEY,
    ExportInfo,
    file_digest,
)
from transnet.deploy.runtime import ExportedRecognizer, load
from transnet.errors import TransNetError
from transnet.inference.recognizer import Recognizer
from transnet.model.transnet import TransNet
from transnet.utils.progress import say

if TYPE_CHECKING:
    from transnet.deploy.graphs import Graphs

SUFFIX = {"onnx": ".onnx", "openvino": ".xml"}


def convert(recognizer: Recognizer) -> Graphs:
    """The graphs of a run, in float32.

    Raises:
        TransNetError: the network has operations that ONNX lacks.
    """
    from transnet.deploy.graphs import graphs_of

    say("converting the network to ONNX (takes about ten seconds)")
    model, info = recognizer.model, recognizer.info
    assert isinstance(model, TransNet)
    backbone = info.backbone
    return graphs_of(model, backbone.mean, backbone.std, info.clip.size, recognizer.novelty)


def write_float32(
    recognizer: Recognizer, graphs: Graphs, folder: Path, format: ExportFormat
) -> ExportedRecognizer:
    """Write the models of a run, in float32, to ``folder/float32``, and open them.

    Raises:
        TransNetError: the format lacks an operation of the network.
    """
    return _write(graphs, _describe(recognizer), folder / "float32", format)


def write_int8(
    info: ExportInfo,
    graphs: Graphs,
    clips: Sequence[Pixels],
    folder: Path,
    format: ExportFormat,
    *,
    reduce_range: bool,
) -> tuple[ExportedRecognizer, dict[str, Any]]:
    """Quantize the encoder, write the models to ``folder/int8``, and open them.

    Args:
        info: the description of the models in float32.
        graphs: in float32.
        clips: uint8 frames ``(T, H, W, 3)`` of training clips, for calibration.
        folder: the folder of the export.
        format: the format.
        reduce_range: use 7-bit weights.

    Returns:
        The models in int8, and how they were quantized, as JSON values.

    Raises:
        TransNetError: the backbone cannot be quantized.
    """
    from transnet.deploy.quantization import quantize_encoder

    scratch = folder / "scratch"
    scratch.mkdir()
    try:
        quantized = quantize_encoder(graphs.encoder, clips, scratch, reduce_range=reduce_range)
    except Exception as error:  # the quantizer's errors have no common base
        raise TransNetError(
            f"backbone {info.backbone.name!r} cannot be quantized ({error}); export without --int8."
        ) from error
    how = {
        "calibration_clips": len(clips),
        "layers": quantized.layers,
        "float32_layers": quantized.float_layers,
        "signal_db": round(quantized.signal_db, 1),
        "reduce_range": reduce_range,
    }
    graphs = graphs._replace(encoder=quantized.model)
    return _write(graphs, replace(info, precision="int8"), folder / "int8", format), how


def keep_models(folder: Path, info: ExportInfo, checked: dict[str, Any]) -> None:
    """Move the models of one precision to the top of the folder, and write ``export.json``.

    Args:
        folder: the folder of the export, with a folder for each precision.
        info: the description of the models to keep.
        checked: what the checks found, as JSON values.
    """
    chosen = folder / info.precision
    suffixes = (".xml", ".bin") if list(chosen.glob("*.xml")) else (".onnx",)
    for path in chosen.iterdir():
        if path.suffix in suffixes:
            path.rename(folder / path.name)
    for name in ("float32", "int8", "scratch"):
        shutil.rmtree(folder / name, ignore_errors=True)
    kept = sorted(path for path in folder.iterdir() if path.suffix in (".onnx", ".xml", ".bin"))
    digests = {path.name: file_digest(path) for path in kept}
    values = {**json.loads(info.to_json()), "checked": checked, DIGESTS: digests}
    (folder / EXPORT_FILE).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _describe(recognizer: Recognizer) -> ExportInfo:
    info, novelty, folder = recognizer.info, recognizer.novelty, recognizer.folder
    return ExportInfo(
        classes=info.classes,
        clip=info.clip,
        backbone=info.backbone,
        features=info.model.features,
        precision="float32",
        split=info.split,
        step_s=info.stream_step_s,
        learned_none=info.learned_none,
        class_thresholds=recognizer.thresholds,
        cues=info.model.cues,
        threshold=novelty.threshold if novelty else None,
        unknown_pays=folder is not None and unknown_pays(folder),
        versions={
            **info.versions,
            "transnet-har": package_versions()["transnet-har"],
            **{name: version(name) for name in ("onnx", "onnxruntime")},
        },
    )


def _write(
    graphs: Graphs, info: ExportInfo, folder: Path, format: ExportFormat
) -> ExportedRecognizer:
    """Write the models of clips and of streams, and open them as a user would."""
    import onnx

    from transnet.deploy.joined_graphs import clip_graph, frame_graph

    models = {
        "clip": clip_graph(graphs),
        "encoder": frame_graph(graphs),
        "head": graphs.head,
        **({"novelty": graphs.novelty} if graphs.novelty else {}),
    }
    folder.mkdir()
    for form, model in models.items():
        del model.metadata_props[:]
        model.metadata_props.add(key=METADATA_KEY, value=info.to_json())
        onnx.save(model, folder / f"{form}.onnx")
        if format == "openvino":
            _convert(folder / f"{form}.onnx", info)
    return load(folder / f"clip{SUFFIX[format]}")


def _convert(path: Path, info: ExportInfo) -> None:
    import openvino

    try:
        model = openvino.convert_model(path)
    except Exception as error:  # OpenVINO's errors have no common base
        raise TransNetError(
            f"OpenVINO cannot convert {path.name} ({error}); use --format onnx."
        ) from error
    model.set_rt_info(info.to_json(), [METADATA_KEY])
    openvino.save_model(model, path.with_suffix(".xml"), compress_to_fp16=False)
