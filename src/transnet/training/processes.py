"""The processes of a training on several devices, one a device.

Each runs the whole command. The first alone writes to the run folder, the first of each machine
fills the cache. ``torchrun`` and SLURM start all processes at once; without them Lightning starts
the others once the first begins to train.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO

import torch
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from torch import distributed

from transnet.errors import TransNetError
from transnet.training.samplers import Share

PATIENCE = timedelta(days=3)
"""How long a process waits for the first, which decodes the videos."""


@dataclass(frozen=True)
class Processes:
    """The processes of a training, seen from one of them.

    Attributes:
        share: which one this is.
        local_rank: which one of its machine.
        environment: what started them; ``None`` for a single process.
    """

    share: Share = Share()
    local_rank: int = 0
    environment: ClusterEnvironment | None = None

    @property
    def is_first(self) -> bool:
        """Whether this one does the file work."""
        return self.share.rank == 0

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Let the processes find each other, if all were started at once."""
        environment = self.environment
        if environment is None:
            yield
            return
        if not self.is_first:
            logging.getLogger("transnet").setLevel(logging.WARNING)
        if environment.creates_processes_externally and self._all_started():
            backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
            distributed.init_process_group(
                backend,
                init_method=f"tcp://{environment.main_address}:{environment.main_port}"
                if not isinstance(environment, TorchElasticEnvironment)
                else "env://",
                rank=self.share.rank,
                world_size=self.share.total,
                timeout=PATIENCE,
            )
        yield

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.environment is not None and distributed.is_initialized():
            distributed.barrier()

    def first_of_machine_first(self, work: Callable[[], None]) -> None:
        """Do some work in the first process of each machine, then, without messages, in others."""
        if self.local_rank == 0:
            work()
        self.wait()
        if self.local_rank != 0:
            with redirect_stderr(StringIO()):
                work()

    def _all_started(self) -> bool:
        # Lightning's own environment also says so in the processes that it has started.
        return not isinstance(self.environment, LightningEnvironment)


def find_processes(devices: int, nodes: int) -> Processes:
    """The processes of a training.

    Args:
        devices: devices per machine.
        nodes: machines.

    Raises:
        TransNetError: another number of processes was started.
    """
    started: ClusterEnvironment | None = None
    if TorchElasticEnvironment.detect():
        started = TorchElasticEnvironment()
    elif SLURMEnvironment.detect():
        started = SLURMEnvironment()
    count = devices * nodes
    if started is not None and started.world_size() not in (count, 1):
        raise TransNetError(
            f"devices is {devices}, nodes {nodes}, but {started.world_size()} processes were "
            "started; accepted: as many processes as devices in all."
        )
    if count == 1:
        return Processes()
    if started is None or started.world_size() == 1:
        _refuse_notebook()
        started = LightningEnvironment()
    local_rank = started.local_rank()
    rank = started.node_rank() * devices + local_rank
    return Processes(Share(rank, count), local_rank, started)


def _refuse_notebook() -> None:
    ipython = sys.modules.get("IPython")
    if hasattr(sys, "ps1") or (ipython is not None and ipython.get_ipython() is not None):
        raise TransNetError(
            "devices is more than 1, but this Python is interactive: the other processes run the "
            "same program, so it must be a file. Use the command transnet train, or a script."
        )
