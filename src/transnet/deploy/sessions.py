"""One exported file, ready to run: ONNX Runtime for ``.onnx``, OpenVINO for ``.xml``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from transnet.deploy.export_info import METADATA_KEY, ExportInfo, read_export_info
from transnet.errors import TransNetError
from transnet.runtimes.sessions import onnx_session, openvino_core, openvino_function

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
