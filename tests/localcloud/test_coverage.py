"""What the cloud says it answers is what it answers; what it does not honour it refuses by name."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from everloop_localcloud import coverage
from everloop_localcloud.cloud import SERVICES, Cloud
from everloop_localcloud.kernel.parameters import declared
from everloop_localcloud.sts.api import Sts

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def rows():
    return {(row.service, row.operation): row for row in coverage.rows()}


def test_the_page_is_current(rows):
    page = (ROOT / "docs" / "services.md").read_text()
    assert page == coverage.markdown(list(rows.values())), "run: make services"


@pytest.fixture(scope="module")
def apis(tmp_path_factory):
    cloud = Cloud(tmp_path_factory.mktemp("cloud"))
    yield cloud.apis
    cloud.abandon()


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_declared_is_what_the_code_looks_for(apis, service):
    api = apis[service]
    wrong = {
        name: (sorted(found - declared), sorted(declared - found))
        for name in api.operations.keys() | api.reads.keys()
        if (declared := api.reads.get(name)) != (found := api.looked_for(name))
    }
    assert wrong == {}, "(read and not declared, declared and not read)"


def test_a_declaration_goes_on_over_lines_and_stands_once():
    assert declared("One: A B\n    C\nTwo:") == {"One": {"A", "B", "C"}, "Two": frozenset()}
    with pytest.raises(ValueError, match="One is declared twice"):
        declared("One: A\nOne: B")


def test_what_the_code_reads_without_declaring_it_is_refused(apis, monkeypatch):
    api = Sts(apis["sts"].cloud)
    monkeypatch.setattr(Sts, "reads", {"AssumeRole": frozenset({"RoleArn", "RoleSessionName"})})
    assert "DurationSeconds" in api.refused("AssumeRole")
    assert "DurationSeconds" in api.looked_for("AssumeRole")


@pytest.mark.parametrize(
    ("service", "operation", "status"),
    [
        ("sts", "GetCallerIdentity", "works"),
        ("sts", "GetSessionToken", "not there"),
        ("s3", "PutObject", "partial"),
        ("dynamodb", "PutItem", "partial"),
        ("dynamodb", "ExecuteStatement", "not there"),
        ("secretsmanager", "GetSecretValue", "works"),
    ],
)
def test_each_operation_has_a_status(rows, service, operation, status):
    assert rows[service, operation].status == status


@pytest.mark.parametrize(
    ("service", "operation", "parameter"),
    [
        ("sts", "AssumeRole", "ExternalId"),
        ("s3", "PutObject", "SSECustomerKey"),
        ("kms", "CreateKey", "XksKeyId"),
        ("lambda", "CreateEventSourceMapping", "FilterCriteria"),
    ],
)
def test_a_parameter_that_nothing_reads_is_listed(rows, service, operation, parameter):
    assert parameter in rows[service, operation].refused


def test_a_parameter_that_is_read_is_not_refused(rows):
    assert "RoleSessionName" not in rows["sts", "AssumeRole"].refused
    assert "IfMatch" not in rows["s3", "GetObject"].refused


def test_a_parameter_that_nothing_reads_is_refused_by_name(cloud_with):
    _, client = cloud_with("sts", "sns")
    role = {"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "se"}
    with pytest.raises(ClientError, match="sts:AssumeRole does not honour ExternalId") as error:
        client("sts").assume_role(**role, ExternalId="none")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    with pytest.raises(ClientError, match="kms:CreateKey does not honour XksKeyId"):
        client("kms").create_key(XksKeyId="x")
    with pytest.raises(ClientError, match="does not answer ssm:GetCalendarState"):
        client("ssm").get_calendar_state(CalendarNames=["c"])


def test_asking_for_nothing_is_not_refused(cloud_with):
    _, client = cloud_with("s3")
    s3 = client("s3")
    s3.create_bucket(Bucket="data")
    put = {"Bucket": "data", "Key": "a", "Tagging": ""}
    s3.put_object(**put)
    with pytest.raises(ClientError, match="s3:PutObject does not honour ObjectLockLegalHold"):
        s3.put_object(**put, ObjectLockLegalHoldStatus="ON")


def test_the_command_lists_a_service():
    path = os.pathsep.join([str(ROOT), str(ROOT / "cli"), str(ROOT / "layers" / "core")])
    told = subprocess.run(
        [sys.executable, "-m", "everloop_cli.main", "services", "sts", "--json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        check=True,
    )
    found = {row["operation"]: row["status"] for row in json.loads(told.stdout)}
    assert found["GetCallerIdentity"] == "works"
    assert found["GetSessionToken"] == "not there"
