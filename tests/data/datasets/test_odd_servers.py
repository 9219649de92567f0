"""Servers that answer with other bytes than asked for: never a wrong file taken for whole."""

import http.server
import threading

import pytest

from transnet.data.datasets.archives import DamagedArchiveError, unpack_archives
from transnet.data.datasets.download import _fetch
from transnet.errors import TransNetError

CONTENT = bytes(range(256)) * 400
OTHER = CONTENT[::-1]


class Odd(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if self.headers.get("If-Range") not in (None, server.tag):
            first, wanted = 0, None
        server.asked.append(first)
        begin = 0 if server.ignores_range else first
        body = server.content[begin:]
        self.send_response(206 if wanted else 200)
        if wanted:
            total = len(server.content)
            self.send_header("Content-Range", f"bytes {begin}-{total - 1}/{total}")
        if server.length:
            self.send_header("Content-Length", str(len(body)))
        if server.tag:
            self.send_header("ETag", server.tag)
        self.end_headers()
        self.wfile.write(body[: server.break_after])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.asked, server.break_after, server.ignores_range = [], None, False
        server.content, server.tag, server.length = CONTENT, '"one"', True
        server.address = f"http://127.0.0.1:{server.server_port}/a.bin"
        yield server
        server.shutdown()


def interrupted(server, path):
    server.break_after = 10_000
    with pytest.raises(TransNetError, match="ended after 10,000 of 102,400"):
        _fetch(server.address, path, "")
    server.break_after = None


def test_the_rest_is_fetched(server, tmp_path):
    path = tmp_path / "a.bin"
    interrupted(server, path)
    _fetch(server.address, path, "")
    assert path.read_bytes() == CONTENT
    assert server.asked == [0, 10_000]
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


def test_206_from_the_first_byte(server, tmp_path):
    path = tmp_path / "a.bin"
    interrupted(server, path)
    server.ignores_range = True
    _fetch(server.address, path, "")
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("tag", ['"two"', ""])
def test_the_file_has_changed(server, tmp_path, tag):
    path = tmp_path / "a.bin"
    interrupted(server, path)
    server.content, server.tag = OTHER + b"x", tag
    _fetch(server.address, path, "")
    assert path.read_bytes() == OTHER + b"x"


def test_without_a_length_nothing_is_taken_for_whole(server, tmp_path):
    server.length = False
    server.break_after = 10_000
    with pytest.raises(TransNetError, match="without its length"):
        _fetch(server.address, tmp_path / "a.bin", "")
    assert not (tmp_path / "a.bin").exists()


def test_a_part_that_is_too_long_or_of_unknown_origin(server, tmp_path):
    path = tmp_path / "a.bin"
    interrupted(server, path)
    with open(tmp_path / "a.bin.part", "ab") as file:
        file.write(bytes(200_000))
    _fetch(server.address, path, "")
    assert path.read_bytes() == CONTENT
    path.unlink()
    (tmp_path / "a.bin.part").write_bytes(b"who knows")
    _fetch(server.address, path, "")
    assert path.read_bytes() == CONTENT


def test_a_rar_without_members_is_damaged(tmp_path):
    (tmp_path / "a.rar").write_bytes(b"Rar!\x1a\x07\x01\x00" + bytes(50))
    with pytest.raises(DamagedArchiveError, match=r"a\.rar is damaged"):
        unpack_archives(tmp_path)
    assert not (tmp_path / "a").exists()
