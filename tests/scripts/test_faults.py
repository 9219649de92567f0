"""The script that makes faults happen, and the page that shows what came of it."""

import subprocess
import sys

import pytest

from scripts.faults.results import PAGE, ROOT, read, rendered


def test_the_page_shows_the_recorded_rows():
    page = PAGE.read_text(encoding="utf-8")
    assert rendered(page) == page
    assert all(row["lost"] == row["left_behind"] == "0" for row in read())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_disguised_files_are_refused(tmp_path):
    words = ["--only", "disguise", "--tries", "24", "--dry", "--folder", str(tmp_path)]
    command = [sys.executable, "-m", "scripts.faults", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "tries=24, lost=0" in done.stdout
