"""What every request passes first: host, origin, key, size of the body; and answers' headers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse

from transnet.app.serving.problems import problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}

COOKIE = "transnet_token"
_DRAINED_S = 60.0
_OPEN = frozenset({"/health", "/ready"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Access:
    """Who may call.

    Attributes:
        hosts: names under which the server is called; empty: any. A page elsewhere that resolves
            to this machine (DNS rebinding) has another.
        key: callers send it as ``Authorization: Bearer KEY``; empty: nobody needs one.
        token_page: whether ``/?token=KEY`` sets a cookie that is as good as the key.
    """

    hosts: Collection[str] = field(default_factory=frozenset)
    key: str = ""
    token_page: bool = False


class TooLargeError(Exception):
    """The body of a request is larger than the server accepts."""


class Guard:
    """ASGI middleware around the application.

    Args:
        app: the application.
        access: who may call.
        max_body: largest body in bytes.
        count: is told the route and the status of each answer.
    """

    def __init__(
        self,
        app: App,
        access: Access,
        max_body: int,
        count: Callable[[str, int], None] = lambda _route, _status: None,
    ) -> None:
        self._app, self._access, self._max_body = app, access, max_body
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse or pass on one request or WebSocket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        send = answer = _Answer(send)
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if scope["type"] == "websocket":
            if refusal:
                await send({"type": "websocket.close", "code": 1008, "reason": refusal[1]})
                return
            await self._app(scope, receive, send)
            return
        if page := self._token_page(scope):
            await page(scope, receive, send)
            return
        await self._answer(scope, receive, answer, refusal, headers)
        self._count(getattr(scope.get("route"), "path", "other"), answer.status)

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        send: _Answer,
        refusal: tuple[int, str] | None,
        headers: Headers,
    ) -> None:
        body = _Body(receive, self._max_body)
        declared = headers.get("content-length", "")
        if not refusal and declared.isdecimal() and int(declared) > self._max_body:
            refusal = (413, self._too_large())
        if refusal:
            await body.drain()
            challenge = {"WWW-Authenticate": "Bearer"} if refusal[0] == 401 else None
            return await problem(*refusal, challenge)(scope, receive, send)

        async def send_after_body(message: Message) -> None:
            if message["type"] == "http.response.start":
                await body.drain()
            await send(message)

        try:
            await self._app(scope, body.receive, send_after_body)
        except TooLargeError:
            await body.drain()
            if not send.status:
                await problem(413, self._too_large())(scope, receive, send)
        return None

    def _too_large(self) -> str:
        return f"the request is too large; accepted: up to {self._max_body} bytes."

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        if self._access.hosts and host not in self._access.hosts:
            return 400, f"the host is {host!r}; accepted: {', '.join(sorted(self._access.hosts))}."
        origin = headers.get("origin")
        unsafe = scope["type"] == "websocket" or scope["method"] not in _SAFE
        if unsafe and origin and urlsplit(origin).netloc != headers.get("host"):
            return 403, f"the page is of {origin[:200]}; accepted: pages of this server."
        if self._access.key and scope["path"] not in _OPEN and not self._knows_key(headers):
            return 401, "the key is missing or wrong; send it as Authorization: Bearer KEY."
        return None

    def _knows_key(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_key(given.strip()):
            return True
        if not self._access.token_page:
            return False
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return bool(cookie and self._is_key(cookie.value))

    def _is_key(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._access.key.encode())

    def _token_page(self, scope: Scope) -> RedirectResponse | None:
        """The answer to the address of a QR code: a cookie, and the page without the token."""
        if not (self._access.token_page and scope["method"] == "GET" and scope["path"] == "/"):
            return None
        token = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if not self._is_key(token):
            return None
        answer = RedirectResponse("/", 303)
        secure = scope["scheme"] == "https"
        answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure)
        return answer


class _Body:
    """Counts the bytes of a request; the rest of a refused one is read and thrown away.

    Closing a connection with unread bytes would lose the answer on its way to the caller.
    """

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most = receive, most
        self._seen, self._ended = 0, False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._seen += len(message.get("body", b""))
            self._ended = not message.get("more_body", False)
            if self._seen > self._most:
                raise TooLargeError
        return message

    async def drain(self) -> None:
        most = self._seen + 8 * self._most
        try:
            async with asyncio.timeout(_DRAINED_S):
                while not self._ended and self._seen < most:
                    message = await self._receive()
                    self._seen += len(message.get("body", b""))
                    gone = message["type"] == "http.disconnect"
                    self._ended = gone or not message.get("more_body", False)
        except TimeoutError:
            pass


class _Answer:
    """Adds the headers of every answer, and remembers its status; 0 before it has begun."""

    def __init__(self, send: Send) -> None:
        self._send, self.status = send, 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)
