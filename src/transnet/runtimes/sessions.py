"""A model file opened in ONNX Runtime or OpenVINO, on the CPU."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def onnx_session(path: Path, threads: int, *, spinning: bool = True) -> Any:
    """A session of ONNX Runtime, on the CPU.

    Args:
        path: ``*.onnx``.
        threads: number of threads; 0: the runtime's default.
        spinning: whether idle threads wait busily: faster if nothing else runs, slower otherwise.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if not spinning:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def openvino_core() -> Any:
    """OpenVINO's core: one per process, never freed.

    Each core installs a stack for signals and, when it is freed, restores the one that it found.
    If two are freed, the older one first, that stack no longer exists: the next signal (Ctrl-C,
    the end of a loader's worker) then kills the process.
    """
    with _MAKING_CORE:  # with the cache alone, two threads could make one each
        return _core()


_MAKING_CORE = threading.Lock()


@cache
def _core() -> Any:
    import openvino

    return openvino.Core()


Function = Callable[..., list[NDArray[np.float32]]]
"""From the inputs of a model to its outputs, in their order."""


def openvino_function(model: Any, threads: int) -> Function:
    """A model of OpenVINO as a function, on the CPU; several threads may call it at once.

    Args:
        model: the model, as read by OpenVINO.
        threads: number of threads; 0: the runtime's default.
    """
    # By default OpenVINO computes in bfloat16 on CPUs that support it.
    settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
    if threads:
        settings["INFERENCE_NUM_THREADS"] = threads
    compiled = openvino_core().compile_model(model, "CPU", settings)
    requests = threading.local()  # a request handles one call at a time

    def run(*inputs: NDArray[Any]) -> list[NDArray[np.float32]]:
        if not hasattr(requests, "own"):
            requests.own = compiled.create_infer_request()
        given = [np.ascontiguousarray(each) for each in inputs]  # kept until the call returns
        outputs = requests.own.infer(given, share_inputs=True)
        return [np.array(outputs[output]) for output in compiled.outputs]

    return run
