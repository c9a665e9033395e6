"""Serve one model: GET /ping, POST /invocations, as SageMaker's container contract has them.

Run by path with SAGEMAKER_BASE_DIR set, outside the cloud's own packages. AWS's inference toolkit
finds and runs the model's handlers; this is only the HTTP around it. The port goes to --ready.
"""

import argparse
import os
import signal
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sagemaker_inference import environment
from sagemaker_inference.transformer import Transformer

TRANSFORMER = Transformer()


class Request:
    """What the toolkit wants to know of a request, and what it says about the answer."""

    def __init__(self, headers: dict[str, str]) -> None:
        self._headers = headers
        self.system_properties = {"model_dir": environment.model_dir}
        self.request_processor = [self]
        self.status = 200
        self.content_type = "text/plain"

    def get_request_properties(self) -> dict[str, str]:
        return self._headers

    def set_response_content_type(self, index: int, value: str) -> None:
        self.content_type = value

    def set_response_status(self, code: int, phrase: str = "", idx: int = 0) -> None:
        self.status = code


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._send(200 if self.path == "/ping" else 404, "text/plain", b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/invocations":
            return self._send(404, "text/plain", b"")
        request = Request({key.title(): value for key, value in self.headers.items()})
        answer = TRANSFORMER.transform([{"body": body}], request)[0]
        if request.status >= 400:
            print(answer, file=sys.stderr, flush=True)
        data = answer.encode() if isinstance(answer, str) else bytes(answer)
        return self._send(request.status, request.content_type, data)

    def _send(self, status: int, content_type: str, data: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        return


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready", type=Path, required=True)
    ready: Path = parser.parse_args().ready
    sys.path.insert(0, environment.code_dir)
    sys.path.insert(0, environment.model_dir)
    try:
        TRANSFORMER.validate_and_initialize(environment.model_dir)
    except Exception:
        traceback.print_exc()
        sys.exit(1)
    server = Server(("127.0.0.1", 0), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    draft = ready.with_suffix(".draft")
    draft.write_text(str(server.server_address[1]))
    os.replace(draft, ready)
    server.serve_forever()


if __name__ == "__main__":
    main()
