"""A network as an ONNX graph."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from transnet.errors import TransNetError

if TYPE_CHECKING:
    import onnx

OPSET = 18


def to_onnx(
    module: nn.Module, example: Tensor, name: str, outputs: list[str], what: str
) -> onnx.ModelProto:
    """A network as a graph whose batches may have any size.

    Args:
        module: the network.
        example: a batch of two or more, as it will get them.
        name: the input's name.
        outputs: the outputs' names.
        what: the network's name in messages.

    Raises:
        TransNetError: it does something that ONNX cannot say.
    """
    batch = torch.export.Dim("batch", min=1, max=4096)
    try:
        with _quietly():
            program = torch.onnx.export(
                module.eval(),
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[name],
                output_names=outputs,
                dynamic_shapes=({0: batch},),
                verbose=False,
            )
    except Exception as error:  # the exporter's errors have no common base
        reason = str(error).strip().splitlines()
        raise TransNetError(
            f"{what} cannot be written as ONNX ({type(error).__name__}: {reason[0]}). "
            "Another backbone may do; if it ought to work, please report it."
        ) from error
    assert program is not None
    model: Any = program.model_proto
    return model


@contextmanager
def _quietly() -> Iterator[None]:
    """The exporter logs its own inner workings, which are nothing to a user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
