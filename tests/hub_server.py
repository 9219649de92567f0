"""A stand-in of the hub's HTTP on 127.0.0.1, as far as its client's downloads and pushes use it."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def is_large(file: str) -> bool:
    """Whether the hub stores a file apart from git."""
    return file.endswith(".safetensors")


def git_blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class Repository:
    """Commits in order: hash to files, each with its content."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)

    @property
    def head(self) -> str:
        return list(self.commits)[-1]

    def commit(self, files: dict[str, bytes]) -> str:
        known = self.commits[self.head] if self.commits else {}
        whole = {**known, **files}
        name = hashlib.sha1(repr((len(self.commits), sorted(whole))).encode()).hexdigest()
        self.commits[name] = whole
        return name

    def find(self, revision: str) -> str | None:
        return self.head if revision == "main" else revision if revision in self.commits else None


@dataclass
class Hub:
    """The repositories, and what was asked of them."""

    address: str = ""
    token: str = "hf_test"
    repositories: dict[str, Repository] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, files: dict[str, bytes]) -> str:
        return self.repositories.setdefault(name, Repository()).commit(files)


@contextmanager
def running_hub() -> Iterator[Hub]:
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.file(send=False)

    def do_GET(self) -> None:
        if self.path.startswith("/api/"):
            return self.answer(200, {"id": "anna", "siblings": []})
        return self.file(send=True)

    def file(self, *, send: bool) -> None:
        """``/USER/NAME/resolve/REVISION/FILE``."""
        self.hub.requests.append((self.command, self.path))
        user, name, _, revision, file = self.path.strip("/").split("/", 4)
        repository = self.hub.repositories.get(f"{user}/{name}")
        commit = repository.find(revision) if repository else None
        if repository is None or commit is None:
            code = "RepoNotFound" if repository is None else "RevisionNotFound"
            return self.answer(404, {"error": code}, {"X-Error-Code": code})
        content = repository.commits[commit].get(file)
        if content is None:
            code = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit}
            return self.answer(404, {"error": "no such file"}, code)
        headers = {"X-Repo-Commit": commit, "ETag": f'"{git_blob(content)}"'}
        if is_large(file):
            digest = hashlib.sha256(content).hexdigest()
            headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        return self.send(200, content, headers, send=send)

    def do_POST(self) -> None:
        self.hub.requests.append((self.command, self.path))
        body = self.body()
        if self.path == "/api/validate-yaml":
            return self.answer(200, {"errors": [], "warnings": []})
        if self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            return self.answer(401, {"error": "log in"})
        place = self.path.partition("?")[0]
        if place == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'anna'}/{asked['name']}"
            self.hub.repositories.setdefault(name, Repository())
            return self.answer(200, {"url": f"{self.hub.address}/{name}", "id": name, "name": name})
        if "/preupload/" in place:
            files = json.loads(body)["files"]
            modes = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if is_large(file["path"]) else "regular",
                    "shouldIgnore": False,
                }
                for file in files
            ]
            return self.answer(200, {"files": modes})
        if place.endswith("/objects/batch"):
            return self.answer(200, self.batch(json.loads(body)))
        if "/commit/" in place:
            return self.commit(place, body)
        return self.answer(404, {"error": place})

    def batch(self, asked: dict[str, Any]) -> dict[str, Any]:
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.hub.address}/store/{one['oid']}"}}}
            for one in asked["objects"]
        ]
        return {"transfer": "basic", "objects": objects}

    def do_PUT(self) -> None:
        content = self.body()
        oid = self.path.rpartition("/")[2]
        assert hashlib.sha256(content).hexdigest() == oid
        self.hub.uploads[oid] = content
        self.answer(200, {})

    def commit(self, place: str, body: bytes) -> None:
        user, name = place.split("/")[3:5]
        files: dict[str, bytes] = {}
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.uploads[value["oid"]]
        oid = self.hub.add(f"{user}/{name}", files)
        url = f"{self.hub.address}/{user}/{name}/commit/{oid}"
        self.answer(200, {"success": True, "commitOid": oid, "commitUrl": url})

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status: int, values: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(values).encode()
        self.send(status, content, {"Content-Type": "application/json", **(headers or {})})

    def send(
        self, status: int, content: bytes, headers: dict[str, str], *, send: bool = True
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if send and self.command != "HEAD":
            self.wfile.write(content)
