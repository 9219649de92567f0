import signal
import time

import pytest

from transnet import TransNetError
from transnet.benchmark.deadline import deadline

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="this system has no alarms"
)


def test_what_never_ends_is_given_up():
    with pytest.raises(TransNetError, match=r"not ready after 0.05 s"), deadline(0.05):
        while True:
            time.sleep(0.01)


def test_what_ends_in_time_is_left_alone():
    before = signal.getsignal(signal.SIGALRM)
    with deadline(60):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) == before
