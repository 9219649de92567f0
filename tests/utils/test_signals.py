import os
import signal
import subprocess
import sys

import pytest

from transnet.utils.signals import sigterm_as_interrupt

# A signal that comes while the process forks: Python cannot raise from there.
INTERRUPTED_FORK = """
import os, signal, sys, time
from transnet.utils.signals import keep_interrupts
keep_interrupts()
signal.signal(signal.SIGINT, signal.default_int_handler)
os.register_at_fork(before=lambda: os.kill(os.getpid(), signal.SIGINT))
try:
    if not os.fork():
        os._exit(0)
    time.sleep(20)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.skipif(os.name == "nt", reason="forks")
def test_an_interrupt_of_a_fork_is_not_lost():
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_FORK], capture_output=True, timeout=60, text=True
    )
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_sigterm_is_an_interrupt():
    with pytest.raises(KeyboardInterrupt), sigterm_as_interrupt():
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
