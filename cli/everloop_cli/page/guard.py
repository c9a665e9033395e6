"""Who may ask the page, and what a browser may do with its answers.

Loopback is no protection by itself: any page that is open in the same browser can send requests to
it, and any name can be made to mean 127.0.0.1. So a request must name this host, bring the session
of the token that was printed at the start, and come from no other site; what changes something
must come from a form of this page.
"""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import cookie_parser

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_SAFE: Final = ("GET", "HEAD")
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """Lets through what comes from a browser that was given the token; refuses the rest."""

    def __init__(self, app: App, token: str, port: int) -> None:
        self._app = app
        self._token = token
        self._hosts = {f"{name}:{port}" for name in _LOOPBACK}
        self._cookie = f"everloop-{port}"  # cookies are shared by the ports of a host
        self._session = _derived(token, "session")

    @staticmethod
    def new_token() -> str:
        return secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value for name, value in scope["headers"]}
        said = {name: value.decode("latin-1") for name, value in headers.items()}
        refusal = self._foreign(scope, said)
        if refusal:
            await _answer(send, 403, refusal)
            return
        given = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("token")
        if given is not None and scope["method"] in _SAFE:
            await self._enter(scope, send, given)
            return
        if not self._knows(said.get("cookie", "")):
            await _answer(send, 401, _ENTER)
            return
        scope["csrf"] = _derived(self._token, "form")
        await self._app(scope, receive, _with_headers(send))

    def _foreign(self, scope: Scope, said: dict[str, str]) -> str:
        """Return why a request is none of this page's; empty where it may be."""
        host = said.get("host", "")
        if host not in self._hosts:
            return f"This page answers to {sorted(self._hosts)[0]}, not to another name."
        site = said.get("sec-fetch-site", "none")
        origin = said.get("origin")
        if scope["method"] in _SAFE:
            # A link in a mail or a document may lead here; nothing else of another site may.
            link = said.get("sec-fetch-mode") == "navigate" and (
                said.get("sec-fetch-dest") == "document"
            )
            if site in ("cross-site", "same-site") and not link:
                return "Another site may not read this page."
            return ""
        if origin != f"http://{host}" or site not in ("same-origin", "none"):
            return "Only a form of this page may change something."
        return ""

    async def _enter(self, scope: Scope, send: Send, given: str) -> None:
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            await _answer(send, 401, _ENTER)
            return
        query = parse_qsl(scope["query_string"].decode("latin-1"))
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        # One slash: two would name another host.
        place = "/" + quote(scope["path"].lstrip("/\\")) + (f"?{rest}" if rest else "")
        cookie = f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"
        await _answer(send, 303, "", {"Location": place, "Set-Cookie": cookie})

    def _knows(self, cookies: str) -> bool:
        # As browsers write them: one of another port may be no cookie by the standard.
        found = cookie_parser(cookies).get(self._cookie, "")
        return hmac.compare_digest(found.encode(), self._session.encode())


def is_own_form(scope: Scope, given: object) -> bool:
    """Whether a form brings what only a page of ours could put into it."""
    return isinstance(given, str) and hmac.compare_digest(given.encode(), scope["csrf"].encode())


_ENTER: Final = (
    "This page is for who started it: open the address that  everloop ui  printed. "
    "It holds a token that is new at each start."
)


def _derived(token: str, use: str) -> str:
    return hmac.new(token.encode(), use.encode(), hashlib.sha256).hexdigest()


def _with_headers(send: Send) -> Send:
    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [
                *message["headers"],
                *(
                    (name.lower().encode(), value.encode())
                    for name, value in HEADERS.items()
                    if name.lower().encode() not in there
                ),
            ]
        await send(message)

    return sent


async def _answer(send: Send, status: int, text: str, more: dict[str, str] | None = None) -> None:
    body = text.encode()
    headers = {**HEADERS, "Content-Type": "text/plain; charset=utf-8", **(more or {})}
    headers["Content-Length"] = str(len(body))
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})
