"""Run a command beside an MLflow tracking server: with_mlflow.py MLFLOW COMMAND…

The server's address is in EVERLOOP_MLFLOW.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

_SECONDS = 180  # its first start reads a great many modules


def main() -> int:
    mlflow, *command = sys.argv[1:]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder, open(f"{folder}/log", "w+") as log:
        where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        store = ["--backend-store-uri", f"sqlite:///{folder}/runs.db"]
        server = subprocess.Popen(
            [os.path.abspath(mlflow), "server", *where, *store], cwd=folder, stdout=log, stderr=log
        )
        try:
            if not _answers(f"{address}/api/2.0/mlflow/experiments/get?experiment_id=0", server):
                log.seek(0)
                print(f"MLflow did not start:\n{log.read()[-3000:]}", file=sys.stderr)
                return 1
            return subprocess.run(
                command, env={**os.environ, "EVERLOOP_MLFLOW": address}, check=False
            ).returncode
        finally:
            server.terminate()
            server.wait()


def _answers(address: str, server: "subprocess.Popen[bytes]") -> bool:
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=30):
                return True
        except OSError:
            time.sleep(0.5)
    return False


if __name__ == "__main__":
    sys.exit(main())
