"""A model file opened in ONNX Runtime or OpenVINO, on the CPU."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


def onnx_session(path: Path, threads: int, *, calls: int = 1, spinning: bool = True) -> Any:
    """A session of ONNX Runtime, on the CPU.

    Args:
        path: ``*.onnx``.
        threads: number of threads; 0: the runtime's default.
        calls: number of calls at once that share the threads, at most as many.
        spinning: whether idle threads wait busily: faster if nothing else runs, slower otherwise.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads // calls
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


def _tensor(values: NDArray[Any]) -> Any:
    import openvino

    return openvino.Tensor(values, shared_memory=True)


_Form = Literal["rows", "row", "sequence"]


class OpenVinoModel:
    """A model of OpenVINO, on the CPU; several threads may call it at once.

    Args:
        model: the model, as read by OpenVINO; the first axis of each input counts rows.
        threads: number of threads; 0: the runtime's default.
        calls: number of calls at once that share the threads; more wait for each other.
        mostly_one_row: whether to compile it for one row, where all shapes are known: the motion of
            one pair takes half the time so. For more rows it is compiled when they first come.
        carried: for :meth:`sequence`, the names of inputs, each with that of the output which it is
            given of the call before. The model is compiled for sequences first then, and for other
            calls when one comes.
    """

    def __init__(
        self,
        model: Any,
        threads: int,
        *,
        calls: int = 1,
        mostly_one_row: bool = False,
        carried: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._model, self._mostly_one_row, self._carried = model, mostly_one_row, dict(carried)
        # By default OpenVINO computes in bfloat16 on CPUs that support it.
        self._settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
        if threads:
            self._settings["INFERENCE_NUM_THREADS"] = threads
        if calls > 1:
            self._settings["NUM_STREAMS"] = calls
        self._compiled: dict[_Form, Any] = {}
        self._compiling = threading.Lock()
        self._requests = threading.local()  # a request handles one call at a time
        # Here, so that a refused model is an error of opening.
        self._request("sequence" if carried else "row" if mostly_one_row else "rows")

    def _request(self, form: _Form) -> Any:
        with self._compiling:
            if form not in self._compiled:
                self._compiled[form] = self._compile(form)
            return self._compiled[form].create_infer_request()

    def _compile(self, form: _Form) -> Any:
        model = self._model
        if form != "rows":
            model = model.clone()
            model.reshape({each: [1, *list(each.partial_shape)[1:]] for each in model.inputs})
        if form == "sequence":
            from openvino.passes import MakeStateful, Manager

            passes = Manager()
            passes.register_pass(MakeStateful(self._carried))
            passes.run_passes(model)
        return openvino_core().compile_model(model, "CPU", self._settings)

    def __call__(self, *inputs: NDArray[Any]) -> list[NDArray[np.float32]]:
        """The inputs, with equal numbers of rows, to the outputs in their order."""
        one_row = self._mostly_one_row and len(inputs[0]) == 1
        own: dict[bool, _OneRow | _Rows] = vars(self._requests).setdefault("own", {})
        if one_row not in own:
            request = self._request("row" if one_row else "rows")
            own[one_row] = _OneRow(request) if one_row else _Rows(request)
        return own[one_row].run(inputs)

    def sequence(self) -> Callable[[Sequence[NDArray[Any]]], list[NDArray[np.float32]]]:
        """A sequence of calls, by one thread at a time, each with one row of what is not carried.

        What is carried stays in the runtime, is zero at first, and is neither given nor returned:
        copying the maps of a frame in and out takes as long as a third of its motion.
        """
        return _OneRow(self._request("sequence")).run


class _Rows:
    """A request for any number of rows."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def run(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        # Kept until the call returns. OpenVINO shares no memory that it may not write to.
        given = [np.require(each, requirements=["C", "W"]) for each in inputs]
        # infer() with inputs would take 0.1 ms or more to look at their types.
        for port, each in zip(self._request.model_inputs, given, strict=True):
            self._request.set_tensor(port, _tensor(each))
        self._request.infer()
        return [np.array(each.data) for each in self._request.output_tensors]


class _OneRow:
    """A request for one row, whose memory stays where it is.

    Copying into it takes a third of the time of making tensors: of five inputs and seven outputs
    0.1 and not 0.3 ms.
    """

    def __init__(self, request: Any) -> None:
        self._request = request
        self._inputs = [each.data for each in request.input_tensors]
        self._outputs = [each.data for each in request.output_tensors]

    def run(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        for kept, given in zip(self._inputs, inputs, strict=True):
            if (kept.shape, kept.dtype) != (given.shape, given.dtype):
                raise ValueError(
                    f"{given.dtype} {given.shape} is given; accepted: {kept.dtype} {kept.shape}"
                )
            kept[...] = given
        self._request.infer()
        return [each.copy() for each in self._outputs]
