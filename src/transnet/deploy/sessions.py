"""One exported file, ready to run: ONNX Runtime for ``.onnx``, OpenVINO for ``.xml``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from transnet.deploy.export_info import METADATA_KEY, ExportInfo, read_export_info
from transnet.errors import TransNetError

SUFFIXES = (".onnx", ".xml")


class Session(Protocol):
    """A model with one input, whose first output is what we ask for; for several threads at once.

    Attributes:
        info: labels, sampling, sizes.
    """

    info: ExportInfo

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """The first output of a batch; its shapes are those of :mod:`transnet.deploy.runtime`."""


def open_session(path: Path, threads: int = 0) -> Session:
    """Open an exported file with the runtime that its name calls for.

    Args:
        path: ``*.onnx`` or ``*.xml``.
        threads: threads to use; 0: as many as the runtime thinks right.

    Raises:
        TransNetError: the file is broken or not ours, or the runtime is not installed.
    """
    if threads < 0:
        raise TransNetError(f"--threads is {threads}; accepted: 0 or more.")
    session: type[OnnxSession | OpenVinoSession] = (
        OnnxSession if path.suffix == ".onnx" else OpenVinoSession
    )
    try:
        return session(path, threads)
    except TransNetError:
        raise
    except ImportError as error:
        package = "onnxruntime" if session is OnnxSession else "openvino"
        raise TransNetError(
            f"{path} needs {package}, which is not installed: pip install {package}"
        ) from error
    except Exception as error:  # each runtime has its own kinds
        raise TransNetError(f"{path} cannot be opened as a model ({error}).") from error


class OnnxSession:
    """A file in ONNX Runtime, on the processor."""

    def __init__(self, path: Path, threads: int) -> None:
        self._session = onnx_session(path, threads)
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[0].name
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.info = read_export_info(metadata.get(METADATA_KEY), path)

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        return self._session.run([self._output], {self._input: batch})[0]


class OpenVinoSession:
    """A file in OpenVINO, on the processor, in the precision that it was exported in."""

    def __init__(self, path: Path, threads: int) -> None:
        model = openvino_core().read_model(path)
        info = model.get_rt_info([METADATA_KEY]).value if model.has_rt_info(METADATA_KEY) else None
        self.info = read_export_info(info, path)
        self._run = openvino_function(model, threads)

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        return self._run(batch)


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
