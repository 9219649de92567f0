"""A web page that recognizes in the browser, with everything beside it: nothing is uploaded.

::

    index.html                    the page, our preprocessing and streaming in it
    encoder.onnx, head.onnx       the network, as transnet export writes it
    ort.wasm.min.mjs, ort-wasm-*  ONNX Runtime Web
    README.md                     makes the folder a static Space as it is

Any file server will do; a page opened as ``file://`` may not load the models.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
from pathlib import Path

from transnet.checkpoints.run import load_run_info
from transnet.deploy.export import export
from transnet.deploy.runtime import load
from transnet.errors import TransNetError
from transnet.utils.paths import cache_folder

VARIABLE = "TRANSNET_ORT_WEB"
"""An unpacked package onnxruntime-web, or its ``.tgz``."""

PACKAGE = "onnxruntime-web"
VERSION = "1.30.0"
_RUNTIME_FILES = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
)
_TEMPLATE = Path(__file__).with_name("page.html")
_README = """---
title: {title}
sdk: static
pinned: false
---

Recognizes {classes} in the browser. Nothing is uploaded. Made with TransNet.
"""


def write_page(run: Path, folder: Path) -> None:
    """Write the page of a run.

    Args:
        run: a trained run.
        folder: for the page; made.

    Raises:
        TransNetError: a package is missing, or the run cannot be exported.
    """
    info = load_run_info(run)
    runtime = find_runtime()
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        exported = export(run, out=str(Path(scratch) / "onnx"))
        maps = load(exported).map_shapes
        for name in ("encoder.onnx", "head.onnx"):
            shutil.copyfile(exported / name, folder / name)
    for name, content in runtime.items():
        (folder / name).write_bytes(content)
    settings = {
        "classes": info.outputs,
        "frames": info.clip.frames,
        "size": info.clip.size,
        "stepS": info.stream_step_s,
        "cues": info.model.cues,
        "maps": maps,
    }
    # "<" would end the script element where a class is called so.
    text = json.dumps(settings).replace("<", "\\u003c")
    page = _TEMPLATE.read_text(encoding="utf-8").replace("/*SETTINGS*/ null", text)
    (folder / "index.html").write_text(page, encoding="utf-8")
    title = json.dumps(f"Recognizes {', '.join(info.classes)}"[:60])
    readme = _README.format(title=title, classes=", ".join(info.classes))
    (folder / "README.md").write_text(readme, encoding="utf-8")


def find_runtime() -> dict[str, bytes]:
    """The files of ONNX Runtime Web that the page needs, by name.

    Raises:
        TransNetError: the package is not here.
    """
    kept = cache_folder() / f"{PACKAGE}-{VERSION}.tgz"
    chosen = os.environ.get(VARIABLE)
    path = Path(chosen).expanduser() if chosen else kept
    try:
        if path.is_dir():
            return {name: (path / "dist" / name).read_bytes() for name in _RUNTIME_FILES}
        with tarfile.open(path) as archive:
            return {name: _member(archive, f"package/dist/{name}") for name in _RUNTIME_FILES}
    except (OSError, KeyError, tarfile.TarError) as error:
        raise TransNetError(
            f"the page needs {PACKAGE}, which is not at {path} ({error}). Get it once with: npm "
            f"pack {PACKAGE}@{VERSION} --pack-destination {kept.parent}, or say where it is with "
            f"the variable {VARIABLE}."
        ) from error


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file.read()
