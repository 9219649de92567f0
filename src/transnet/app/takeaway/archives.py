"""Zip files to take away: the run as it is, ONNX models, a page that recognizes by itself."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path

from transnet.utils.files import written_whole

FORMS = {"run": "run", "onnx": "onnx", "page": "page"}
"""What there is to take away, and how its file is called."""

_RUN_FILES = ("transnet.json", "model.safetensors", "clips.csv")


def write_archive(run: Path, form: str, path: Path) -> Path:
    """Write a zip file.

    Args:
        run: a trained run.
        form: a key of ``FORMS``.
        path: the file.

    Raises:
        TransNetError: a package is missing, or the run cannot be exported.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "content"
        if form == "run":
            folder.mkdir()
            for name in _RUN_FILES:
                shutil.copyfile(run / name, folder / name)
        elif form == "onnx":
            from transnet.deploy.export import export

            export(run, out=str(folder))
        else:
            from transnet.app.takeaway.page import write_page

            write_page(run, folder)
        _pack(folder, path)
    return path


def _pack(folder: Path, path: Path) -> None:
    with written_whole(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as file:
        for entry in sorted(folder.rglob("*")):
            if entry.is_file():
                file.write(entry, entry.relative_to(folder).as_posix())
