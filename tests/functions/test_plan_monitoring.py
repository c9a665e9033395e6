"""A look at a model's traffic takes what arrived since the last look, and nothing twice."""

import json
from datetime import UTC, datetime, timedelta

import pytest

import judge_findings
import plan_monitoring

HOUR = timedelta(hours=1)


@pytest.fixture
def serving(account):
    account.push()
    account.register(approval="Approved")
    account.serve(1)
    return account


def text(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def look(account, at):
    request = {"model": "flight-delays", "scheduled_at": text(at)}
    return plan_monitoring.handler(request, account.context)


def capture(account, hour, name):
    """Write a file of traffic whose first record is of this hour; it arrives now."""
    place = f"capture/flight-delays/flight-delays/AllTraffic/{hour:%Y/%m/%d/%H}/{name}.jsonl"
    account.put(f"s3://{account.artefacts}/{place}", b"{}\n")
    return place


def looked(account, until, answer=None):
    """Let a look until then end well."""
    uri = f"s3://{account.artefacts}/monitoring/flight-delays/x/findings.json"
    account.put_json(uri, {"model": "flight-delays", "rows": 0, "labelled_rows": 0, "checks": []})
    execution = {"execution": answer["execution"]} if answer else {}
    request = account.request(
        "machine-judge-findings", findings_uri=uri, scheduled_at=text(until), **execution
    )
    judge_findings.handler(request, account.context)


def job(account, answer):
    found = account.client("stepfunctions").describe_execution(executionArn=answer["execution"])
    return json.loads(found["input"])["job"]


def inputs(account, answer):
    return {each["InputName"]: each["S3Input"] for each in job(account, answer)["inputs"]}


def manifest(account, answer):
    found = inputs(account, answer)["capture"]
    assert found["S3DataType"] == "ManifestFile"
    bucket, _, key = found["S3Uri"].removeprefix("s3://").partition("/")
    body = account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    first, *files = json.loads(body)
    assert first == {"prefix": f"s3://{bucket}/"}
    return files


def test_what_came_after_a_look_is_in_the_next_though_its_records_are_older(serving):
    last = datetime.now(UTC) - HOUR / 6
    looked(serving, last)
    late = capture(serving, last - HOUR, "58-00-000-a")
    new = capture(serving, datetime.now(UTC), "03-00-000-b")
    found = look(serving, datetime.now(UTC) + HOUR)
    assert found["reason"] == "2 files of traffic to look at"
    assert manifest(serving, found) == sorted([late, new])


def test_nothing_is_looked_at_twice(serving):
    capture(serving, datetime.now(UTC), "03-00-000-a")
    until = datetime.now(UTC) + HOUR
    first = look(serving, until)
    assert first["go"] is True
    looked(serving, until, first)
    found = look(serving, until + HOUR)
    assert found == {"go": False, "reason": "no traffic was captured since the last look"}


def test_labels_are_given_along_where_there_are_some(serving):
    capture(serving, datetime.now(UTC), "03-00-000-a")
    at = datetime.now(UTC) + HOUR
    first = look(serving, at)
    assert "labels" not in inputs(serving, first)
    serving.client("stepfunctions").stop_execution(executionArn=first["execution"])
    serving.put(f"s3://{serving.data}/labels/flight-delays/a.csv", b"id,late\n1,1\n")
    found = inputs(serving, look(serving, at + HOUR))["labels"]
    bucket, _, key = found["S3Uri"].removeprefix("s3://").partition("/")
    body = serving.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert json.loads(body) == [{"prefix": f"s3://{serving.data}/labels/flight-delays/"}, "a.csv"]


def test_a_model_that_does_not_serve_is_not_looked_at(account):
    account.push()
    capture(account, datetime.now(UTC), "03-00-000-a")
    found = look(account, datetime.now(UTC) + HOUR)
    assert found == {"go": False, "reason": "nothing of ours serves (the endpoint is missing)"}
