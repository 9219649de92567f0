import hashlib
import http.server
import threading
import zipfile

import pytest

from transnet.cli import main
from transnet.data.datasets import download as downloading
from transnet.data.datasets.download import DownloadSource, PublishedFile, download
from transnet.errors import TransNetError


class Server(http.server.ThreadingHTTPServer):
    """Serves files with byte ranges; may break off, or answer with a page."""

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.requests, self.break_after, self.page = files, [], None, False
        self.address = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.requests.append((self.path, wanted))
        content = server.files.get(self.path.lstrip("/"))
        if content is None:
            self.send_error(404)
            return
        first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if first >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Type", "text/html" if server.page else "application/zip")
        self.send_header("Content-Length", str(len(content) - first))
        if wanted:
            end = f"{len(content) - 1}/{len(content)}"
            self.send_header("Content-Range", f"bytes {first}-{end}")
        self.end_headers()
        self.wfile.write(content[first:][: server.break_after])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(make_video, tmp_path, monkeypatch):
    """A small KTH, with its hashes as the official ones."""
    video = make_video("video.avi", 375, codec="mpeg4", width=32, height=32).read_bytes()
    files = {"00sequences.txt": b"person01_boxing_d1 frames 1-95, 96-185\n"
             b"person01_walking_d1 frames 1-75, 152-225\n"}  # fmt: skip
    for action in ("boxing", "walking"):
        path = tmp_path / f"{action}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"person01_{action}_d1_uncomp.avi", video)
        files[path.name] = path.read_bytes()
    with Server(files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        published = tuple(
            PublishedFile(f"{server.address}/{name}", hashlib.sha1(content).hexdigest())
            for name, content in files.items()
        )
        source = DownloadSource("http://kth.example", published)
        monkeypatch.setitem(downloading.SOURCES, "kth", source)
        yield server
        server.shutdown()


def test_a_data_set_is_fetched_unpacked_and_not_fetched_again(server, tmp_path, capsys):
    folder = tmp_path / "kth"
    assert main(["download", "kth", "--to", str(folder)]) == 0
    assert "KTH: 4 clips of 2 classes" in capsys.readouterr().err
    assert (folder / "boxing/person01_boxing_d1_uncomp.avi").exists()
    assert not list(folder.glob("*.part"))
    asked = len(server.requests)
    download("kth", to=str(folder))
    assert len(server.requests) == asked


def test_an_interrupted_download_goes_on(server, tmp_path):
    server.break_after = 1000
    with pytest.raises(TransNetError, match=r"ended after 1,000 of .*start again to continue"):
        download("kth", to=str(tmp_path / "kth"))
    server.break_after = None
    download("kth", to=str(tmp_path / "kth"))
    assert ("/boxing.zip", "bytes=1000-") in server.requests


def test_a_part_that_was_complete(server, tmp_path):
    folder = tmp_path / "kth"
    folder.mkdir()
    (folder / "boxing.zip.part").write_bytes(server.files["boxing.zip"])
    download("kth", to=str(folder))
    assert (folder / "boxing.zip").read_bytes() == server.files["boxing.zip"]


def test_a_damaged_archive_is_fetched_again(server, tmp_path, monkeypatch):
    source = downloading.SOURCES["kth"]
    files = tuple(PublishedFile(file.address) for file in source.files)
    monkeypatch.setitem(downloading.SOURCES, "kth", DownloadSource(source.page, files))
    folder, whole = tmp_path / "kth", server.files["boxing.zip"]
    server.files["boxing.zip"] = whole[:1000] + bytes(len(whole) - 1000)
    with pytest.raises(TransNetError, match=r"It is now boxing\.zip\.damaged: start again"):
        download("kth", to=str(folder))
    server.files["boxing.zip"] = whole
    download("kth", to=str(folder))
    assert (folder / "boxing/person01_boxing_d1_uncomp.avi").exists()


def test_another_file_than_the_published_one(server, tmp_path):
    server.files["boxing.zip"] = b"something else"
    with pytest.raises(TransNetError, match=r"is not the published file .*\nManually: open http"):
        download("kth", to=str(tmp_path / "kth"))
    assert not list((tmp_path / "kth").glob("boxing*"))


def test_what_to_do_by_hand(server, tmp_path):
    server.page = True
    with pytest.raises(TransNetError, match=r"returned a web page .*\nManually: open http://k"):
        download("kth", to=str(tmp_path / "kth"))
    with pytest.raises(TransNetError, match=r"/gone/00sequences.txt cannot be downloaded .*404"):
        download("kth", to=str(tmp_path / "kth"), mirror=f"{server.address}/gone/")
    with pytest.raises(TransNetError, match=r"http://127.0.0.1:1/00sequences.txt cannot be downl"):
        download("kth", to=str(tmp_path / "kth"), mirror="http://127.0.0.1:1")
    with pytest.raises(TransNetError, match="requires an account: open https://"):
        download("supervisely", to=str(tmp_path / "people"))
    with pytest.raises(TransNetError, match="NAME is 'kht'; accepted: kth, ucf101"):
        download("kht", to=str(tmp_path))


def test_a_mirror(server, tmp_path):
    download("kth", to=str(tmp_path / "kth"), mirror=f"{server.address}/")
    assert (tmp_path / "kth/walking/person01_walking_d1_uncomp.avi").exists()
