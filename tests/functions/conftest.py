"""An AWS account made by moto, with the stack's resources in it, for the handlers' tests."""

import base64
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from unittest.mock import patch

ACCOUNT, REGION = "123456789012", "us-east-1"
_NAMES = {
    "STACK": "everloop",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "LEDGER_TABLE": "everloop-ledger",
    "DATA_BUCKET": f"everloop-data-{ACCOUNT}-{REGION}",
    "ARTEFACT_BUCKET": f"everloop-artefacts-{ACCOUNT}-{REGION}",
    "ANCHOR_BUCKET": f"everloop-anchors-{ACCOUNT}-{REGION}",
    "EVENT_BUS": "everloop",
    "NOTIFICATION_TOPIC": f"arn:aws:sns:{REGION}:{ACCOUNT}:everloop-notifications",
    "MACHINES": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:everloop",
    "SAGEMAKER_ROLE": f"arn:aws:iam::{ACCOUNT}:role/everloop-us-east-1-sagemaker",
    "SCHEDULER_ROLE": f"arn:aws:iam::{ACCOUNT}:role/everloop-us-east-1-scheduler",
    "MONITORING_FUNCTION": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:everloop-plan-monitoring",
    "VIOLATION_FUNCTION": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:everloop-on-violation",
    "MASKING_KEY": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/masking",
    "UNDELIVERED_QUEUE": f"arn:aws:sqs:{REGION}:{ACCOUNT}:everloop-undelivered",
}
# Powertools reads these when it is imported.
os.environ["POWERTOOLS_SERVICE_NAME"] = "everloop"
os.environ["POWERTOOLS_METRICS_NAMESPACE"] = "everloop"
os.environ["POWERTOOLS_LOG_LEVEL"] = "WARNING"

import boto3  # noqa: E402
import pytest  # noqa: E402
from botocore.awsrequest import AWSResponse  # noqa: E402
from botocore.handlers import BUILTIN_HANDLERS  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402
from functions.moto_cards import taught  # noqa: E402
from functions.prepared import History, step  # noqa: E402
from moto import mock_aws  # noqa: E402
from moto.core.base_backend import BaseBackend  # noqa: E402
from moto.core.botocore_stubber import MockRawResponse  # noqa: E402
from moto.core.config import default_user_config  # noqa: E402
from moto.core.models import botocore_stubber  # noqa: E402
from moto.sagemaker.models import sagemaker_backends  # noqa: E402
from moto.sns.models import Subscription  # noqa: E402

from everloop.aws import clients, settings  # noqa: E402
from everloop.bundle import pack  # noqa: E402
from everloop_localcloud.behind.moto_calls import dispatch  # noqa: E402
from everloop_localcloud.kernel.access.demands import Place, demands  # noqa: E402
from everloop_localcloud.kernel.access.evaluation import evaluate  # noqa: E402
from everloop_localcloud.kernel.access.record import wanted  # noqa: E402
from proofs.stack import stack  # noqa: E402

EVENTS = Path(__file__).parents[2] / "events"
FUNCTIONS = Path(__file__).parents[2] / "functions"
SPEC = """
problem = "binary_classification"
[data]
target = "late"
key = "id"
marker = "_SUCCESS"
quiet_minutes = 5.0
[evaluate.metrics.auc]
min = 0.6
[approve]
by = "policy"
first = "policy"
[train]
spot = false
[deploy.production]
instance = "ml.m5.large"
[deploy.staging]
instance = "ml.m5.large"
"""
BUNDLE = b"the bundle's bytes"
MACHINE = json.dumps(
    {"StartAt": "End", "States": {"End": {"Type": "Wait", "Seconds": 1, "End": True}}}
)


_RECORD = wanted("handlers")


class Context:
    """What Lambda hands to a handler beside the event."""

    function_name = "everloop-test"
    memory_limit_in_mb = 512
    invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:everloop-test"
    aws_request_id = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


class Account:
    """The stack's resources, and a person's hands on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.context = Context()
        self.history = History()
        self.answered: list[tuple[Any, str, Any]] = []
        self.data = _NAMES["DATA_BUCKET"]
        self.artefacts = _NAMES["ARTEFACT_BUCKET"]
        self.anchors = _NAMES["ANCHOR_BUCKET"]
        self.mail = self._make()

    @step
    def _make(self) -> str:
        for bucket in (self.data, self.artefacts):
            self.client("s3").create_bucket(Bucket=bucket)
            self.client("s3").put_bucket_versioning(
                Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
            )
        self.client("s3").create_bucket(Bucket=self.anchors, ObjectLockEnabledForBucket=True)
        self.client("dynamodb").create_table(
            TableName=_NAMES["LEDGER_TABLE"],
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )
        self.client("sns").create_topic(Name="everloop-notifications")
        mail: str = self.client("sqs").create_queue(QueueName="mail")["QueueUrl"]
        self.client("sns").subscribe(
            TopicArn=_NAMES["NOTIFICATION_TOPIC"],
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:mail",
        )
        self.client("events").create_event_bus(Name="everloop")
        self.client("scheduler").create_schedule_group(Name="everloop")
        for machine in ("train", "evaluate", "deploy", "monitor", "score", "remove"):
            self.client("stepfunctions").create_state_machine(
                name=f"everloop-{machine}",
                definition=MACHINE,
                roleArn=f"arn:aws:iam::{ACCOUNT}:role/states",
            )
        return mail

    def client(self, service: Any) -> Any:
        return _client(service)

    def describe_stack(self, without: str = "") -> None:
        """Let CloudFormation know the stack, as the command asks for it, maybe less an output."""
        os.environ["AWS_ENDPOINT_URL_CLOUDFORMATION"] = cloudformation(without)

    def event(self, name: str, **detail: Any) -> dict[str, Any]:
        """Return a sample of events/, with some of its detail replaced."""
        event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
        for path, value in detail.items():
            target = event["detail"]
            *parents, last = path.split("__")
            for parent in parents:
                target = target[parent]
            target[last] = value
        return event

    @step
    def violation(self, model: str = "flight-delays", **changes: Any) -> dict[str, Any]:
        """Return the event of a violation that a monitor found, with what it found in S3."""
        event = self.event("everloop-violation-found")
        uri = event["detail"]["findings_uri"]
        check = {
            "monitor": "data",
            "feature": "dep_hour",
            "statistic": "psi",
            "value": 0.4,
            "threshold": 0.1,
            "violated": True,
        }
        found = {"model": model, "rows": 900, "labelled_rows": 0, "checks": [check], **changes}
        self.put_json(uri, found)
        return event

    def bundle(self, spec: str = SPEC, keep: str = "") -> bytes:
        """Pack a model's folder; `keep` is the line of [data] that limits a dataset's windows."""
        folder = self.folder / "model"
        folder.mkdir(exist_ok=True)
        (folder / "model.toml").write_text(spec.replace("[data]", f"[data]\n{keep}"))
        for name in ("preprocess.py", "train.py", "inference.py"):
            (folder / name).write_text("# the model's own\n")
        return pack(folder)

    def push(
        self, model: str = "flight-delays", data: bytes | None = None, by: str = ""
    ) -> dict[str, Any]:
        """Upload a bundle, as somebody's where it says so, and install it."""
        return self._push(model, self.bundle() if data is None else data, by)

    @step
    def _push(self, model: str, data: bytes, by: str) -> dict[str, Any]:
        import install_model

        key = f"models/{model}/bundle.tar.gz"
        metadata = {"pushed-by": by} if by else {}
        self.client("s3").put_object(Bucket=self.data, Key=key, Body=data, Metadata=metadata)
        event = self.event("s3-object-created-bundle", bucket__name=self.data, object__key=key)
        answer: dict[str, Any] = install_model.handler(event, self.context)
        return answer

    def arrival(self, key: str, **detail: Any) -> dict[str, Any]:
        return self.event(
            "s3-object-created-data", bucket__name=self.data, object__key=key, **detail
        )

    @step
    def bring(self, key: str, body: bytes = b"id,late\n1,0\n", **detail: Any) -> dict[str, Any]:
        """Put an object, and return the event that tells of it."""
        answer = self.client("s3").put_object(Bucket=self.data, Key=key, Body=body)
        told = {
            "object__version-id": answer["VersionId"],
            "object__etag": answer["ETag"].strip('"'),
            "object__size": len(body),
        }
        return self.arrival(key, **{**told, **detail})

    @step
    def take_out(self, key: str, version: str | None = None, **detail: Any) -> dict[str, Any]:
        """Delete an object, or one version of it for good, and return the event that tells."""
        which = {"VersionId": version} if version else {}
        answer = self.client("s3").delete_object(Bucket=self.data, Key=key, **which)
        told = {
            "object__key": key,
            "object__version-id": version or answer["VersionId"],
            "deletion-type": "Permanently Deleted" if version else "Delete Marker Created",
        }
        return self.event("s3-object-deleted-data", bucket__name=self.data, **{**told, **detail})

    @step
    def drop(self, *events: dict[str, Any]) -> dict[str, Any]:
        """Hand arrivals to collect_data as the queue does."""
        import collect_data

        records = [
            {"messageId": f"m{index}", "body": json.dumps(event)}
            for index, event in enumerate(events)
        ]
        answer: dict[str, Any] = collect_data.handler({"Records": records}, self.context)
        return answer

    @step
    def register(
        self, version: int = 1, approval: str = "PendingManualApproval", **metadata: str
    ) -> str:
        """Register a version as a pipeline does, with its evaluation in S3; return its ARN."""
        run = f"s3://{self.artefacts}/runs/flight-delays/r{version}"
        sagemaker = self.client("sagemaker")
        arn: str = sagemaker.create_model_package(
            ModelPackageGroupName="flight-delays",
            ModelApprovalStatus=approval,
            InferenceSpecification={
                "Containers": [{"Image": "image:1", "ModelDataUrl": f"{run}/model/model.tar.gz"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )["ModelPackageArn"]
        found = {
            "dataset-digest": f"data{version}",
            "bundle-digest": hashlib.sha256(BUNDLE).hexdigest(),
            "bundle-uri": f"s3://{self.artefacts}/bundles/flight-delays/b/bundle.tar.gz",
            "holdout-uri": f"{run}/holdout/data.csv",
            "evaluation-uri": f"{run}/evaluation/evaluation.json",
            "predictions-uri": f"{run}/evaluation/predictions.csv",
            "baseline-uri": f"{run}/baseline",
        }
        # moto forgets the metadata that a package is created with, and on an update the approval.
        sagemaker.update_model_package(
            ModelPackageArn=arn,
            ModelApprovalStatus=approval,
            CustomerMetadataProperties={**found, **metadata},
        )
        self.put(f"{run}/model/model.tar.gz", b"model %d" % version)
        self.put(found["bundle-uri"], BUNDLE)
        self.put_json(f"{run}/baseline/statistics.json", {"dataset": {"item_count": 540}})
        self.put_json(found["evaluation-uri"], {"metrics": {"auc": {"value": 0.71}}, "rows": 900})
        return arn

    def unregister(self, arn: str) -> None:
        """Delete a version, as DeleteModelPackage does, which moto does not know."""
        self.history.touched()
        backend = sagemaker_backends[ACCOUNT][REGION]
        del backend.model_packages[arn]

    def put(self, uri: str, data: bytes) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=data)

    def put_json(self, uri: str, value: Any) -> None:
        self.put(uri, json.dumps(value).encode())

    @step
    def serve(self, version: int, endpoint: str = "flight-delays", *, staged: bool = False) -> str:
        """Let an endpoint serve a version; return its config's name."""
        config = f"flight-delays-v{version}{'-staging' if staged else ''}-0123abcd"
        sagemaker = self.client("sagemaker")
        sagemaker.create_model(
            ModelName=f"m{version}",
            PrimaryContainer={"Image": "image:1"},
            ExecutionRoleArn=_NAMES["SAGEMAKER_ROLE"],
        )
        variant = {"VariantName": "AllTraffic", "ModelName": f"m{version}"}
        sagemaker.create_endpoint_config(
            EndpointConfigName=config,
            ProductionVariants=[
                {**variant, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
            ],
        )
        sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        return config

    def approval(self, arn: str) -> str:
        found = self.client("sagemaker").describe_model_package(ModelPackageName=arn)
        return str(found["ModelApprovalStatus"])

    def request(self, name: str, **values: Any) -> dict[str, Any]:
        """Return a machine's request of events/, with some of its values replaced."""
        found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
        return {**found, **values}

    def token(self, machine: str, name: str) -> str:
        """Return a task token that tells whose it is, as the local cloud's do."""
        machines = _NAMES["MACHINES"].replace(":stateMachine:", ":execution:")
        token = json.dumps([f"{machines}-{machine}:{name}", 1, "nonce"])
        return base64.b64encode(token.encode()).decode()

    def answer(self, client: Any, operation: str, status: int, **told: Any) -> list[Any]:
        """Let AWS answer a client's call from here on, in parsed form: what moto does not know.

        Returns the list that the calls' parameters go to.
        """
        asked: list[Any] = []

        def answer(params: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
            body = params["body"]  # a form's fields, or JSON
            asked.append(body if isinstance(body, dict) else json.loads(body))
            return AWSResponse("", status, {}, None), {
                **told,
                "ResponseMetadata": {"HTTPHeaders": {}},
            }

        self._hook(client, "before-call", operation, answer)
        return asked

    def meanwhile(self, client: Any, operation: str, others: Callable[..., None]) -> None:
        """Let others do something just before each of a client's calls of an operation."""
        self._hook(client, "before-parameter-build", operation, others)

    @contextmanager
    def counting(self) -> Iterator[Counter[str]]:
        """Count the calls to the ledger and to S3, by operation."""
        calls: Counter[str] = Counter()

        def count(model: Any, **_: Any) -> None:
            calls[model.name] += 1

        for client in (clients.dynamodb(), clients.s3()):
            client.meta.events.register("before-call", count)
        yield calls
        for client in (clients.dynamodb(), clients.s3()):
            client.meta.events.unregister("before-call", count)

    def _hook(self, client: Any, moment: str, operation: str, handler: Callable[..., Any]) -> None:
        self.history.touched()
        event = f"{moment}.{client.meta.service_model.service_name}.{operation}"
        client.meta.events.register_first(event, handler)
        self.answered.append((client, event, handler))

    def made_to_score(self) -> dict[str, Any]:
        """Make the SageMaker model of a run's transform job; return the step that made it."""
        made = self.client("sagemaker").create_model(
            ModelName=f"pipelines-{'r1' * 6}-Model-{'0' * 10}",
            PrimaryContainer={"Image": "image:1"},
            ExecutionRoleArn="arn:aws:iam::123456789012:role/everloop-sagemaker",
        )
        return {"StepName": "Model", "Metadata": {"Model": {"Arn": made["ModelArn"]}}}

    def answer_as_before(self) -> None:
        """Let AWS answer by itself again, and nobody do anything meanwhile."""
        for client, event, handler in self.answered:
            client.meta.events.unregister(event, handler)
        self.answered.clear()

    def executions(self, machine: str) -> list[str]:
        found = self.client("stepfunctions").list_executions(
            stateMachineArn=f"{_NAMES['MACHINES']}-{machine}"
        )["executions"]
        return sorted(execution["name"] for execution in found)

    def decisions(self, model: str = "flight-delays") -> list[dict[str, Any]]:
        from everloop.aws import journal

        return list(journal.decisions(model))

    def mails(self) -> list[str]:
        """Take the mails out of the box; return their subjects."""
        sqs = self.client("sqs")
        found = []
        received = sqs.receive_message(QueueUrl=self.mail, MaxNumberOfMessages=10)
        for message in received.get("Messages", []):
            found.append(json.loads(message["Body"])["Subject"])
            sqs.delete_message(QueueUrl=self.mail, ReceiptHandle=message["ReceiptHandle"])
        return found


@cache
def _client(service: Any) -> Any:
    return boto3.client(service)


@cache
def cloudformation(without: str = "") -> str:
    """Return the address of a CloudFormation that knows the stack; moto's needs all of moto."""
    outputs = {
        "LedgerTable": _NAMES["LEDGER_TABLE"],
        "DataBucket": _NAMES["DATA_BUCKET"],
        "ArtefactBucket": _NAMES["ARTEFACT_BUCKET"],
        "AnchorBucket": _NAMES["ANCHOR_BUCKET"],
        "EventBus": _NAMES["EVENT_BUS"],
        "NotificationTopic": _NAMES["NOTIFICATION_TOPIC"],
        "TrainMachine": _NAMES["MACHINES"] + "-train",
    }
    members = "".join(
        f"<member><OutputKey>{name}</OutputKey><OutputValue>{value}</OutputValue></member>"
        for name, value in outputs.items()
        if name != without
    )
    stack = (
        "<StackName>everloop</StackName><StackStatus>CREATE_COMPLETE</StackStatus>"
        f"<CreationTime>2026-11-20T10:00:00Z</CreationTime><Outputs>{members}</Outputs>"
    )
    there = (
        '<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">'
        f"<DescribeStacksResult><Stacks><member>{stack}</member></Stacks></DescribeStacksResult>"
        "</DescribeStacksResponse>"
    )
    missing = (
        "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>"
        "<Message>Stack does not exist</Message></Error></ErrorResponse>"
    )

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
            known = "StackName=everloop" in asked.split("&")
            body = (there if known else missing).encode()
            self.send_response(200 if known else 400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def _dynamodb(request: Any) -> AWSResponse | None:
    """Let the local cloud's way into moto's DynamoDB answer: the same, in half of the time."""
    if not (botocore_stubber.enabled and request.url.startswith("https://dynamodb.")):
        return None
    headers = {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in request.headers.items()
    }
    body = request.body if isinstance(request.body, bytes) else request.body.encode()
    status, told, content = dispatch(ACCOUNT, "dynamodb", REGION, headers, body)
    return AWSResponse(request.url, status, told, MockRawResponse(content))


@cache
def _handler(filename: str) -> str | None:
    """Return the name of the function whose file this is, if it is one's."""
    path = Path(filename)
    return path.stem if path.parent == FUNCTIONS else None


def _permitted(params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
    """Fail where a function makes a call that its role in template.yaml does not allow."""
    frame = sys._getframe()
    while frame.f_back is not None and _handler(frame.f_code.co_filename) is None:
        frame = frame.f_back
    handler = _handler(frame.f_code.co_filename)
    if handler is None:
        return  # the test's own call
    role = stack().role_of(handler)
    service = {"sfn": "stepfunctions", "eventbridge": "events"}.get(
        model.service_model.service_name, model.service_model.service_name
    )
    context["made by"] = role, params
    _judge(role, service, model.name, params)


def _told(http_response: Any, model: Any, context: dict[str, Any], **_: Any) -> None:
    """Fail where AWS would not tell that an object is missing, but 403: to who may not list."""
    reads = model.name != "PutObject"  # which is told alike, whoever may list
    if http_response.status_code == 404 and reads and "Key" in context.get("made by", ("", {}))[1]:
        role, params = context["made by"]
        _judge(role, "s3", "ListObjectsV2", {"Bucket": params["Bucket"]})


def _judge(role: str, service: str, operation: str, params: dict[str, Any]) -> None:
    for demand in demands(service, operation, params, Place(ACCOUNT, REGION)):
        verdict = evaluate(stack().statements(role), demand, {"aws:securetransport": "true"})
        if _RECORD is not None:
            _RECORD.note(role, demand, allowed=verdict.allowed)
        assert verdict.allowed, f"{role} lacks {demand.action} on {demand.resource}"


def _answer(event_name: str, request: Any, **named: Any) -> AWSResponse | None:
    """Answer in moto's place. Beside it both would answer: botocore asks every handler."""
    answer = _dynamodb(request)
    return answer if answer is not None else botocore_stubber(event_name, request, **named)


@cache
def _signing_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def _routes(backend: type[BaseBackend]) -> dict[str, Any]:
    """Return what answers which addresses of a service; moto reads it anew for each call."""
    found: dict[str, Any] = _URLS.__get__(backend("us-east-1", ACCOUNT))
    return found


_URLS: Any = vars(BaseBackend)["urls"]
BaseBackend.urls = property(lambda backend: _routes(type(backend)))  # type: ignore[method-assign,assignment]

# Each subscription would make a key of its own to sign with, and nobody reads the signatures.
Subscription.private_key = lambda _: _signing_key()  # type: ignore[method-assign]
taught()
BUILTIN_HANDLERS[:] = [
    (event, _answer if handler is botocore_stubber else handler, *more)
    for event, handler, *more in BUILTIN_HANDLERS
]


@contextmanager
def new_clients() -> Iterator[Any]:
    """Let everybody make new clients, here and afterwards; yields the session that makes ours."""
    kept = [value for value in vars(clients).values() if hasattr(value, "cache_clear")]
    for client in [*kept, _client]:
        client.cache_clear()
    yield clients._session()
    for client in [*kept, _client]:
        client.cache_clear()


@contextmanager
def opened(folder: Path) -> Iterator[Account]:
    """Open an account with the stack's resources in it."""
    # Other tests of the process want AWS's managed policies: 1,600 made anew for each account, and
    # again at its end.
    with (
        patch.dict(os.environ, _NAMES),
        patch.dict(default_user_config, {"iam": {"load_aws_managed_policies": False}}),
        mock_aws(),
    ):
        os.environ.pop("AWS_ENDPOINT_URL", None)
        settings.use(None)
        yield Account(folder)
    settings.use(None)


@pytest.fixture(scope="module")
def made_once() -> Iterator[None]:
    """Let a module's tests share clients: what moto knows is not in them, and they are dear."""
    with new_clients() as session:
        session.register("before-parameter-build.*.*", _permitted)
        session.register("after-call.s3.*", _told)
        yield


@pytest.fixture
def account(tmp_path: Path, made_once: None) -> Iterator[Account]:
    with opened(tmp_path) as found:
        yield found
        found.answer_as_before()
