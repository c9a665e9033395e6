"""`python -m everloop_localcloud`: a line, a folder, a port, and nothing lost over SIGKILL."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

ROOT = Path(__file__).parents[3]
TABLE = {
    "TableName": "items",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


class Program:
    """One run of the program."""

    def __init__(self, state, *arguments):
        command = [sys.executable, "-m", "everloop_localcloud", "--state", str(state)]
        self.process = subprocess.Popen(
            [*command, "--port", "0", "--services", "sts,s3,logs", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def up(self):
        line = self.process.stdout.readline()
        assert line.startswith("the cloud is up at http://127.0.0.1:"), self.process.stderr.read()
        return line

    def end(self, number):
        self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=30)
        return self.process.returncode, output, errors


@pytest.fixture
def program(tmp_path):
    running = []

    def program(*arguments, state=tmp_path / "state"):
        running.append(Program(state, *arguments))
        return running[-1]

    yield program
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


def client(state, service):
    return boto3.client(
        service,
        endpoint_url=json.loads((state / "cloud.json").read_text())["url"],
        region_name="us-east-1",
        aws_access_key_id="tester",
        aws_secret_access_key="secret",
        config=Config(retries={"max_attempts": 1}),
    )


@pytest.mark.cloud
def test_what_was_answered_is_there_after_sigkill(program, tmp_path):
    state = tmp_path / "state"
    killed = program("--speed", "60")
    killed.up()
    client(state, "s3").create_bucket(Bucket="data")
    db, s3, logs = (client(state, name) for name in ("dynamodb", "s3", "logs"))
    db.create_table(**TABLE)
    logs.create_log_group(logGroupName="g")
    for number in range(20):
        s3.put_object(Bucket="data", Key=f"k{number}", Body=b"x")
        db.put_item(TableName="items", Item={"pk": {"S": str(number)}})
    stamped = s3.head_object(Bucket="data", Key="k19")["LastModified"]
    killed.end(signal.SIGKILL)
    assert (state / "cloud.json").exists()

    again = program()
    again.up()
    db, s3, logs = (client(state, name) for name in ("dynamodb", "s3", "logs"))

    assert db.scan(TableName="items", Select="COUNT")["Count"] == 20
    assert s3.list_objects_v2(Bucket="data")["KeyCount"] == 20
    assert [g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]] == ["g"]
    assert s3.head_object(Bucket="data", Key="k19")["LastModified"] == stamped
    code, output, errors = again.end(signal.SIGTERM)
    assert (code, output, errors) == (0, "", "")
    assert not (state / "cloud.json").exists()


@pytest.mark.cloud
def test_a_second_cloud_is_told_why_it_cannot_start(program, tmp_path):
    first = program()
    first.up()
    told = json.loads((tmp_path / "state" / "cloud.json").read_text())
    assert told["pid"] == first.process.pid

    second = program().process
    output, errors = second.communicate(timeout=30)
    assert (second.returncode, output) == (1, "")
    assert f"(process {told['pid']}, {told['url']})" in errors
    assert "--state" in errors

    other = Program(tmp_path / "other", "--port", str(told["port"]))
    _, errors = other.process.communicate(timeout=30)
    assert other.process.returncode == 1
    assert errors == (
        f"error: port {told['port']} is taken by another program: stop it, or choose another "
        "--port\n"
    )
    assert first.end(signal.SIGINT)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--speed", "0"], "'0' is no speed"),
        (["--speed", "fast"], "'fast' is no speed"),
        (["--port", "70000"], "'70000' is no port"),
        (["--services", "s3,s4"], "unknown: ['s4']"),
        (["--state", "/dev/null/x"], "cannot be written to"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    found = subprocess.run(
        [sys.executable, "-m", "everloop_localcloud", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.returncode in (1, 2)
    assert message in found.stderr
