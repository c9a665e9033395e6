"""Runs in an MLflow tracking server: by requests that a real one answered, and by a real one."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from jobs.conftest import job_module

SPOKEN = Path(__file__).parent / "mlflow-3.5.json"
RUN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/prices/execution/abc123"
EVALUATION = {
    "rows": 300,
    "metrics": {"rmse": {"value": 0.5, "low": 0.4}, "r2": {"value": 0.91}, "none": {"value": None}},
}


def spec(server: str | None, **track: Any) -> dict[str, Any]:
    return {
        "name": "prices",
        "problem": "regression",
        "train": {"hyperparameters": {"max_iter": 100, "loss": "squared"}, "framework": "xgboost"},
        "track": {"mlflow": server, "experiment": None, "metrics": [], **track},
    }


@pytest.fixture(autouse=True)
def of_a_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERLOOP_RUN", RUN)
    monkeypatch.setenv("EVERLOOP_DATASET_DIGEST", "d" * 64)
    monkeypatch.setenv("EVERLOOP_BUNDLE_DIGEST", "c" * 64)


@contextmanager
def answering(answers: dict[str, list[Any]]) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """Answer as a server did: each path its answers in order, the last one again and again."""
    asked: list[tuple[str, Any]] = []
    left = {path: list(each) for path, each in answers.items()}

    class Server(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.removeprefix("/api/2.0/mlflow/")
            asked.append((path, json.loads(body) if body else None))
            mine = left[path.partition("?")[0]]
            status, told = mine.pop(0) if len(mine) > 1 else mine[0]
            data = told.encode() if isinstance(told, str) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def recorded() -> dict[str, list[Any]]:
    told: dict[str, list[Any]] = json.loads(SPOKEN.read_text())
    return told


def track(asked: dict[str, Any]) -> Any:
    return job_module("mlflow_client").track(asked, EVALUATION)


def test_a_run_is_noted_with_parameters_metrics_and_digests() -> None:
    with answering(recorded()) as (server, asked):
        told = track(spec(server))
    assert told["warning"] is None
    paths = [path.partition("?")[0] for path, _ in asked]
    assert paths == [
        "experiments/get-by-name",
        "experiments/create",
        "runs/search",
        "runs/create",
        "runs/log-batch",
        "runs/update",
    ]
    bodies = dict(asked)
    tags = {each["key"]: each["value"] for each in bodies["runs/create"]["tags"]}
    assert tags["everloop.run"] == RUN
    assert tags["everloop.dataset_digest"] == "d" * 64
    batch = bodies["runs/log-batch"]
    assert {each["key"]: each["value"] for each in batch["metrics"]} == {"rmse": 0.5, "r2": 0.91}
    assert {each["key"]: each["value"] for each in batch["params"]} == {
        "max_iter": "100",
        "loss": "squared",
        "framework": "xgboost",
        "rows_of_holdout": "300",
    }
    assert bodies["runs/update"]["status"] == "FINISHED"
    assert told["run"] == bodies["runs/update"]["run_id"] == batch["run_id"]


def test_an_evaluation_that_is_tried_again_finds_its_run() -> None:
    known = recorded()
    known["runs/search"] = [[200, {"runs": [{"info": {"run_id": "r1"}}]}]]
    with answering(known) as (server, asked):
        assert track(spec(server))["run"] == "r1"
    assert "runs/create" not in [path for path, _ in asked]


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        ("runs/create", [500, "<html>oh no</html>"], "500"),
        ("runs/create", [200, {"run": {}}], "KeyError"),
        ("runs/create", [200, "no JSON"], "Error"),
        ("runs/create", [200, []], "list where an object belongs"),
        ("runs/log-batch", [400, {"error_code": "INVALID", "message": "too many"}], "too many"),
        ("experiments/create", [403, {"error_code": "DENIED", "message": "no"}], "403: no"),
    ],
)
def test_what_a_server_refuses_is_a_warning(path: str, answer: list[Any], words: str) -> None:
    with answering({**recorded(), path: [answer]}) as (server, _):
        told = track(spec(server))
    assert told["run"] is None
    assert words in told["warning"]


def test_a_server_that_is_not_there_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    told = track(spec("http://127.0.0.1:9"))
    assert "refused" in told["warning"]
    assert "WARNING: the run was not noted in http://127.0.0.1:9" in capsys.readouterr().out


@pytest.mark.parametrize("asked", [spec(None), {"name": "of before"}], ids=["none", "of before"])
def test_without_a_server_nothing_is_noted(asked: dict[str, Any]) -> None:
    assert track(asked) is None


@pytest.mark.skipif(
    "EVERLOOP_MLFLOW" not in os.environ, reason="make mlflow starts a real server, and runs this"
)
def test_a_real_server_has_the_run_once_however_often_it_is_noted() -> None:
    server, client = os.environ["EVERLOOP_MLFLOW"], job_module("mlflow_client")
    first = track(spec(server))
    assert first["warning"] is None, first
    assert track(spec(server)) == first
    found = client._call(server, f"runs/get?run_id={first['run']}")["run"]
    assert found["info"]["status"] == "FINISHED"
    assert {each["key"]: each["value"] for each in found["data"]["metrics"]} == {
        "rmse": 0.5,
        "r2": 0.91,
    }
    parameters = {each["key"]: each["value"] for each in found["data"]["params"]}
    assert parameters["max_iter"] == "100"
    tags = {each["key"]: each["value"] for each in found["data"]["tags"]}
    assert tags["everloop.run"] == RUN
    other = track(spec(server, experiment="elsewhere"))
    assert other["run"] != first["run"]
