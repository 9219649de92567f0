"""Playlists, texts and devices under names of videos: none is answered, no other file is read."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from scripts.faults.workplace import Row, Workplace

ENDINGS = (".mp4", ".avi", ".mkv", ".mov", ".ts", ".webm", ".mpg", ".m4v", ".flv", ".wmv")


def disguises(work: Workplace, tries: int) -> Iterator[Row]:
    """One row: ``tries`` files, read by predict, label and a training."""
    row = Row("playlists, texts and devices as video", "python -m scripts.faults --only disguise")
    folder = work.new("videos")
    folder.mkdir()
    secret = folder.parent / "secret.avi"
    shutil.copy(next(work.clips.rglob("*.avi")), secret)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        files = _write(folder, secret, server.getsockname()[1], tries)
        os.utime(secret, (1, 1))  # the access time is then renewed by the first reading
        row.tries = len(files)
        _predicted(work, row, files)
        _labeled(work, row, folder, files)
        if secret.stat().st_atime > 1:
            row.bad("another file was read", str(secret))
        try:
            server.accept()
            row.bad("an address was opened", "a playlist")
        except BlockingIOError:
            row.count("no address opened")
    yield row


def _predicted(work: Workplace, row: Row, files: list[Path]) -> None:
    for begin in range(0, len(files), 10):
        some = files[begin : begin + 10]
        found = work.command("predict", work.run, *some, "--json")
        if found.fault:
            row.bad(found.fault, f"predict {some}")
            continue
        lines = [json.loads(line) for line in found.output.splitlines() if line.startswith("{")]
        for line in lines:
            if "error" not in line:
                row.bad("answered", str(line))
            else:
                row.count("refused by predict")
        if len(lines) != len(some):
            row.bad("not every file has an answer", f"predict {some}")


def _labeled(work: Workplace, row: Row, folder: Path, files: list[Path]) -> None:
    from scripts.faults.workplace import table_rows

    listed = folder.with_name("list.txt")
    listed.write_text("".join(f"{path}\n" for path in files))
    out = folder.with_name("labels")
    found = work.command("label", listed, "--run", work.run, "--out", out)
    if found.fault or found.status:
        row.bad(found.fault or found.output[-500:], "label")
        return
    for line in table_rows(out):
        if line["label"] is not None:
            row.bad("labeled", str(line)[:300])
        else:
            row.count("refused by label")
    table = folder.with_name("clips.csv")
    table.write_text("path,label\n" + "".join(f"{path},a\n{path},b\n" for path in files))
    found = work.command("train", table, "--out", folder.with_name("run"), "--split", "paper")
    if found.fault or not found.status:
        row.bad(found.fault or "trained", "train")
    else:
        row.count("training refused")


def _write(folder: Path, secret: Path, port: int, tries: int) -> list[Path]:
    """Files that are no videos, each text under several endings, and devices."""
    web = f"http://127.0.0.1:{port}/private.ts"
    texts = {
        "concat": f"ffconcat version 1.0\nfile ../{secret.name}\n",
        "concat_absolute": f"ffconcat version 1.0\nfile '{secret}'\n",
        "concat_web": f"ffconcat version 1.0\nfile {web}\n",
        "playlist": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{secret}\n#EXT-X-ENDLIST\n",
        "playlist_web": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{web}\n#EXT-X-ENDLIST\n",
        "playlist_endless": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{secret}\n",
        "simple_playlist": f"{secret}\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        "notes": "Notes of a person about nothing.\n" * 40,
        "svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{secret}"/></svg>',
        "mpd": f'<?xml version="1.0"?><MPD><Period><BaseURL>{web}</BaseURL></Period></MPD>',
        "html": "<!DOCTYPE html><html><body>video</body></html>" * 20,
        "subtitles": "1\n00:00:00,000 --> 00:00:09,000\nHello\n\n" * 20,
        "metadata": ";FFMETADATA1\ntitle=x\n" * 20,
        "avisynth": f'AviSource("{secret}")\n',
        "xml": f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]><x>&e;</x>',
    }
    devices = [
        name for name in ("/dev/zero", "/dev/random", "/dev/null", "/dev/tty", "/dev/stdin")
        if os.path.exists(name)
    ]  # fmt: skip
    files = []
    for name in devices:
        path = folder / f"{Path(name).name}.mp4"
        path.symlink_to(name)
        files.append(path)
    os.mkfifo(folder / "pipe.mp4")
    (folder / "folder.mp4").mkdir()
    files += [folder / "pipe.mp4"]
    for number in range(tries - len(files)):
        name = list(texts)[number % len(texts)]
        ending = ENDINGS[(number // len(texts) + number) % len(ENDINGS)]
        path = folder / f"{name}_{number}{ending}"
        path.write_text(texts[name])
        files.append(path)
    return files
