"""The choice of the runtime in which a backbone is fastest on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from transnet.errors import TransNetError
from transnet.model.backbone import Backbone
from transnet.model.networks import device_of
from transnet.runtimes.engines import RUNTIMES, Runtime
from transnet.runtimes.measured_speed import THREADED, RuntimeSpeeds
from transnet.utils.progress import say

VARIABLE = "TRANSNET_RUNTIME"
"""The environment variable that names a runtime; ``auto`` or not set: the fastest one."""


@contextmanager
def accelerated(backbone: nn.Module, num_frames: int | None) -> Iterator[Runtime]:
    """Run a backbone in the fastest runtime, for a piece of work without gradients.

    Runtimes that were never measured on this machine are measured first, if there is enough work
    for that to pay off. For many frames ONNX Runtime and OpenVINO get one core per call and
    several calls at once (``backbone.max_concurrency``), which is faster than one call on all
    cores; for a stream, all cores. PyTorch, which then has only small operations left, gets one
    thread of the process: its other threads would spin and take cores away from them.

    Args:
        backbone: a :class:`~transnet.model.backbone.Backbone`, in evaluation mode, whose weights
            do not change meanwhile. Any other network, and any that is not on the CPU, is left
            unchanged.
        num_frames: number of frames ahead; ``None`` if it is unknown (a stream): nothing is
            measured then, but earlier measurements are used.

    Yields:
        The runtime.

    Raises:
        TransNetError: the variable TRANSNET_RUNTIME names an unknown runtime, or one that fails.
    """
    wanted = os.environ.get(VARIABLE) or "auto"
    if wanted not in ("auto", *RUNTIMES):
        raise TransNetError(
            f"the variable {VARIABLE} is {wanted!r}; accepted: auto, {', '.join(RUNTIMES)}."
        )
    if not isinstance(backbone, Backbone) or device_of(backbone).type != "cpu":
        yield "eager"
        return
    before, threads = (backbone.engine, backbone.max_concurrency), torch.get_num_threads()
    try:
        runtime = _choose(backbone, wanted, num_frames)
        if runtime in THREADED:
            torch.set_num_threads(1)
        yield runtime
    finally:
        torch.set_num_threads(threads)
        backbone.run_in(before[0], max_concurrency=before[1])


def _choose(backbone: Backbone, wanted: str, num_frames: int | None) -> Runtime:
    speeds, stream = RuntimeSpeeds(backbone), num_frames is None
    for runtime in RUNTIMES:
        if runtime == wanted:
            return _use(backbone, speeds, runtime, stream=stream)
    if num_frames is not None:
        backbone.run_in(None)
        speeds.measure(num_frames)
    try:
        return _use(backbone, speeds, speeds.fastest(num_frames), stream=stream)
    except TransNetError as error:
        speeds.forget()
        say(f"{error} PyTorch is used instead.")
        return _use(backbone, speeds, "eager", stream=stream)


def _use(backbone: Backbone, speeds: RuntimeSpeeds, runtime: Runtime, *, stream: bool) -> Runtime:
    if runtime == "eager":
        backbone.run_in(None)
    else:
        max_concurrency = 1 if stream else speeds.max_concurrency(runtime)
        engine = speeds.open(runtime, max_concurrency)
        backbone.run_in(engine, max_concurrency=max_concurrency)
    return runtime
