"""Damage files at random and read them: an answer or a sentence, never a crash or a hang.

Each batch of cases runs in a child process with limits of memory and time. A case is named by its
reader and its seed, so it can be made again: ``--reader yaml --first 17 --cases 1``.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import random
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

BATCH = 25
BATCHES = {"http": 400}  # of a server, which takes long to start
MEMORY_BYTES = 4 << 30  # of addresses; mapped libraries count
TIME_S = 10


def _mutated(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 5, 20))):
        if not data:
            break
        place = chance.randrange(len(data))
        kind = chance.randrange(5)
        if kind == 0:
            data[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[place : place + chance.randrange(1, 200)] = b""
        elif kind == 2:
            data[place:place] = data[place : place + chance.randrange(1, 200)]
        elif kind == 3:
            data[place] = chance.choice(b'\x00\xff[]{}",:-9&*')
        else:
            data = data[:place]
    return bytes(data)


def _picture(kind: str) -> bytes:
    import numpy as np
    from PIL import Image

    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def _photos(folder: Path, chance: random.Random) -> None:
    from transnet.data.photos.image_files import read_picture

    path = folder / "photo.png"
    path.write_bytes(_mutated(_picture(chance.choice(("PNG", "JPEG", "BMP", "TIFF"))), chance))
    read_picture(path)


def _annotations(folder: Path, chance: random.Random) -> None:
    from transnet.data.photos.supervisely import read_annotation

    bitmap = base64.b64encode(zlib.compress(_picture("PNG"))).decode()
    objects = [
        {"classTitle": "person_bmp", "bitmap": {"origin": [1, 1], "data": bitmap}},
        {"classTitle": "person_poly", "points": {"exterior": [[0, 0], [9, 0], [9, 9]]}},
    ]
    text = json.dumps({"size": {"height": 40, "width": 50}, "objects": objects})
    path = folder / "a.json"
    path.write_bytes(_mutated(text.encode(), chance))
    read_annotation(path)


def _manifests(folder: Path, chance: random.Random) -> None:
    from transnet.data.datasets.csv import read_csv_dataset

    path = folder / "clips.csv"
    text = "path,label,group,start,end\n" + "".join(f"{n}.avi,a,g{n},0,{n + 9}\n" for n in range(9))
    path.write_bytes(_mutated(text.encode(), chance))
    read_csv_dataset(path)


def _yaml(folder: Path, chance: random.Random) -> None:
    from transnet.yaml_files import check_yaml

    path = folder / "recipe.yaml"
    text = "epochs: &n 3\npatience: *n\nsize: 64\nflip: false\nlist: &l [1, 2]\n"
    path.write_bytes(_mutated(text.encode(), chance))
    check_yaml(str(path))


def _archives(folder: Path, chance: random.Random) -> None:
    from transnet.data.datasets.archives import unpack_archives

    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.txt", f"{number}" * 300)
    content = _mutated((folder / "a.zip").read_bytes(), chance)
    (folder / "a.zip").write_bytes(content)
    unpack_archives(folder)


def _weights(folder: Path, chance: random.Random) -> None:
    import torch
    from safetensors.torch import save

    from transnet.checkpoints.backbone_weights import find_weights

    metadata = {"timm_model": "resnet18", "timm_args": '{"bn_eps": 0.5}'}
    metadata.update(mean="[0.5, 0.5, 0.5]", std="[0.5, 0.5, 0.5]")
    path = folder / "w.safetensors"
    path.write_bytes(_mutated(save({"a": torch.zeros(9), "b": torch.ones(3)}, metadata), chance))
    find_weights(path)


def _records(folder: Path, chance: random.Random) -> None:
    from transnet.checkpoints.run import load_run_info

    values = {
        **{"format": 1, "classes": ["a", "b"], "data": "x", "split": "group", "split_rule": "r"},
        **{"backbone": "resnet18", "backbone_args": {}, "mean": [0.5] * 3, "std": [0.5] * 3},
        **{"clip": {"frames": 4}, "model": {}, "training": {}, "step_s": 0.1, "versions": {}},
    }
    path = folder / "transnet.json"
    path.write_bytes(_mutated(json.dumps(values).encode(), chance))
    load_run_info(folder)


def _exports(folder: Path, chance: random.Random) -> None:
    from transnet.deploy.export_info import read_export_info

    values = {
        **{"format": 1, "classes": ["a", "b"], "split": "group", "precision": "float32"},
        **{"backbone": "resnet18", "mean": [0.5] * 3, "std": [0.5] * 3, "features": 64},
        **{"clip": {"frames": 4, "size": 64}, "versions": {"transnet-har": "0.1"}},
    }
    text = _mutated(json.dumps(values).encode(), chance).decode("utf-8", "replace")
    read_export_info(text, folder / "clip.onnx")


def _videos(folder: Path, chance: random.Random) -> None:
    import numpy as np

    from transnet.config import ClipConfig
    from transnet.data.clips import read_clip
    from transnet.data.video.writer import write_video

    path = folder / f"a{chance.choice(('.avi', '.mp4', '.mkv'))}"
    write_video(path, [np.full((48, 64, 3), 9 * n, np.uint8) for n in range(12)], 25)  # type: ignore[arg-type]
    path.write_bytes(_mutated(path.read_bytes(), chance))
    read_clip(path, ClipConfig(frames=4, size=32))


def _caches(folder: Path, chance: random.Random) -> None:
    import numpy as np

    from transnet.data.cache.database import NAME
    from transnet.data.cache.features import FeatureCache

    arrays = {f"features|{n}": np.full((3, 900), n, np.float32) for n in range(20)}
    with FeatureCache(folder) as cache:
        cache.put(arrays)
    path = folder / NAME
    path.write_bytes(_mutated(path.read_bytes(), chance))
    with FeatureCache(folder) as cache:
        for key, array in arrays.items():
            if key not in cache:
                cache.put({key: array})
        for key, array in arrays.items():
            found = cache.get(key)
            if found is not None and not np.array_equal(found, array):
                raise ValueError(f"{key} is another")


def _http(folder: Path, chance: random.Random) -> None:
    from scripts import fuzz_http
    from transnet.errors import TransNetError

    if not fuzz_http.request(chance, _mutated):
        raise TransNetError("refused")


READERS: dict[str, Callable[[Path, random.Random], None]] = {
    reader.__name__.strip("_"): reader
    for reader in (
        *(_photos, _annotations, _manifests, _yaml, _archives),
        *(_weights, _records, _exports, _videos, _caches, _http),
    )
}


def _child(reader: str, first: int, cases: int) -> None:
    from transnet.errors import TransNetError

    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    except (ImportError, ValueError, OSError):
        pass  # no such limits here
    with tempfile.TemporaryDirectory() as folder, suppress(TransNetError):
        READERS[reader](Path(folder), random.Random(0))  # imports, which are not timed
    for seed in range(first, first + cases):
        print(f"{seed} begun", flush=True)
        began_s = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            try:
                READERS[reader](Path(folder), random.Random(seed))
                result = "answered"
            except TransNetError:
                result = "named"
            except Exception as error:
                result = f"traceback {error!r}"[:300].replace("\n", " ")
        if time.perf_counter() - began_s > TIME_S:
            result = f"slow, {time.perf_counter() - began_s:.0f} s"
        print(f"{seed} {result}", flush=True)
    if reader == "http":
        from scripts import fuzz_http

        fuzz_http.close()


def run(reader: str, first: int, cases: int) -> tuple[Counter[str], list[str]]:
    """Counts by result, and the cases that are faults."""
    counts: Counter[str] = Counter()
    faults = []
    command = [sys.executable, "-m", "scripts.fuzz", "--child", "--reader", reader]
    batch = BATCHES.get(reader, BATCH)
    for begin in range(first, first + cases, batch):
        count = min(batch, first + cases - begin)
        words = [*command, "--first", str(begin), "--cases", str(count)]
        try:
            done = subprocess.run(words, capture_output=True, timeout=TIME_S * count + 60)
            output, status = done.stdout, done.returncode
        except subprocess.TimeoutExpired as error:
            output, status = error.stdout or b"", -1
        lines = [line.partition(" ") for line in output.decode(errors="replace").splitlines()]
        for seed, _, result in lines:
            if result in ("answered", "named"):
                counts[result] += 1
            elif result != "begun":
                counts["fault"] += 1
                faults.append(f"{reader} {seed}: {result}")
        if status:
            counts["fault"] += 1
            last = lines[-1][0] if lines else begin
            faults.append(f"{reader} {last}: ended with status {status}")
    return counts, faults


def main() -> int:
    """Run cases and print counts; 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", choices=list(READERS), help="one reader; by default all")
    parser.add_argument("--cases", type=int, default=10_000, help="cases over all readers")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(options.reader, options.first, options.cases)
        return 0
    readers = [options.reader] if options.reader else list(READERS)
    failed = False
    for reader in readers:
        counts, faults = run(reader, options.first, -(-options.cases // len(readers)))
        print(reader, dict(counts), *faults, sep="\n  " if faults else " ", flush=True)
        failed |= bool(faults)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
