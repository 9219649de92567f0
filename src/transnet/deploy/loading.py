"""``transnet.load``: the recognizer of a run or of an export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from transnet.checkpoints.hub_files import is_hub_address
from transnet.config import Device, Unknown
from transnet.deploy import runtime
from transnet.errors import TransNetError

if TYPE_CHECKING:
    from transnet.inference.recognizer import Recognizer


def load(
    run: str | Path, *, device: Device | str = "auto", unknown: Unknown = "auto"
) -> Recognizer | runtime.ExportedRecognizer:
    """Load a trained run, or an export of one.

    Args:
        run: the ``--out`` folder of ``transnet train`` or of ``transnet export``, a copy of it,
            or ``hf-hub:USER/NAME[@REVISION]``.
        device: ``auto`` (CUDA where it is available, else the CPU), ``cpu``, ``cuda`` or ``mps``;
            exports run on the CPU.
        unknown: whether clips that are unlike the training clips are ``unknown``; ``auto``: if
            the last ``evaluate`` of the run has shown that it pays.

    Raises:
        TransNetError: ``run`` is neither, its training has not ended, there is no such device, or
            the run cannot tell unknown clips.

    Example:
        >>> transnet.load("runs/exercises").classes
        ('boxing', 'handwaving', 'walking')
        >>> prediction = transnet.load("exported").predict("clip.mp4")
        >>> prediction.label in prediction.scores
        True
    """
    if is_hub_address(run) or not runtime.find_clip_model(Path(run).expanduser()):
        from transnet.inference.recognizer import load  # imports torch, which an export needs not

        return load(run, device=device, unknown=unknown)
    if device not in ("auto", "cpu"):
        raise TransNetError(
            f"device is {device!r}, but {run} is an export, which runs on the CPU; accepted: auto, "
            "cpu."
        )
    return runtime.load(run, unknown=unknown)
