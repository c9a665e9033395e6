"""Test what a release has staged: an endpoint (contract, golden predictions, latency), or a job.

Called by statemachines/deploy.asl.yaml.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import names, requests
from everloop.aws import configs, endpoints, ledger, storage
from everloop.aws.settings import settings
from everloop.decisions import endpoint_tests
from everloop.decisions.endpoint_tests import Answer
from everloop.decisions.infrastructure import trouble
from everloop.decisions.releases import Serving
from everloop.errors import EverloopError, NoCapacity
from everloop.flows import golden, pointing, report
from everloop.flows.report import logger
from everloop.moments import text
from everloop.records.installation import Installation
from everloop.spec import forms, policy

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True)
class Request:
    model: str
    epoch: int
    version: int
    package_arn: str
    endpoint: str
    config: str
    time: datetime
    failure: Mapping[str, Any] | None = None  # of the job that scored the golden rows


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return {passed, reason, report_uri}."""
    request = requests.read(Request, event)
    installed = ledger.installed(request.model)
    serving = None
    if forms.of(installed.spec).has_endpoint:
        serving = endpoints.serving(request.endpoint)
        tests = _of_endpoint(request, installed, serving)
    else:
        answer = pointing.answered(request.model, request.epoch, request.failure)
        rows = golden.rows(installed, request.version, request.package_arn)
        tolerance = policy.deploy(installed.spec).tests.tolerance
        tests = [endpoint_tests.predicts_golden(answer, rows, tolerance)]
    passed = all(test.passed for test in tests)
    reason = "; ".join(test.reason for test in tests if passed or not test.passed)
    report_uri = _write_report(request, tests, passed)
    made = configs.get(request.model, request.config) if serving else None
    report.decided(
        "test",
        id=f"{request.model}:{request.epoch}",
        model=request.model,
        time=request.time,
        go=passed,
        reason=reason,
        facts={
            "version": request.version,
            "tests": [test.facts() for test in tests],
            "hourly": made.hourly() if made else None,
            "kept": policy.deploy(installed.spec).keep_staging,
            **endpoint_tests.image(serving),
        },
        subject=request.endpoint,
    )
    return {"passed": passed, "reason": reason, "report_uri": report_uri}


def _of_endpoint(
    request: Request, installed: Installation, serving: Serving | None
) -> list[endpoint_tests.Test]:
    """Test an endpoint. Raises NoCapacity where AWS could not start it, which is no verdict."""
    arrived = endpoint_tests.serves(serving, request.config)
    if serving is not None and serving.status == "Failed" and trouble(serving.failure_reason):
        raise NoCapacity(f"endpoint {request.endpoint}: {serving.failure_reason}")
    if not arrived.passed and not (serving and serving.failure_reason):
        # Deleted, or moved by somebody: that is no fault of the version's.
        raise EverloopError(f"staging was changed under way: {arrived.reason}")
    if not arrived.passed:
        return [arrived]
    bars = policy.deploy(installed.spec).tests
    rows = golden.rows(installed, request.version, request.package_arn)
    return [
        arrived,
        endpoint_tests.refuses_nonsense(
            _ask(request.endpoint, b"\x00nonsense", "application/x-everloop-nonsense")
        ),
        endpoint_tests.predicts_golden(
            _ask(request.endpoint, rows.body(), "text/csv"), rows, bars.tolerance
        ),
        endpoint_tests.answers_in_time(
            [_ask(request.endpoint, rows.body(row), "text/csv") for row in rows.sample(20)],
            bars.latency_p95_ms,
        ),
    ]


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
        names.endpoint_tests(request.model, request.epoch),
        json.dumps(document, indent=1).encode(),
        "application/json",
    )
