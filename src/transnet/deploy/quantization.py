"""int8 by post-training static quantization: 8-bit weights per channel, 8-bit activations.

The batch norms are already folded into the convolutions. The readout and the temporal part stay in
float32: they are a thousandth of the work, and errors in them change the prediction directly.

The first layers may stay in float32, too. Those of a depthwise network compute small differences
of neighboring pixels, which 8 bits round away (one depthwise layer of MobileNetV1 alone loses more
accuracy than all others together). The number of such layers is the smallest one with which the
features of held-out clips reach ``ENOUGH_DB`` (without appearance, their last maps).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from transnet.data.video.frames import Pixels
from transnet.utils.progress import progress_bar
from transnet.utils.spacing import evenly_spaced

if TYPE_CHECKING:
    import onnx

ENOUGH_DB = 22.0
"""Ratio of the features to the error of int8, in decibels: the error is a twelfth of them."""

FLOAT_LAYERS = (0, 1, 2, 3, 5, 7, 10, 14, 20, 28)
MAX_FLOAT_SHARE = 0.5
CALIBRATION_FRAMES = 4
_WEIGHTED = ("Conv", "MatMul", "Gemm")
_QUANTIZED = (*_WEIGHTED, "Add", "Clip", "MaxPool", "Relu")
_READOUT = "spatial.readout."


@dataclass(frozen=True)
class Quantized:
    """An encoder in int8.

    Attributes:
        model: the graph, with QuantizeLinear and DequantizeLinear around the int8 layers.
        float_layers: number of first layers that stayed in float32.
        layers: number of layers of the backbone with weights.
        signal_db: ratio of the features, without appearance of the last map, to their error on
            held-out clips, in decibels.
    """

    model: onnx.ModelProto
    float_layers: int
    layers: int
    signal_db: float


def quantize_encoder(
    encoder: onnx.ModelProto, clips: Sequence[Pixels], folder: Path, *, reduce_range: bool = False
) -> Quantized:
    """Quantize the encoder of a frame.

    Args:
        encoder: ``frames`` uint8 ``(B, H, W, 3)`` to outputs of which the first is compared, made
            by :func:`~transnet.deploy.graphs.graphs_of`.
        clips: uint8 frames ``(T, H, W, 3)`` of training clips, two or more. A quarter of them is
            held out to measure the error.
        folder: folder for intermediate files.
        reduce_range: 7-bit weights, for CPUs on which sums of 8-bit products overflow.
    """
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    plain, prepared, tried = (folder / f"{name}.onnx" for name in ("plain", "prepared", "tried"))
    onnx.save(encoder, plain)
    quant_pre_process(str(plain), str(prepared))
    nodes = list(onnx.load(prepared).graph.node)
    end = next((i for i, node in enumerate(nodes) if _is_readout(node)), len(nodes))
    starts = [i for i, node in enumerate(nodes[:end]) if node.op_type in _WEIGHTED]
    held_out = clips[::4]
    calibration = [clip for index, clip in enumerate(clips) if index % 4] or held_out
    reference = _features(plain, held_out)
    most = max(1, int(MAX_FLOAT_SHARE * len(starts)))
    counts = [count for count in FLOAT_LAYERS if count <= most]
    best: Quantized | None = None
    with progress_bar("quantizing", len(counts), "attempts") as bar:
        for count in counts:
            excluded = [node.name for node in (*nodes[: starts[count]], *nodes[end:])]
            _quantize(prepared, tried, calibration, excluded, reduce_range)
            signal_db = _signal_db(reference, _features(tried, held_out))
            bar.update(1)
            if best is None or signal_db > best.signal_db:
                best = Quantized(onnx.load(tried), count, len(starts), signal_db)
            if signal_db >= ENOUGH_DB:
                break
    assert best is not None
    del best.model.graph.value_info[:]  # shapes of intermediate values: not needed
    return best


def _is_readout(node: onnx.NodeProto) -> bool:
    return any(_READOUT in name for name in node.input)


def _quantize(
    source: Path,
    target: Path,
    clips: Sequence[Pixels],
    excluded: list[str],
    reduce_range: bool,
) -> None:
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    class Frames(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._clips = iter(clips)

        def get_next(self) -> dict[str, Any] | None:
            clip = next(self._clips, None)
            return (
                None
                if clip is None
                else {"frames": clip[evenly_spaced(range(len(clip)), CALIBRATION_FRAMES)]}
            )

    with _quietly():
        quantize_static(
            str(source),
            str(target),
            Frames(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=reduce_range,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=list(_QUANTIZED),
            nodes_to_exclude=excluded,
        )


def _features(model: Path, clips: Sequence[Pixels]) -> NDArray[np.float32]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"frames": clip})[0] for clip in clips])


def _signal_db(reference: NDArray[np.float32], found: NDArray[np.float32]) -> float:
    error = float(np.square(found - reference, dtype=np.float64).mean())
    signal = float(np.square(reference, dtype=np.float64).mean())
    return 10 * float(np.log10(max(signal, 1e-30) / max(error, 1e-30)))


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence the quantizer: it logs advice that we follow already (preprocessing)."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
