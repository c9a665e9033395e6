"""Test a staging endpoint: contract, golden predictions, latency.

Called by statemachines/deploy.asl.yaml.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import requests
from everloop.aws import endpoints, ledger, storage
from everloop.aws.settings import settings
from everloop.decisions import endpoint_tests
from everloop.decisions.endpoint_tests import Answer
from everloop.decisions.infrastructure import trouble
from everloop.decisions.seals import uri
from everloop.errors import EverloopError, NoCapacity
from everloop.flows import report, sealing
from everloop.flows.report import logger
from everloop.moments import text
from everloop.spec import policy

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_READ_BYTES = 1_000_000  # of the holdout and of its predictions: enough for the rows of a test


@dataclass(frozen=True)
class Request:
    model: str
    epoch: int
    version: int
    package_arn: str
    endpoint: str
    config: str
    time: datetime


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return {passed, reason, report_uri}."""
    request = requests.read(Request, event)
    installed = ledger.installed(request.model)
    bars = policy.deploy(installed.spec).tests
    data = policy.data(installed.spec)
    serving = endpoints.serving(request.endpoint)
    arrived = endpoint_tests.serves(serving, request.config)
    if serving is not None and serving.status == "Failed" and trouble(serving.failure_reason):
        raise NoCapacity(f"endpoint {request.endpoint}: {serving.failure_reason}")
    tests = [arrived]
    if not arrived.passed and not (serving and serving.failure_reason):
        # Deleted, or moved by somebody: that is no fault of the version's.
        raise EverloopError(f"staging was changed under way: {arrived.reason}")
    if arrived.passed:
        arn = request.package_arn
        metadata = sealing.metadata(request.model, request.version, arn)
        golden = endpoint_tests.golden_rows(
            storage.read_range(_file(uri(metadata, "holdout-uri", arn), "data.csv"), _READ_BYTES),
            storage.read_range(
                _file(uri(metadata, "predictions-uri", arn), "predictions.csv"), _READ_BYTES
            ),
            without=tuple(name for name in (data.key, data.target) if name),
            most=bars.rows,
        )
        tests += [
            endpoint_tests.refuses_nonsense(
                _ask(request.endpoint, b"\x00nonsense", "application/x-everloop-nonsense")
            ),
            endpoint_tests.predicts_golden(
                _ask(request.endpoint, golden.body(), "text/csv"), golden, bars.tolerance
            ),
            endpoint_tests.answers_in_time(
                [_ask(request.endpoint, golden.body(row), "text/csv") for row in golden.sample(20)],
                bars.latency_p95_ms,
            ),
        ]
    passed = all(test.passed for test in tests)
    reason = "; ".join(test.reason for test in tests if passed or not test.passed)
    report_uri = _write_report(request, tests, passed)
    report.decided(
        "test",
        id=f"{request.model}:{request.epoch}",
        model=request.model,
        time=request.time,
        go=passed,
        reason=reason,
        facts={"version": request.version, "tests": [test.facts() for test in tests]},
        subject=request.endpoint,
    )
    return {"passed": passed, "reason": reason, "report_uri": report_uri}


def _ask(endpoint: str, body: bytes, content_type: str) -> Answer:
    return Answer(*endpoints.invoke(endpoint, body, content_type))


def _write_report(request: Request, tests: list[endpoint_tests.Test], passed: bool) -> str:
    document = {
        "version": 1,
        "model": request.model,
        "model_version": request.version,
        "endpoint": request.endpoint,
        "time": text(request.time),
        "passed": passed,
        "tests": [test.facts() for test in tests],
    }
    return storage.write(
        settings().artefact_bucket,
        f"releases/{request.model}/r{request.epoch}/endpoint-tests.json",
        json.dumps(document, indent=1).encode(),
        "application/json",
    )


def _file(uri: str, name: str) -> str:
    return uri if uri.endswith(".csv") else f"{uri.rstrip('/')}/{name}"
