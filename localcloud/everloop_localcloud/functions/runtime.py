"""The Lambda Runtime API for one environment, as `awslambdaric` calls it on a port of its own.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import contextlib
import socket
import threading
from dataclasses import dataclass
from queue import SimpleQueue
from typing import BinaryIO

_PAGE_MARKS = ("origin", "sec-fetch-site")
_VERSION = "/2018-06-01/runtime"
_ACCEPTED = b'{"status":"OK"}\n'


@dataclass(frozen=True)
class Invocation:
    """One event on its way into a function."""

    request_id: str
    payload: bytes
    function_arn: str
    trace_id: str
    client_context: str = ""


@dataclass(frozen=True)
class Message:
    """What the runtime tells: `ready`, `response`, `error`, `init-error`, or that it did `exit`."""

    kind: str
    request_id: str = ""
    body: bytes = b""
    code: int = 0


class RuntimeApi:
    """Hands invocations from `inbox` to the runtime and puts its messages into `outbox`.

    An answer leaves in one send: head and body in two cost a delayed acknowledgement, 40 ms.
    """

    def __init__(self, largest_answer: int) -> None:
        self.inbox: SimpleQueue[tuple[Invocation, int] | None] = SimpleQueue()
        self.outbox: SimpleQueue[Message] = SimpleQueue()
        self._largest = largest_answer
        self._ready = False
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, name="runtime-api", daemon=True).start()

    def close(self) -> None:
        self.inbox.put(None)
        with contextlib.suppress(OSError):  # not connected: some systems say so, and wake it
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return  # closed
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(
                target=self._serve, args=(connection,), name="runtime-api", daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as stream:
                while answer := self._answer(stream):
                    connection.sendall(answer)
        except (OSError, ValueError):
            return  # the process is gone; whoever waits for it hears of its exit

    def _answer(self, stream: BinaryIO) -> bytes | None:
        first = stream.readline().split()
        if len(first) != 3:
            return None
        method, path = first[0].decode(), first[1].decode()
        headers: dict[str, str] = {}
        while line := stream.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = _body(stream, headers)
        if headers.get("host") != self.address or any(mark in headers for mark in _PAGE_MARKS):
            return _http("403 Forbidden", b"")  # a web page: the browser would not leave these out
        if not path.startswith(_VERSION):
            return _http("404 Not Found", b"")
        parts = path[len(_VERSION) :].strip("/").split("/")
        match method, parts:
            case "GET", ["invocation", "next"]:
                return self._next()
            case "POST", ["invocation", request_id, "response"]:
                if len(body) > self._largest:
                    self.outbox.put(Message("too-large", request_id, b"", len(body)))
                    text = (
                        b'{"errorMessage":"Response too large","errorType":"RequestEntityTooLarge"}'
                    )
                    return _http("413 Payload Too Large", text)
                self.outbox.put(Message("response", request_id, body))
            case "POST", ["invocation", request_id, "error"]:
                self.outbox.put(Message("error", request_id, body))
            case "POST", ["init", "error"]:
                self.outbox.put(Message("init-error", "", body))
            case _:
                return _http("404 Not Found", b"")
        return _http("202 Accepted", _ACCEPTED)

    def _next(self) -> bytes | None:
        if not self._ready:
            self._ready = True
            self.outbox.put(Message("ready"))
        taken = self.inbox.get()
        if taken is None:
            return None
        invocation, deadline_ms = taken
        head = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
        }
        if invocation.client_context:
            head["Lambda-Runtime-Client-Context"] = invocation.client_context
        return _http("200 OK", invocation.payload, head)


def _body(stream: BinaryIO, headers: dict[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        chunks = []
        while size := int(stream.readline().split(b";")[0], 16):
            chunks.append(stream.read(size))
            stream.readline()
        while stream.readline().strip():
            pass  # trailers: the runtime's error details, which the error's body has as well
        return b"".join(chunks)
    return stream.read(int(headers.get("content-length", "0")))


def _http(status: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
