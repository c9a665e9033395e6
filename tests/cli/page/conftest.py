"""The page over a small stack with models whose ledger, registry and reports are prepared."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from job_container import spec_of
from starlette.testclient import TestClient

from everloop.aws import journal, ledger, settings
from everloop.chain import Entry
from everloop.moments import moment
from everloop.records.installation import Installation
from everloop.records.run import FAILED, REGISTERED, RUNNING, Run
from everloop_cli.door import open_stack
from everloop_cli.page.app import create
from everloop_cli.page.board import Board
from everloop_cli.page.clock import Clock
from everloop_cli.page.render import Site

MODEL, HOSTILE, EMPTY = "prices", "hostile", "empty"
TOKEN, PORT = "a-token-of-a-test", 8123
BASE = f"http://127.0.0.1:{PORT}"
NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7 * 7 }}"
OWN_PAGE = "drift <b>.html"
# A page of a folder's own code that tries what it can.
OWN = b"""<!doctype html><h1>Drift</h1><script>
document.querySelector("h1").textContent = "Drawn";
const tried = [];
for (const act of [
  () => { top.stolen = 1; },
  () => { tried.push(document.cookie); },
  () => { tried.push(parent.document.title); },
  () => { top.location = "/models"; },
]) try { act(); tried.push("done"); } catch (error) { tried.push("refused"); }
fetch("/").then(() => report("asked"), () => report("not asked"));
function report(asked) { parent.postMessage({tried, asked, origin: window.origin}, "*"); }
</script>"""
REPORT = b"<!doctype html><title>r</title><h1>A report</h1><script>top.stolen = 1</script>"


_STEP = {"Name": "No", "Type": "Fail", "Arguments": {"ErrorMessage": "never run"}}


def at(hour: int) -> str:
    return f"2026-11-20T{hour:02d}:00:00.000Z"


class Prepared:
    """Writes what functions and machines would: the same records, at chosen moments."""

    def __init__(self, service: Callable[[str], Any]) -> None:
        self.service = service
        self.bucket = "everloop-artefacts"

    def decide(self, model: str, kind: str, hour: int, **more: Any) -> None:
        id = f"{model}-{kind}-{hour}-{more}"
        given = {"go": True, "reason": "", **more}
        journal.append(Entry(id=id, model=model, time=at(hour), kind=kind, **given))

    def install(self, model: str) -> None:
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/{model}"
        ledger.install(
            Installation(
                model, spec_of(), "c0de" * 16, "s3://bundle", "s3://jobs", arn, moment(at(1))
            )
        )

        self.service("sagemaker").create_pipeline(
            PipelineName=model,
            PipelineDefinition=json.dumps({"Version": "2020-12-01", "Steps": [_STEP]}),
            RoleArn="arn:aws:iam::123456789012:role/worker",
            ClientRequestToken=f"{model:-<32}",
        )

    def put(self, key: str, value: Any) -> str:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.service("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def version(self, model: str, number: int, mae: float, **metadata: str) -> str:
        sagemaker = self.service("sagemaker")
        if number == 1:
            sagemaker.create_model_package_group(ModelPackageGroupName=model)
        folder = f"runs/{model}/{number}/evaluation"
        metrics = {"rmse": {"value": mae, "low": mae - 0.25, "high": mae + 0.125}}
        uri = self.put(f"{folder}/evaluation.json", {"rows": 1234, "metrics": metrics})
        self.put(f"{folder}/report.html", REPORT)
        if number == 2:
            self.put(f"{folder}/{OWN_PAGE}", OWN)
        made = {"evaluation-uri": uri, "cause": "data", "dataset-digest": "da7a" * 16, **metadata}
        return sagemaker.create_model_package(
            ModelPackageGroupName=model,
            ModelApprovalStatus="PendingManualApproval",
            CustomerMetadataProperties=made,
            InferenceSpecification={
                "Containers": [{"Image": "image", "ModelDataUrl": "s3://m/model.tar.gz"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )["ModelPackageArn"]


@pytest.fixture(scope="module")
def prepared(deployed: Callable[..., Any]) -> Prepared:
    open_stack("everloop")
    made = Prepared(deployed)
    made.install(EMPTY)
    made.install(MODEL)
    made.decide(MODEL, "install", 1, reason="6 files")
    for number, mae in ((1, 2.5), (2, 1.75)):
        arn = made.version(MODEL, number, mae)
        end = moment(at(2 * number + 1))
        run = Run(f"{MODEL}-w{number}-0a1b2c3d", "da7a" * 16, "c0de" * 16, "data", end, REGISTERED)
        ledger.put_run(MODEL, Run(**{**vars(run), "ended_at": end, "metrics": {"rmse": mae}}))
        made.decide(MODEL, "judge", 2 * number + 1, go=False, reason=f"rmse {mae}", subject=arn)
    serving = {"outcome": "released", "version": 1, "serving": 1}
    made.decide(MODEL, "serve", 4, reason="version 1 serves", facts=serving)
    for hour, drift in ((6, 0.25), (7, 0.75), (8, 1.5)):
        page = made.put(f"monitoring/{MODEL}/{hour}/report.html", REPORT)
        facts = {
            "findings_uri": f"{page.rpartition('/')[0]}/findings.json",
            "drift": {"data": drift},
            "quality": {"rmse": {"value": 2 + drift}},
            "judged": 3,
            "rows": 400 + hour,
            "version": 1,
        }
        made.decide(MODEL, "monitor", hour, go=drift > 1, reason=f"drift {drift}", facts=facts)
    made.install(HOSTILE)
    made.decide(HOSTILE, "install", 1, reason=NASTY, actor=NASTY)
    made.version(HOSTILE, 1, 3.0, cause="data")
    for number, outcome in ((1, FAILED), (2, RUNNING)):
        when = moment(at(number))
        run = Run(f"{HOSTILE}-w{number}-0a1b2c3d", "d", "c", NASTY, when, outcome)
        ledger.put_run(HOSTILE, run)
    made.decide(HOSTILE, "train-end", 3, go=False, reason=NASTY, facts={"outcome": NASTY})
    return made


def site(*, allow_changes: bool) -> Site:
    clock = Clock()
    clock.read()
    here = settings.settings()
    return Site(here, clock, Board(here, clock), allow_changes)


def client_of(made: Site, *, token: str | None = TOKEN) -> TestClient:
    """Return a browser that was given the token, or none."""
    client = TestClient(create(made, TOKEN, PORT), base_url=BASE, raise_server_exceptions=False)
    if token:
        assert client.get("/", params={"token": token}).status_code == 200
    return client


@pytest.fixture
def page(prepared: Prepared) -> Iterator[TestClient]:
    made = site(allow_changes=False)
    yield client_of(made)
    made.board.stop(wait=True)


@pytest.fixture
def changing(prepared: Prepared) -> Iterator[TestClient]:
    made = site(allow_changes=True)
    yield client_of(made)
    made.board.stop(wait=True)
