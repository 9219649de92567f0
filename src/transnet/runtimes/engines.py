"""A network in one runtime: PyTorch (eager or compiled), ONNX Runtime or OpenVINO."""

from __future__ import annotations

import importlib.util
import logging
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from transnet.errors import TransNetError
from transnet.runtimes.sessions import OpenVinoModel, onnx_session, openvino_core

Runtime = Literal["eager", "compiled", "onnx", "openvino"]
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)
Engine = Callable[[Tensor], tuple[Tensor, ...]]

_PACKAGES = {
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "openvino": ("onnx", "onnxscript", "openvino"),
}


def installed_runtimes() -> tuple[Runtime, ...]:
    """The runtimes of this machine; ``compiled`` requires a C++ compiler."""
    return tuple(runtime for runtime in RUNTIMES if not _missing(runtime))


def open_engine(
    module: nn.Module,
    example: Tensor,
    runtime: Runtime,
    *,
    threads: int = 0,
    calls: int = 1,
    graph: Path | None = None,
) -> Engine:
    """Open a network in a runtime, on the CPU, in float32.

    Args:
        module: maps one tensor to one tensor or to several.
        example: an input. The size of its first dimension may vary later; the others are fixed.
        runtime: the runtime.
        threads: number of threads; 0: the runtime's default. For PyTorch the number holds for the
            whole process.
        calls: number of calls at once that share the threads, at most as many; PyTorch takes one.
        graph: path of an ``.onnx`` file, which is read if it exists and written otherwise, so
            that opening the network again is fast.

    Returns:
        A function from an input to the network's outputs. With ONNX Runtime and OpenVINO it may be
        called from several threads at once; in OpenVINO more than ``calls`` wait for each other.

    Raises:
        TransNetError: the runtime is not installed, or the network cannot run in it.
    """
    if missing := _missing(runtime):
        raise TransNetError(f"runtime {runtime!r} needs {missing}, which is not installed.")
    module = module.eval()
    if runtime in ("eager", "compiled"):
        if threads:
            torch.set_num_threads(threads)
        return _torch_engine(module, example, compiled=runtime == "compiled")
    with tempfile.TemporaryDirectory() as folder:
        path = graph or Path(folder) / "network.onnx"
        if not path.exists():
            _write_graph(module, example, path)
        open_graph = _onnx_engine if runtime == "onnx" else _openvino_engine
        return open_graph(path, threads, calls)


def _missing(runtime: Runtime) -> str:
    """What the runtime lacks on this machine; empty if nothing."""
    if runtime == "compiled" and not (shutil.which("g++") or shutil.which("clang++")):
        return "a C++ compiler"
    packages = _PACKAGES.get(runtime, ())
    return ", ".join(name for name in packages if importlib.util.find_spec(name) is None)


def _torch_engine(module: nn.Module, example: Tensor, *, compiled: bool) -> Engine:
    call: Any = module
    if compiled:
        # The compiler imports it on first use. On a machine with CUDA's files and no GPU it then
        # says "No CUDA runtime is found", in the middle of a training on the CPU.
        logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
        call = torch.compile(module, options={"freezing": True})  # folds batch norms

    def run(batch: Tensor) -> tuple[Tensor, ...]:
        with torch.inference_mode():
            return _several(call(batch))

    try:
        run(example)
    except Exception as error:  # the compiler's errors have no common base
        raise TransNetError(f"PyTorch cannot run the network ({_first_line(error)}).") from error
    return run


def _write_graph(module: nn.Module, example: Tensor, path: Path) -> None:
    import onnx

    from transnet.runtimes.onnx_graph import to_onnx
    from transnet.utils.files import written_whole

    # The exporter takes a batch size of one for a constant.
    example = example if len(example) > 1 else torch.cat([example, example])
    with torch.inference_mode():
        count = len(_several(module(example)))
    names = ["output", *(f"output{number}" for number in range(1, count))]
    model = to_onnx(module, {"input": example}, names, "the network")
    with written_whole(path) as beside:
        onnx.save(model, beside)


def _onnx_engine(path: Path, threads: int, calls: int) -> Engine:
    try:
        # No spinning: other threads decode videos meanwhile.
        session = onnx_session(path, threads, calls=calls, spinning=False)
    except Exception as error:  # its errors have no common base
        raise TransNetError(f"ONNX Runtime refuses it ({_first_line(error)}).") from error
    return lambda batch: tuple(
        map(torch.from_numpy, session.run(None, {"input": batch.contiguous().numpy()}))
    )


def _openvino_engine(path: Path, threads: int, calls: int) -> Engine:
    try:
        model = openvino_core().read_model(path)
        run = OpenVinoModel(model, threads, calls=calls)
    except Exception as error:  # its errors have no common base
        raise TransNetError(f"OpenVINO refuses it ({_first_line(error)}).") from error
    return lambda batch: tuple(map(torch.from_numpy, run(batch.numpy())))


def _several(outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"
