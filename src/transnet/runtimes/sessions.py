"""A model file opened in ONNX Runtime or OpenVINO, on the processor."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def onnx_session(path: Path, threads: int, *, spinning: bool = True) -> Any:
    """ONNX Runtime's own session of a file, on the processor.

    Args:
        path: ``*.onnx``.
        threads: threads to use; 0: as many as it thinks right.
        spinning: its threads wait for work at full speed, in the way of whatever else is done.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if not spinning:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def openvino_core() -> Any:
    """OpenVINO's core, the only one of the process, which is kept to its end.

    Each core brings a stack for signals and, when it is freed, puts back the one that it found.
    Where two are freed, the older one first, that is one that is gone: the next signal (Ctrl-C, the
    end of a loader's worker) then kills the process.
    """
    with _MAKING_CORE:  # a cache alone would let two threads make one each
        return _core()


_MAKING_CORE = threading.Lock()


@cache
def _core() -> Any:
    import openvino

    return openvino.Core()


def openvino_function(model: Any, threads: int) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
    """A model of OpenVINO as a function of its input, on the processor, for several threads.

    Args:
        model: as OpenVINO read it.
        threads: threads to use; 0: as many as it thinks right.
    """
    # Left to itself, OpenVINO computes in bfloat16 where the processor can.
    settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
    if threads:
        settings["INFERENCE_NUM_THREADS"] = threads
    compiled = openvino_core().compile_model(model, "CPU", settings)
    requests = threading.local()  # each of them answers one call at a time

    def run(batch: NDArray[Any]) -> NDArray[np.float32]:
        if not hasattr(requests, "own"):
            requests.own = compiled.create_infer_request()
        return np.array(requests.own.infer(np.ascontiguousarray(batch))[0])

    return run
