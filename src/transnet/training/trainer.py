"""Lightning's Trainer for one training: device or devices, precision, logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from pytorch_lightning.strategies import DDPStrategy, FSDPStrategy

from transnet.config import LoggerName, Strategy
from transnet.errors import TransNetError
from transnet.training.callbacks import AtomicCheckpointIO
from transnet.training.loggers import make_loggers
from transnet.training.precision import bfloat16_where_fast
from transnet.training.processes import PATIENCE, find_processes


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """What differs between trainings beyond their config, and is not recorded with it.

    Attributes:
        score: the logged metric that becomes ``validation_score``.
        max_gradient: norm to which gradients are clipped; ``None`` leaves them as they are.
        mixed_precision: compute in bfloat16 where the device is fast in it, with float32 weights.
        device: device of the training.
        keep_best: stop early, and keep the weights of the lowest validation loss.
        extra_callbacks: callbacks besides those of every training.
        logger: what logs besides the CSV file of every training, see
            :func:`~transnet.training.loggers.make_loggers`.
        devices: devices per machine.
        nodes: machines.
        strategy: how several devices share the work.

    Raises:
        TransNetError: a value is out of range.
    """

    score: str = "validation_top1"
    max_gradient: float | None = None
    mixed_precision: bool = False
    device: torch.device = torch.device("cpu")
    keep_best: bool = True
    extra_callbacks: Sequence[Callback] = ()
    logger: LoggerName | Sequence[Logger] = "auto"
    devices: int = 1
    nodes: int = 1
    strategy: Strategy = "auto"

    @property
    def total_devices(self) -> int:
        """Devices of all machines."""
        return self.devices * self.nodes

    def __post_init__(self) -> None:
        for name in ("devices", "nodes"):
            value = getattr(self, name)
            if value < 1:
                raise TransNetError(f"{name} is {value}; accepted: 1 or more.")
        if self.strategy not in get_args(Strategy):
            raise TransNetError(
                f"strategy is {self.strategy!r}; accepted: {', '.join(get_args(Strategy))}."
            )


def build_trainer(
    module: LightningModule,
    epochs: int,
    folder: Path,
    options: FitOptions,
    callbacks: Sequence[Callback],
) -> Trainer:
    """The trainer of a training.

    Args:
        module: the network and its training step.
        epochs: maximum number of epochs.
        folder: for checkpoints and logs.
        options: devices, precision, loggers.
        callbacks: all callbacks.

    Raises:
        TransNetError: there are no such devices, or a logger is not installed.
    """
    precision: Any = "32-true"
    # FSDP would also keep the statistics of batch norms in bfloat16, not only compute in it.
    if options.mixed_precision and options.strategy != "fsdp":
        precision = bfloat16_where_fast(module, options.device)
    plugins: list[Any] = [AtomicCheckpointIO()]
    strategy = _strategy(options)
    if strategy != "auto":
        plugins.append(find_processes(options.devices, options.nodes).environment)
    return Trainer(
        max_epochs=epochs,
        accelerator=options.device.type,
        devices=options.devices,
        num_nodes=options.nodes,
        strategy=strategy,
        # The statistics of a batch are of all its clips; PyTorch has this on GPUs only.
        sync_batchnorm=options.total_devices > 1 and options.device.type == "cuda",
        use_distributed_sampler=False,  # it would repeat clips to make the shares even
        precision=precision,
        gradient_clip_val=options.max_gradient,
        callbacks=list(callbacks),
        plugins=[plugin for plugin in plugins if plugin is not None],
        logger=make_loggers(options.logger, folder / "logs"),
        log_every_n_steps=1,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )


def _strategy(options: FitOptions) -> Any:
    kind, count = options.device.type, options.total_devices
    if kind == "cuda" and options.devices > torch.cuda.device_count():
        raise TransNetError(
            f"devices is {options.devices}, but this machine has {torch.cuda.device_count()} GPUs; "
            "accepted: up to that number."
        )
    if kind == "mps" and count > 1:
        raise TransNetError(f"devices is {count}; accepted: 1 with --device mps.")
    if options.strategy == "fsdp":
        if kind != "cuda":
            raise TransNetError("strategy is 'fsdp', which needs GPUs; accepted: auto, ddp.")
        return FSDPStrategy(state_dict_type="full", timeout=PATIENCE)
    if count == 1:
        return "auto"
    # Statistics of batch norms are averaged once an epoch, see average_buffers. The graph is the
    # same in each step, parts of a backbone that get no gradient (cues motion) included.
    return DDPStrategy(broadcast_buffers=False, static_graph=True, timeout=PATIENCE)
