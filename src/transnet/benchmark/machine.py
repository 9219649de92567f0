"""The machine that a benchmark ran on."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from transnet.experiments.results import source_commit
from transnet.utils.threads import usable_cores

_PACKAGES = ("torch", "torchvision", "timm", "av", "onnxruntime", "openvino")


@dataclass(frozen=True)
class Machine:
    """A machine, and the software on it.

    Attributes:
        processor: name of the CPU.
        cores: cores available to this process.
        versions: versions of Python and of the packages that affect speed.
        commit: commit of this package's sources, or its version.
        date: the day, ISO 8601.
    """

    processor: str
    cores: str
    versions: str
    commit: str
    date: str

    def __str__(self) -> str:
        cores = f"{self.cores} core{'s' * (self.cores != '1')}"
        return f"{self.processor} ({cores}), {self.versions}, commit {self.commit}, {self.date}"


def this_machine() -> Machine:
    """The machine that this process runs on."""
    versions = [f"python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return Machine(
        processor=_processor(),
        cores=str(usable_cores()),
        versions=", ".join(versions),
        commit=source_commit(),
        date=datetime.now(UTC).date().isoformat(),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
