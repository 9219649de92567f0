"""Requests of the fuzzer to ``transnet serve``: valid ones, damaged."""

from __future__ import annotations

import base64
import io
import json
import random
import struct
import tempfile
import time
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

_OPEN = ExitStack()
ANSWERS = frozenset((*range(200, 300), *range(400, 500), 503))
"""Statuses that a request may get."""


class WrongAnswerError(Exception):
    """A status that no request should get."""


def request(chance: random.Random, mutated: Any) -> bool:
    """One request, or one stream of pictures; returns whether it was accepted.

    Args:
        chance: chooses it.
        mutated: damages bytes.

    Raises:
        WrongAnswerError: the server answered with an error of its own.
    """
    client, video, picture = _server()
    kind = chance.randrange(6)
    if kind == 0:
        return _stream(client, picture, chance, mutated)
    path = chance.choice(("/predict", "/predict?detail=1", "/predict?detail=%00", "/timeline"))
    content = mutated(video, chance) if chance.random() < 0.7 else video
    if kind == 1:
        name = mutated(b"clip.avi", chance).decode("latin-1")
        answer = client.post(path, files={"file": (name, content)})
    elif kind == 2:
        text = {"inputs": base64.b64encode(content).decode(), "parameters": {"top_k": 2}}
        head = {"Content-Type": "application/json"}
        answer = client.post(path, content=mutated(json.dumps(text).encode(), chance), headers=head)
    elif kind == 3:
        types = ("video/mp4", "video/", "text/html", "multipart/form-data", "multipart/form-data;b")
        answer = client.post(path, content=content, headers={"Content-Type": chance.choice(types)})
    elif kind == 4:
        edge = "--x\r\n"
        part = f'{edge}Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n'.encode()
        body = mutated(part, chance) + content + mutated(b"\r\n--x--\r\n", chance)
        head = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = client.post(path, content=body, headers=head)
    else:
        place = mutated(b"jobs/0123456789abcdef", chance).hex()
        words = ("/" + place, f"/jobs/{place}", "/jobs/%00", "/model", "/metrics", "/predict")
        method = chance.choice(("GET", "POST", "PUT", "OPTIONS", "DELETE"))
        answer = client.request(method, chance.choice(words))
    if answer.status_code not in ANSWERS:
        raise WrongAnswerError(f"{kind} {path}: {answer.status_code} {answer.text[:200]}")
    return bool(answer.status_code < 300)


def _stream(client: Any, picture: bytes, chance: random.Random, mutated: Any) -> bool:
    from starlette.websockets import WebSocketDisconnect

    good = True
    try:
        with client.websocket_connect("/stream") as socket:
            for number in range(chance.randrange(1, 6)):
                message = struct.pack("<d", number / 10) + picture
                socket.send_bytes(mutated(message, chance))
            socket.send_text("end")
            while (line := socket.receive_json()).get("kind") != "summary":
                if line.get("kind") == "error":
                    good = False
                    break
    except WebSocketDisconnect:
        good = False
    return good


@cache
def _server() -> tuple[Any, bytes, bytes]:
    """A client of a server of a small run, a video, and a picture; made once a process."""
    from PIL import Image
    from starlette.testclient import TestClient

    import transnet
    from transnet.app.serving.guard import Access
    from transnet.app.serving.server import LOCAL, guarded, make_app
    from transnet.app.serving.service import Service
    from transnet.app.serving.settings import ServerConfig
    from transnet.data.synthetic.clips import write_dataset

    folder = Path(_OPEN.enter_context(tempfile.TemporaryDirectory()))
    clips = write_dataset(folder / "clips", people=5, clips=1, actions=("boxing", "walking"))
    run = transnet.train(
        str(clips),
        out=str(folder / "run"),
        backbone="test_efficientnet.r160_in1k",
        weights="none",
        clip=transnet.ClipConfig(frames=4, size=64),
        training=transnet.TrainingConfig(epochs=1, views=1),
        cache=str(folder / "features"),
    )
    service = Service(ServerConfig(max_upload_mb=2, decoders=1, decode_timeout_s=8))
    app = guarded(make_app(service, lambda: service.engine.start(run)), service, Access(LOCAL))
    client = _OPEN.enter_context(TestClient(app, "http://127.0.0.1"))
    while client.get("/ready").status_code != 200:
        time.sleep(0.05)
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), "gray").save(picture, "JPEG")
    return client, next(clips.rglob("*.avi")).read_bytes(), picture.getvalue()


def close() -> None:
    """End the server of this process."""
    _OPEN.close()
