"""A network as an ONNX graph."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from transnet.errors import TransNetError

if TYPE_CHECKING:
    import onnx

OPSET = 18


def to_onnx(
    module: nn.Module, examples: Mapping[str, Tensor], outputs: list[str], what: str
) -> onnx.ModelProto:
    """Convert a network to an ONNX graph with a variable batch size.

    Args:
        module: the network; it is put in evaluation mode.
        examples: an input with a batch size of two or more, by the name of the input.
        outputs: names of the outputs.
        what: the network's name in error messages.

    Raises:
        TransNetError: the network has operations that ONNX lacks.
    """
    batch = torch.export.Dim("batch", min=1, max=4096)
    try:
        with _quietly():
            program = torch.onnx.export(
                module.eval(),
                tuple(examples.values()),
                dynamo=True,
                opset_version=OPSET,
                input_names=list(examples),
                output_names=outputs,
                dynamic_shapes=tuple({0: batch} for _ in examples),
                verbose=False,
            )
    except Exception as error:  # the exporter's errors have no common base
        reason = str(error).strip().splitlines()
        raise TransNetError(
            f"{what} cannot be written as ONNX ({type(error).__name__}: {reason[0]}). "
            "Choose another backbone, or report it if this one should work."
        ) from error
    assert program is not None
    model: Any = program.model_proto
    return model


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence the exporter, which logs its internals."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # The inputs share their batch size, as they should.
            warnings.filterwarnings("ignore", message=".*The axis name: batch will not be used.*")
            yield
    finally:
        logger.setLevel(level)
