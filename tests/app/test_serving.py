"""The HTTP API: answers, limits, refusals."""

from __future__ import annotations

import base64
import io
import json
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

pytest.importorskip("fastapi")
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.app.test_project import jpeg
from transnet import TransNetError, load
from transnet.app.serving.decoder import Decoders
from transnet.app.serving.engine import Engine
from transnet.app.serving.guard import Access
from transnet.app.serving.problems import RequestError
from transnet.app.serving.server import LOCAL, guarded, listen, make_app, read_key
from transnet.app.serving.service import Service
from transnet.app.serving.settings import ServerConfig
from transnet.config import ClipConfig, StreamConfig
from transnet.data.clips import read_clip

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
CONFIG = ServerConfig(max_upload_mb=1, decoders=1, max_waiting=4, max_streams=1, max_clip_s=5)


def client_of(
    trained_run,
    access: Access = Access(LOCAL),
    config: ServerConfig = CONFIG,
    stream: StreamConfig = StreamConfig(),
) -> Iterator[TestClient]:
    service = Service(config, stream)
    app = make_app(service, lambda: service.engine.start(trained_run))
    address = "http://127.0.0.1"
    with TestClient(guarded(app, service, access), address) as client:
        while client.get("/ready").status_code != 200:
            time.sleep(0.05)
        yield client


@pytest.fixture(scope="module")
def client(trained_run) -> Iterator[TestClient]:
    yield from client_of(trained_run)


@pytest.fixture(scope="module")
def video(clips_folder):
    return next(clips_folder.rglob("*.avi"))


def test_a_form_bytes_and_json_give_the_answer_of_predict(client, trained_run, video):
    expected = load(trained_run).predict(video)
    content = video.read_bytes()
    inputs = {"inputs": base64.b64encode(content).decode(), "parameters": {"top_k": 2}}
    form = client.post("/predict", files={"file": ("clip.avi", content)})
    raw = client.post("/predict", content=content, headers={"Content-Type": "video/x-msvideo"})
    hugging_face = client.post("/predict", json=inputs)
    assert form.json() == raw.json()
    assert hugging_face.json() == form.json()[:2]
    assert {one["label"]: one["score"] for one in form.json()} == pytest.approx(expected.scores)
    detail = client.post("/predict?detail=1", files={"file": ("clip.avi", content)}).json()
    assert detail["path"] == "clip.avi"
    assert detail["start_s"] == expected.start_s


@pytest.mark.parametrize(
    ("values", "status", "words"),
    [
        ({"files": {"file": b"no video"}}, 422, "is not a video"),
        ({"files": {"file": b""}}, 422, "empty"),
        ({"files": {"other": b"x"}}, 422, "no file"),
        ({"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415, "text/plain"),
        ({"json": {"inputs": "http://127.0.0.1/clip.mp4"}}, 422, "address"),
        ({"json": {"inputs": "%%"}}, 422, "inputs"),
        ({"json": {"inputs": "AAAA", "parameters": {"top_k": 0}}}, 422, "top_k"),
        ({"json": []}, 422, "body"),
        ({"content": b"[" * 99999, "headers": {"Content-Type": "application/json"}}, 422, "JSON"),
        ({"files": {"file": bytes(3 * 2**20)}}, 413, "too large"),
    ],
)
def test_a_wrong_upload_gets_a_sentence(client, values, status, words):
    for path in ("/predict", "/timeline"):
        answer = client.post(path, **values)
        if path == "/predict" or status != 422 or "is not a video" not in words:
            assert answer.status_code == status, answer.text
            assert words in answer.json()["error"]


def test_a_long_or_large_video_is_refused(client, make_video):
    long = make_video("long.mp4", 200).read_bytes()
    answer = client.post("/predict", files={"file": long})
    assert answer.status_code == 422
    assert "lasts 8 s; accepted: up to 5 s" in answer.json()["error"]


def test_a_long_video_becomes_a_timeline(client, make_video):
    answer = client.post("/timeline", files={"file": make_video("a.mp4", 150).read_bytes()})
    assert answer.status_code == 202
    job = answer.json()
    while job["status"] in ("waiting", "running"):
        job = client.get(f"/jobs/{job['id']}").json()
    assert job["status"] == "done", job
    segments = job["result"]["segments"]
    assert segments[-1]["end_s"] == pytest.approx(149 / 25, abs=0.2)
    assert client.get("/jobs/none").status_code == 404


def test_pages_of_elsewhere_and_other_hosts_are_refused(client):
    assert client.get("/model", headers={"Host": "evil.example"}).status_code == 400
    answer = client.post("/predict", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(
            "ws://127.0.0.1/stream", headers={"Origin": "http://evil.example"}
        ),
    ):
        pass
    assert "default-src 'none'" in client.get("/health").headers["Content-Security-Policy"]


def test_what_an_answer_is_based_on_is_a_picture(client, video):
    answer = client.post("/explain", files={"file": video.read_bytes()})
    assert answer.headers["Content-Type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.width > picture.height
        assert len(picture.getcolors(2**24)) > 100
    assert client.post("/explain", files={"file": b"no video"}).status_code == 422


@pytest.fixture
def listener() -> Iterator[tuple[str, list[dict]]]:
    """An address that is called, and what it was told."""
    told: list[dict] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", told
        server.shutdown()
        thread.join()


def test_an_address_is_told_of_events(trained_run, listener):
    address, told = listener
    stream = StreamConfig(enter=0.3, leave=0.2, smooth_s=0.0, min_s=0.0)
    for client in client_of(trained_run, config=replace(CONFIG, notify=address), stream=stream):
        with client.websocket_connect("ws://127.0.0.1/stream") as socket:
            for number in range(12):
                socket.send_bytes(struct.pack("<d", 0.1 * number) + jpeg(number))
                socket.receive_json()
        for _ in range(100):  # the stream is gone without a word, and its event has ended
            if told and told[-1]["kind"] == "segment":
                break
            time.sleep(0.05)
    assert {"event", "segment"} == {one["kind"] for one in told}
    assert "unknown" not in {one["label"] for one in told}
    assert told[0]["kind"] == "event"
    assert told[0]["label"] in ("boxing", "handwaving", "walking")
    assert 0 < told[0]["score"] <= 1


def test_an_address_that_is_none_is_refused():
    with pytest.raises(TransNetError, match="notify is 'file:///etc/passwd'; accepted: an address"):
        Service(replace(CONFIG, notify="file:///etc/passwd"))


def test_a_key_is_asked_for(trained_run):
    for client in client_of(trained_run, Access(LOCAL, key="secret", token_page=True)):
        assert client.get("/model").status_code == 401
        assert client.get("/health").status_code == 200
        assert client.get("/model", headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert client.get("/model", headers={"Authorization": "Bearer secret"}).is_success
        assert client.get("/?token=wrong", follow_redirects=False).status_code == 401
        answer = client.get("/?token=secret", follow_redirects=False)
        assert answer.status_code == 303
        assert "HttpOnly" in answer.headers["Set-Cookie"]
        assert client.get("/model").is_success


def test_a_stream_answers_each_frame(client):
    with client.websocket_connect("ws://127.0.0.1/stream") as socket:
        kinds = []
        for number in range(12):
            socket.send_bytes(struct.pack("<d", 0.1 * number) + jpeg(number))
            kinds.append(socket.receive_json()["kind"])
        assert kinds[0] == "waiting"
        assert kinds[-1] == "window"
        for message in (b"", b"garbage garbage", struct.pack("<d", 0.1) + jpeg(1)):
            socket.send_bytes(message)
            assert socket.receive_json()["kind"] == "error"
        # Motion needs the frame one step before, so the stream has no gap.
        socket.send_bytes(struct.pack("<d", 1.2) + jpeg(1))
        assert socket.receive_json()["kind"] == "window"
        with client.websocket_connect("ws://127.0.0.1/stream") as second:
            assert "1 streams are open" in second.receive_json()["error"]
        socket.send_text("end")
        assert socket.receive_json()["kind"] == "segment"


def test_many_callers_all_get_an_answer(client, video):
    content = video.read_bytes()
    bodies = [{"file": content}, {"file": b"bad"}, {"file": bytes(3 * 2**20)}]

    def call(number: int) -> int:
        return client.post("/predict", files=bodies[number % 3]).status_code

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(call, range(48)))
    assert len(found) == 48
    assert set(found) <= {200, 413, 422, 429}
    assert 200 in found
    assert 'path="/predict",status="200"' in client.get("/metrics").text


def test_the_description_is_complete(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {
        "/health", "/ready", "/model", "/metrics", "/predict", "/explain", "/timeline",
        "/jobs/{job}",
    }  # fmt: skip
    assert "429" in paths["/predict"]["post"]["responses"]


def test_decoding_gives_the_pixels_of_read_clip(video):
    decoders, clip = Decoders(CONFIG), ClipConfig(frames=4, size=64)
    try:
        found = decoders.clip(video, clip)
        assert (found.pixels == read_clip(video, clip).frames).all()
    finally:
        decoders.close()


def test_a_decoder_that_hangs_is_ended(video, monkeypatch, tmp_path):
    decoders = Decoders(ServerConfig(decoders=1, decode_timeout_s=0.01))
    try:
        with pytest.raises(TransNetError, match="too much time or memory"):
            decoders.clip(video, ClipConfig())
        decoders._config = CONFIG
        assert len(decoders.clip(video, ClipConfig()).pixels) == 12
    finally:
        decoders.close()


def test_addresses_and_keys_are_checked(tmp_path, monkeypatch):
    with listen("127.0.0.1", 0) as taken, pytest.raises(TransNetError, match="cannot be used"):
        listen("127.0.0.1", taken.getsockname()[1])
    monkeypatch.setenv("TRANSNET_API_KEY", "abc")
    assert read_key(None) == "abc"
    with pytest.raises(TransNetError, match="cannot be read"):
        read_key(str(tmp_path / "none"))
    (tmp_path / "key").touch()
    with pytest.raises(TransNetError, match="is empty"):
        read_key(str(tmp_path / "key"))


def test_work_behind_the_end_of_a_server_is_refused():
    """Or a timeline that is being watched would wait for ever, and the process with it."""
    engine = Engine(2)
    engine.start(None)
    engine.stop()
    for _ in range(3):
        with pytest.raises(RequestError, match="is stopping"):
            engine.call_waiting(print)
