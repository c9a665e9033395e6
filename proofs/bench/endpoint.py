"""A warm endpoint: latency and throughput, against a bare HTTP server that predicts the same."""

import http.client
import importlib.util
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from everloop_cli import show
from proofs.bench.ground import Ground, percentile
from proofs.bench.loop import MODEL, ROOT

CALLS = 400
BODY = b"colour\nred\n"


def run(ground: Ground) -> None:
    runtime = ground.client("sagemaker-runtime")

    def invoke() -> None:
        answer = runtime.invoke_endpoint(
            EndpointName=MODEL, ContentType="text/csv", Accept="text/csv", Body=BODY
        )
        answer["Body"].read()

    server = _bare(ROOT / "tests" / "e2e" / "models" / MODEL)
    local = threading.local()

    def bare() -> None:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
        local.connection.request("POST", "/", BODY, {"Content-Type": "text/csv"})
        local.connection.getresponse().read()

    rows = []
    for name, call in (("InvokeEndpoint through boto3", invoke), ("bare HTTP server", bare)):
        for _ in range(20):
            call()
        rows.append((name, *_latency(call), _rate(call, 1), _rate(call, 4)))
    server.shutdown()
    columns = ("", "p50 ms", "p95 ms", "per s, 1 thread", "per s, 4 threads")
    show.table(f"Warm endpoint, {CALLS} calls each", columns, rows)
    ratio = rows[0][1] / rows[1][1]
    show.out.print(f"ratio of the medians: {ratio:.1f}, most of it boto3's own client work")


def _latency(call: Callable[[], None]) -> tuple[float, float]:
    taken = []
    for _ in range(CALLS):
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(taken), 2), round(percentile(taken, 0.95), 2)


def _rate(call: Callable[[], None], threads: int) -> int:
    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: call(), range(CALLS)))
    return round(CALLS / (time.perf_counter() - began))


def _bare(folder: Path) -> ThreadingHTTPServer:
    spec = importlib.util.spec_from_file_location("bare_inference", folder / "inference.py")
    assert spec is not None and spec.loader is not None
    inference: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(inference)
    means = {"red": 20.0, "blue": 20.0}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            rows = inference.input_fn(body, "text/csv")
            answer = inference.output_fn(inference.predict_fn(rows, means), "text/csv")
            data = answer.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
