import os
import subprocess
import sys

import pytest

from transnet import TransNetError
from transnet.utils.file_lock import NAME, only_writer

HOLD = """
import sys, time
from pathlib import Path
from transnet.utils.file_lock import only_writer
with only_writer(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot remove an open file")
def test_one_writer_at_a_time_and_a_dead_one_holds_nothing(tmp_path):
    folder = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with (
            pytest.raises(TransNetError, match="another process is writing"),
            only_writer(folder),
        ):
            pass
        process.kill()
        process.wait()
    assert (folder / NAME).exists()
    with only_writer(folder):
        (folder / "kept").touch()
    assert [path.name for path in folder.iterdir()] == ["kept"]


def test_a_folder_without_anything_written_is_removed(tmp_path):
    with pytest.raises(ValueError, match="x"), only_writer(tmp_path / "run"):
        raise ValueError("x")
    assert not (tmp_path / "run").exists()
