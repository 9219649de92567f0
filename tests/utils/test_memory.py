"""Memory is given back."""

import platform
import subprocess
import sys

import pytest

# Small pieces that are freed between others that are kept, so that glibc cannot shrink its heap.
HOLES = """
from pathlib import Path
from transnet.utils.memory import return_freed_memory

kept = [bytearray(4096) for _ in range(40_000)]
del kept[:-1]
before = Path("/proc/self/statm").read_text().split()[1]
return_freed_memory()
print(before, Path("/proc/self/statm").read_text().split()[1])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc_trim is of glibc")
def test_freed_memory_is_returned():
    found = subprocess.run(
        [sys.executable, "-c", HOLES], capture_output=True, text=True, check=True
    )
    before, after = (int(pages) for pages in found.stdout.split())
    assert before - after > 20_000  # pages of 4 KiB, of the 40,000
