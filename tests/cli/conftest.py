"""Stacks that the command is tried on: one in memory, and a small one on a laptop's cloud."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from job_container import spec_of
from moto import mock_aws
from moto.core.config import default_user_config

from everloop.aws import account, ledger, outside, settings
from everloop.moments import moment
from everloop.records.installation import Installation
from everloop_cli.main import main
from everloop_localcloud.cloud import started

BUCKET, TABLE = "everloop-data", "everloop-ledger"
NOW = moment("2026-11-20T10:20:00Z")


class Stack:
    """The stack's bucket and ledger, with the model `prices`."""

    def __init__(self) -> None:
        self.bucket = BUCKET
        outputs = {"DataBucket": BUCKET, "LedgerTable": TABLE, "EventBus": "default"}
        settings.use(settings.of_outputs("everloop", account.reach(), outputs))
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        keys = [("pk", "HASH"), ("sk", "RANGE")]
        boto3.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
            AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k, _ in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        self.install()

    def install(self, model: str = "prices", **data: Any) -> None:
        spec = spec_of(data=data)
        ledger.install(Installation(model, spec, "digest", "s3://bundle", "s3://jobs", "arn", NOW))

    def put(self, key: str, body: bytes) -> None:
        boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)

    def body(self, key: str) -> bytes:
        return boto3.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def uploaded(self) -> list[str]:
        found = boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [each["Key"] for each in found]


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    # Not AWS's own policies, which other tests of the process want: they are 1,600.
    with (
        patch.dict(default_user_config, {"iam": {"load_aws_managed_policies": False}}),
        mock_aws(),
    ):
        yield Stack()
    settings.use(None)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Deploy small_stack.yaml to a cloud of this module's own; gives its clients, by service."""
    cloud, front = started(tmp_path_factory.mktemp("cloud"))
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "AWS_ENDPOINT_URL": cloud.url,
            "AWS_REGION": cloud.region,
            "AWS_ACCESS_KEY_ID": "ana",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }.items():
            environment.setenv(name, value)
        outside.forget(session=True)
        formation = boto3.client("cloudformation", region_name=cloud.region)
        formation.create_stack(
            StackName="everloop",
            TemplateBody=Path(__file__).with_name("small_stack.yaml").read_text(),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        while (found := formation.describe_stacks(StackName="everloop")["Stacks"][0])[
            "StackStatus"
        ] == "CREATE_IN_PROGRESS":
            time.sleep(0.02)
        assert found["StackStatus"] == "CREATE_COMPLETE", formation.describe_stack_events(
            StackName="everloop"
        )["StackEvents"]
        yield lambda service: boto3.client(service, region_name=cloud.region)
    settings.use(None)
    outside.forget(session=True)
    cloud.stop()
    front.stop()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run the command; gives its exit code and what it printed, in one line."""

    def call(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main(list(words))
        found = capsys.readouterr()
        return code, " ".join((found.out + found.err).split())

    return call


@pytest.fixture
def run_json(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run the command with --json; gives what it printed."""

    def call(*words: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert main([*words, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return call
