"""Kills at random moments; afterwards the command is run again and compared with a whole run."""

from __future__ import annotations

import hashlib
import http.server
import os
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.faults.workplace import BACKBONE, CLIP, Row, Workplace, digests, remove, table_rows

KILLS_PER_ROUND = 5
SHARES = (15, 15, 15, 10, 10, 20, 15)  # of the kills, in the order of the attacks
_WEIGHTS = ("model.safetensors", "novelty.safetensors", "clips.csv")


@dataclass(frozen=True)
class Attack:
    """A command to kill.

    Attributes:
        name: of the row.
        words: the command, given its output folder.
        content: what has to be equal, given the output folder.
        setup: called in the child before the command.
    """

    name: str
    words: Callable[[Path], list[object]]
    content: Callable[[Path], Any]
    setup: Callable[[], None] | None = None


def kill(work: Workplace, tries: int) -> Iterator[Row]:
    """One row for each command; ``tries`` kills in all."""
    with kth_server(work) as setup:
        attacks = _attacks(work, setup)
        for attack, share in zip(attacks, SHARES, strict=True):
            yield _attacked(work, attack, max(1, round(tries * share / sum(SHARES))))


def _attacks(work: Workplace, setup: Callable[[], None]) -> list[Attack]:
    small = [*BACKBONE, *CLIP]
    train: list[object] = ["train", work.clips, "--resume"]

    def training(out: Path) -> Any:
        return digests(out, _WEIGHTS)

    return [
        Attack(
            "SIGKILL in feature extraction",
            lambda out: [*train, "--out", out, *BACKBONE, "--size", "160", "--epochs", "1"],
            training,
        ),
        Attack(
            "SIGKILL in training, frozen backbone",
            lambda out: [*train, "--out", out, *small, "--epochs", "20"],
            training,
        ),
        Attack(
            "SIGKILL in training of the backbone",
            lambda out: [*train, "--out", out, *small, "--epochs", "6", "--freeze", "false"],
            training,
        ),
        Attack(
            "SIGKILL in pretraining",
            lambda out: [
                *("pretrain", "synthetic:6", "--out", out, *BACKBONE, "--size", "64"),
                *("--epochs", "4", "--resume"),
            ],
            lambda out: digests(out, ("encoder.safetensors", "decoder.safetensors")),
        ),
        Attack("SIGKILL in export", lambda out: ["export", work.run, "--out", out], digests),
        Attack(
            "SIGKILL in download",
            lambda out: ["download", "kth", "--to", out],
            digests,
            setup,
        ),
        Attack(
            "SIGKILL in labeling",
            lambda out: [
                *("label", work.clips, "--run", work.run, "--out", out),
                *("--part-seconds", "0.1", "--workers", "1", "--segments-from-s", "0"),
            ],
            table_rows,
        ),
    ]


def _attacked(work: Workplace, attack: Attack, tries: int) -> Row:
    row = Row(attack.name, "python -m scripts.faults --only kill")
    whole = work.new("out")
    cache = whole.with_name("cache")
    length_s = work.must(*attack.words(whole), cache=cache, setup=attack.setup).seconds
    expected, names = attack.content(whole), _names(whole.parent)
    while row.tries < tries:
        out = work.new("out")
        cache = out.with_name("cache")
        for _ in range(min(KILLS_PER_ROUND, tries - row.tries)):
            after_s = work.chance.uniform(0.0, 0.9 * length_s)
            words = attack.words(out)
            found = work.command(*words, cache=cache, kill_after_s=after_s, setup=attack.setup)
            if not found.killed:
                break
            row.tries += 1
        if found.fault:
            row.bad(found.fault, str(out))
        _finish(work, attack, row, out, expected, names)
    remove(whole)
    return row


def _finish(
    work: Workplace, attack: Attack, row: Row, out: Path, expected: Any, names: set[str]
) -> None:
    cache = out.with_name("cache")
    end = work.command(*attack.words(out), cache=cache, setup=attack.setup)
    # A command that refuses, as all was complete before, has to be right as well.
    content = "" if end.fault or not out.exists() else attack.content(out)
    if content != expected:
        row.bad(end.fault or f"different: {end.output[-300:]}", str(out))
        return
    row.count("rounds equal")
    extra = sorted(_names(out.parent) - names)
    row.left_behind += len(extra)
    if extra:
        print(f"LEFT {attack.name}: {extra}", flush=True)
    remove(out)


def _names(folder: Path) -> set[str]:
    """The files below a folder, with one name for the parts and logs of any number of tries."""
    names = set()
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if "logs" in parts or path.name.startswith("part-"):
            continue
        names.add("/".join(parts))
    return names


@contextmanager
def kth_server(work: Workplace) -> Iterator[Callable[[], None]]:
    """A slow server of a small KTH, in its own process; yields what points the command at it."""
    site = work.new("site")
    site.mkdir()
    files = _small_kth(work, site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    address = f"http://127.0.0.1:{server.server_port}"
    pid = os.fork()
    if not pid:
        os.chdir(site)
        server.serve_forever()
    server.socket.close()

    def setup() -> None:
        from transnet.data.datasets import download

        published = tuple(download.PublishedFile(f"{address}/{n}", sha) for n, sha in files.items())
        download.SOURCES["kth"] = download.DownloadSource("http://kth.example", published)

    try:
        yield setup
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _small_kth(work: Workplace, site: Path) -> dict[str, str]:
    (site / "00sequences.txt").write_text(
        "person01_boxing_d1 frames 1-8, 9-16\nperson01_walking_d1 frames 1-8, 9-16\n"
    )
    for action in ("boxing", "walking"):
        with zipfile.ZipFile(site / f"{action}.zip", "w") as archive:
            video = next((work.clips / action).rglob("*.avi")).read_bytes()
            archive.writestr(f"person01_{action}_d1_uncomp.avi", video)
            for number in range(150):
                archive.writestr(f"more/{number}.bin", os.urandom(40_000))
    return {
        path.name: hashlib.sha1(path.read_bytes()).hexdigest() for path in sorted(site.iterdir())
    }


class _Slow(http.server.BaseHTTPRequestHandler):
    """Files with byte ranges, 10 MB a second."""

    def do_GET(self) -> None:
        content = Path(self.path.lstrip("/")).read_bytes()
        wanted = self.headers.get("Range")
        first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if first >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Type", "application/zip")
        self.send_header("Content-Length", str(len(content) - first))
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        for begin in range(first, len(content), 100_000):
            try:
                self.wfile.write(content[begin : begin + 100_000])
            except OSError:
                return
            time.sleep(0.01)

    def log_message(self, *_: object) -> None:
        pass
