import io
import os
import subprocess
import sys

import pytest

from transnet.utils.progress import progress_bar
from transnet.utils.terminal import ShownText


def test_control_characters_are_escaped():
    stream = io.StringIO()
    shown = ShownText(stream)
    print("walk\x1b[31m", "a\rb", "\u202ecod.avi", "tab\tumlaut ä", file=shown)
    assert stream.getvalue() == "walk\\x1b[31m a\\rb \\u202ecod.avi tab\tumlaut ä\n"


def test_progress_bars_stay_what_they_are(monkeypatch):
    plain, guarded = io.StringIO(), io.StringIO()
    for stream, target in ((plain, plain), (guarded, ShownText(guarded))):
        monkeypatch.setattr(sys, "stderr", target)
        with progress_bar("reading", 2, "clips") as bar:
            bar.format_dict["elapsed"] = 0
            bar.update(2)
        assert stream.getvalue().count("\r") > 0 and "\\r" not in stream.getvalue()


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")
def test_a_command_on_a_terminal():
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "transnet", "walk\x1b[31m"]
    subprocess.run(command, stdout=theirs, stderr=theirs, check=False)
    os.close(theirs)
    assert b"there is no command walk\\x1b[31m" in os.read(ours, 10_000)
    os.close(ours)
