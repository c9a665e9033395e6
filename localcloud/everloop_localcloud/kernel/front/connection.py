"""One connection of a client: requests are read off it, and their answers sent."""

import contextlib
import errno
import logging
import re
import urllib.parse
from email.utils import formatdate
from http import HTTPStatus
from socketserver import StreamRequestHandler, ThreadingTCPServer

from werkzeug.datastructures import MultiDict

from everloop_localcloud.kernel.bodies import INCOMING, Spool
from everloop_localcloud.kernel.front.answers import respond, turned_away
from everloop_localcloud.kernel.front.incoming import may_be_long, received
from everloop_localcloud.kernel.front.served import Served
from everloop_localcloud.kernel.heads import BadHead, Head, read_head
from everloop_localcloud.kernel.messages import Answer, Request

log = logging.getLogger(__name__)

_METHODS = {"GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS"}
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_LINE_ENDS = re.compile(r"[\r\n\0]+")


class Connection(StreamRequestHandler):
    wbufsize = -1  # head and body in one send: two sends cost a delayed acknowledgement, 40 ms
    disable_nagle_algorithm = True
    server: "Server"

    def handle(self) -> None:
        while self._one():
            pass

    def _one(self) -> bool:
        """Answer the next request; tell whether another may follow on this connection."""
        try:
            head = read_head(self.rfile)
            if head is None:
                return False
            if head.method not in _METHODS:
                raise BadHead(501, f"no service answers the method {head.method[:20]}")
            to_file = may_be_long(head.headers)
            spool = Spool(self.server.cloud.folder / INCOMING) if to_file else None
        except BadHead as error:
            self._refuse(error)
            return False
        except OSError as error:
            self._refuse(BadHead(507, f"the body cannot be kept: {error.strerror}"))
            return False
        with contextlib.nullcontext() if spool is None else spool:
            return self._one_with(head, spool)

    def _refuse(self, error: BadHead) -> None:
        text = Answer(error.status, {"Content-Type": "text/plain"}, f"{error}\n".encode())
        self._send(text, "GET", lasts=False)

    def _one_with(self, head: Head, spool: Spool | None) -> bool:
        raw_path, _, raw_query = head.target.partition("?")
        request = Request(
            method=head.method,
            path=urllib.parse.unquote(raw_path),
            raw_path=raw_path,
            query=MultiDict(urllib.parse.parse_qsl(raw_query, keep_blank_values=True)),
            headers=head.headers,
            body=b"",
            host=head.headers.get("Host", ""),
            raw_query=raw_query,
            long=spool,
        )
        if spool is not None and (refusal := turned_away(self.server.cloud, request)):
            return self._send(refusal, head.method, lasts=False)  # its body is not waited for
        try:
            request.body = received(self.rfile, self.wfile, head.headers, spool)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self._refuse(BadHead(507, f"the body cannot be kept: {error.strerror}"))
            return False
        except BadHead as error:
            self._refuse(error)
            return False
        answer = _sandboxed(respond(self.server.cloud, request), request)
        return self._send(answer, head.method, head.lasts)

    def _send(self, answer: Answer, method: str, lasts: bool) -> bool:
        body = answer.body
        bodiless = method == "HEAD" or answer.status in (204, 304)
        lines = [f"HTTP/1.1 {answer.status} {_PHRASES.get(answer.status, '')}"]
        now = self.server.cloud.clock.now().timestamp()
        lines.append(f"Date: {formatdate(now, usegmt=True)}")
        # A line's end within a header would begin another one, or the body.
        lines += [_LINE_ENDS.sub(" ", f"{name}: {value}") for name, value in answer.headers.items()]
        if "content-length" not in {name.lower() for name in answer.headers}:
            if not isinstance(body, bytes):
                lasts = False  # its end is the connection's
            elif not bodiless or method == "HEAD":
                lines.append(f"Content-Length: {len(body)}")
        if not lasts:
            lines.append("Connection: close")
        head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
        if isinstance(body, bytes):
            self.wfile.write(head)  # the buffer joins the two without a copy of what is long
            self.wfile.write(b"" if bodiless else body)
        else:
            self.wfile.write(head)
            try:
                if not bodiless and hasattr(body, "send_to"):
                    self.wfile.flush()
                    body.send_to(self.connection)
                elif not bodiless:
                    self.wfile.writelines(body)
            finally:
                getattr(body, "close", lambda: None)()
        self.wfile.flush()
        return lasts


class Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256
    cloud: Served

    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("connection from %s broke", client_address, exc_info=True)


def _sandboxed(answer: Answer, request: Request) -> Answer:
    """Give what a browser shows an origin of its own: an object's scripts are not this cloud's."""
    if request.headers.get("Sec-Fetch-Mode") == "navigate":
        answer.headers["Content-Security-Policy"] = "sandbox allow-scripts"
    return answer
