"""The snippets of docs/serve.md get an answer of a server that runs."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks

pytest.importorskip("fastapi")
ADDRESS = "http://127.0.0.1:8000"


@pytest.mark.slow
def test_the_snippets_get_an_answer(trained_run, make_video, tmp_path, monkeypatch):
    make_video("clip.mp4", 30)
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-m", "transnet", "serve", str(trained_run), "--port", "0"]
    with (
        open("log", "w") as log,
        subprocess.Popen(
            command, stderr=log, env={**os.environ, "TRANSNET_RUNTIME": "eager"}
        ) as server,
    ):
        try:
            address = wait_for(server)
            for language, text in blocks(ROOT / "docs/serve.md"):
                text = text.replace(ADDRESS, address)
                if language == "python":
                    assert "'label': " in printed_by(text)
                for line in text.splitlines():
                    if line.startswith("curl ") and shutil.which("curl"):
                        words = [*line.split(), "--silent"]
                        assert b'"label":' in subprocess.run(words, capture_output=True).stdout
        finally:
            server.terminate()


def wait_for(server: subprocess.Popen) -> str:
    """The address of the server, once its model is loaded."""
    import httpx

    for _ in range(600):
        found = re.search(r"http://\S+", Path("log").read_text())
        with contextlib.suppress(httpx.HTTPError):
            if found and httpx.get(f"{found[0]}/ready").is_success:
                return found[0]
        assert server.poll() is None, Path("log").read_text()
        time.sleep(0.1)
    raise AssertionError("the server did not get ready")


def printed_by(text: str) -> str:
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        exec(text, {})
    return shown.getvalue()
