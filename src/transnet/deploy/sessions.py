"""An exported file opened in its runtime: ONNX Runtime for ``.onnx``, OpenVINO for ``.xml``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from transnet.deploy.export_info import (
    EARLIER,
    METADATA_KEY,
    ExportInfo,
    read_export_info,
    require_undamaged,
)
from transnet.errors import TransNetError
from transnet.runtimes.sessions import OpenVinoModel, onnx_session, openvino_core

SUFFIXES = (".onnx", ".xml")


class Session(Protocol):
    """An open model; several threads may call it at once.

    Attributes:
        info: the description of the model.
        input_shapes: of each input, by its name; the first number, of rows, means nothing.
        outputs: their names, in order.
    """

    info: ExportInfo
    outputs: tuple[str, ...]
    input_shapes: dict[str, tuple[int, ...]]

    def run(self, *inputs: NDArray[Any]) -> list[NDArray[np.float32]]:
        """The inputs to the outputs of the model; shapes as in :mod:`transnet.deploy.export`."""

    def stream(self) -> FrameStream:
        """The first input, row after row, to the outputs by their names.

        Each input ``earlier_X`` is the output ``X`` of the row before, and zero at first; these
        outputs are not among those returned.
        """


FrameStream = Callable[[NDArray[Any]], dict[str, NDArray[np.float32]]]


def open_session(path: Path, threads: int = 0, calls: int = 1) -> Session:
    """Open an exported file in the runtime of its suffix.

    Args:
        path: ``*.onnx`` or ``*.xml``.
        threads: number of threads; 0: the runtime's default.
        calls: number of calls at once that share the threads, at most as many.

    Raises:
        TransNetError: the file is broken or no export of TransNet, or the runtime is not
            installed.
    """
    if threads < 0:
        raise TransNetError(f"--threads is {threads}; accepted: 0 or more.")
    session: type[OnnxSession | OpenVinoSession] = (
        OnnxSession if path.suffix == ".onnx" else OpenVinoSession
    )
    require_undamaged(path)
    try:
        return session(path, threads, calls)
    except TransNetError:
        raise
    except ImportError as error:
        package = "onnxruntime" if session is OnnxSession else "openvino"
        raise TransNetError(
            f"{path} needs {package}, which is not installed: pip install {package}"
        ) from error
    except Exception as error:  # the runtimes' errors have no common base
        raise TransNetError(f"{path} cannot be opened as a model ({error}).") from error


class OnnxSession:
    """A file in ONNX Runtime, on the CPU."""

    def __init__(self, path: Path, threads: int, calls: int) -> None:
        self._path = path
        self._session = onnx_session(path, threads, calls=calls)
        self._inputs = [each.name for each in self._session.get_inputs()]
        self.input_shapes = {each.name: tuple(each.shape) for each in self._session.get_inputs()}
        self.outputs = tuple(each.name for each in self._session.get_outputs())
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.info = read_export_info(metadata.get(METADATA_KEY), path)

    def run(self, *inputs: NDArray[Any]) -> list[NDArray[np.float32]]:
        try:
            return self._session.run(None, dict(zip(self._inputs, inputs, strict=True)))
        except Exception as error:  # the runtime's errors have no common base
            raise _refused(self._path, error) from error

    def stream(self) -> FrameStream:
        return _CarryingStream(self)


class _CarryingStream:
    """The rows of a stream; what is carried comes out of the runtime and goes in again."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._carried = _carried(session.input_shapes)
        shapes = [session.input_shapes[name] for name in self._carried]
        self._maps = [np.zeros((1, *shape[1:]), np.float32) for shape in shapes]

    def __call__(self, row: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        values = self._session.run(row, *self._maps)
        found = dict(zip(self._session.outputs, values, strict=True))
        self._maps = [found.pop(name) for name in self._carried.values()]
        return found


class OpenVinoSession:
    """A file in OpenVINO, on the CPU, in the precision that it was exported in."""

    def __init__(self, path: Path, threads: int, calls: int) -> None:
        self._path = path
        model = openvino_core().read_model(path)
        info = model.get_rt_info([METADATA_KEY]).value if model.has_rt_info(METADATA_KEY) else None
        self.info = read_export_info(info, path)
        self.input_shapes = {
            each.any_name: tuple(each.partial_shape.get_min_shape()) for each in model.inputs
        }
        self.outputs = tuple(each.any_name for each in model.outputs)
        # OpenVINO cannot compile a quantized model that keeps what is carried.
        self._kept = {} if self.info.precision == "int8" else _carried(self.input_shapes)
        self._model = OpenVinoModel(
            model, threads, calls=calls, mostly_one_row=True, carried=self._kept
        )

    def run(self, *inputs: NDArray[Any]) -> list[NDArray[np.float32]]:
        try:
            return self._model(*inputs)
        except Exception as error:  # the runtime's errors have no common base
            raise _refused(self._path, error) from error

    def stream(self) -> FrameStream:
        if not self._kept:
            return _CarryingStream(self)
        call = self._model.sequence()
        names = [name for name in self.outputs if name not in self._kept.values()]

        def run(row: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
            try:
                return dict(zip(names, call([row]), strict=True))
            except Exception as error:  # the runtime's errors have no common base
                raise _refused(self._path, error) from error

        return run


def _carried(inputs: Iterable[str]) -> dict[str, str]:
    """The inputs that are outputs of the row before, and the names of these."""
    return {name: name.removeprefix(EARLIER) for name in inputs if name.startswith(EARLIER)}


def _refused(path: Path, error: Exception) -> TransNetError:
    return TransNetError(f"{path} does not take frames as its description says ({error}).")
