"""Startup: the import of the package, and the help of the command line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from transnet.benchmark.contest import Entrant, contest
from transnet.benchmark.measurement import Limit, Measurement, measurement
from transnet.benchmark.setting import Setting

PYTHON = Entrant("python alone")
PACKAGE = Entrant("import transnet")
TORCH = Entrant("import torch")
OURS = Entrant("import torch, transnet")
LOADER = Entrant("import torch; from transnet import load")
HELP = Entrant("transnet --help")


def measure_part(setting: Setting) -> list[Measurement]:
    """Startup times of new processes."""
    references: dict[Entrant, tuple[Entrant, ...]] = {PYTHON: (), PACKAGE: (PYTHON,), HELP: ()}
    if not setting.miniature:
        references |= {TORCH: (), OURS: (TORCH,), LOADER: (TORCH,)}
    scripts = {entrant: _python("-c", entrant.what) for entrant in references}
    scripts |= {PYTHON: _python("-c", ""), HELP: _python("-m", "transnet", "--help")}
    outcome = contest("startup", scripts, setting.schedule)
    limits: dict[Entrant, Limit | None] = {
        OURS: setting.limit("ms more", 200),
        HELP: setting.limit("ms", 1000),
    }
    return [
        measurement(
            outcome,
            entrant,
            part="startup",
            threads=setting.threads,
            limit=limits.get(entrant),
            reference=reference,
        )
        for entrant, reference in references.items()
    ]


def _python(*words: str) -> Callable[[], object]:
    command = [sys.executable, *words]
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
