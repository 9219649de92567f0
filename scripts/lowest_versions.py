"""Print the lowest versions that pyproject.toml allows, as constraints for pip.

::

    python scripts/lowest_versions.py > lowest.txt
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
# What is only compared with, or only builds and checks the code, need not be old.
LEFT_OUT = ("benchmark", "dev", "openvino")


def lowest_versions() -> list[str]:
    """``numpy==1.26`` for each ``numpy>=1.26`` of the package and its extras."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].items()
    wanted = [*project["dependencies"]]
    wanted += [line for name, lines in extras if name not in LEFT_OUT for line in lines]
    return sorted(re.sub(">=", "==", line) for line in wanted if ">=" in line)


if __name__ == "__main__":
    print("\n".join(lowest_versions()))
