"""Invoking functions: what goes in, what comes out, and how failures are told apart."""

import base64
import json
import os
import sys

import pytest
from botocore.exceptions import ClientError

ECHO = "def handler(event, context):\n    return event\n"


@pytest.fixture
def client(cloud_with):
    _, factory = cloud_with("lambda", "sts")
    return factory("lambda")


def test_a_function_answers_what_it_returns(client, deploy, invoke):
    deploy(client, "echo", ECHO)
    assert invoke(client, "echo", {"snow": "❄", "n": [1, None]}) == {"snow": "❄", "n": [1, None]}


def test_the_context_names_function_request_and_time_left(client, deploy):
    source = (
        "def handler(event, context):\n"
        "    left = context.get_remaining_time_in_millis()\n"
        "    return [context.function_name, context.invoked_function_arn, context.aws_request_id,\n"
        "            context.memory_limit_in_mb, 0 < left <= 7000]\n"
    )
    arn = deploy(client, "ctx", source, Timeout=7, MemorySize=256)
    answer = json.loads(client.invoke(FunctionName=arn)["Payload"].read())
    assert answer[:2] == ["ctx", arn]
    assert len(answer[2]) == 36
    assert answer[3:] == ["256", True]


def test_an_exception_keeps_its_type_and_its_trace(client, deploy):
    source = (
        "class OutOfPlums(Exception): pass\ndef handler(e, c):\n    raise OutOfPlums('none left')\n"
    )
    deploy(client, "fails", source)
    answer = client.invoke(FunctionName="fails", LogType="Tail")
    assert answer["FunctionError"] == "Unhandled"
    failure = json.loads(answer["Payload"].read())
    assert (failure["errorType"], failure["errorMessage"]) == ("OutOfPlums", "none left")
    assert "raise OutOfPlums" in failure["stackTrace"][0]
    log = base64.b64decode(answer["LogResult"]).decode()
    assert "[ERROR] OutOfPlums: none left" in log


def test_the_log_has_start_what_was_printed_end_and_report(client, deploy):
    source = "def handler(e, c):\n    print('one')\n    print('two')\n"
    deploy(client, "prints", source)
    answer = client.invoke(FunctionName="prints", LogType="Tail")
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    kinds = [line.split(" ")[0].split("\t")[0] for line in lines]
    assert kinds == ["START", "one", "two", "END", "REPORT"]
    assert "Init Duration" in lines[-1]


def test_a_handler_that_cannot_be_imported_fails_by_name_every_time(client, deploy, invoke):
    deploy(client, "broken", "import no_such_module\n")
    for _ in range(2):
        failure = invoke(client, "broken")
        assert failure["errorType"] == "Runtime.ImportModuleError"
        assert "no_such_module" in failure["errorMessage"]


def test_a_function_that_runs_too_long_is_killed_and_said_so(client, deploy, invoke):
    source = "import time\ndef handler(e, c):\n    time.sleep(e.get('s', 0))\n    return 'done'\n"
    deploy(client, "slow", source, Timeout=1)
    failure = invoke(client, "slow", {"s": 60})
    assert failure["errorType"] == "Sandbox.Timedout"
    assert failure["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert invoke(client, "slow") == "done"


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        pytest.param("os._exit(3)", "exit status 3", id="exit"),
        pytest.param("os._exit(0)", "without providing a reason", id="exit without a reason"),
        pytest.param("os.kill(os.getpid(), 9)", "signal: killed", id="killed"),
    ],
)
def test_a_process_that_ends_is_an_exit_error(client, deploy, invoke, ending, said):
    deploy(client, "ends", f"import os\ndef handler(e, c):\n    {ending}\n")
    failure = invoke(client, "ends")
    assert failure["errorType"] == "Runtime.ExitError"
    assert said in failure["errorMessage"]


def test_an_answer_above_six_megabytes_is_refused(client, deploy, invoke):
    deploy(client, "big", "def handler(e, c):\n    return 'x' * e['n']\n", Timeout=20)
    assert len(invoke(client, "big", {"n": 6_000_000})) == 6_000_000
    assert invoke(client, "big", {"n": 7_000_000})["errorType"] == "Function.ResponseSizeTooLarge"


@pytest.mark.parametrize(
    ("kind", "size"), [("RequestResponse", 6_291_457), ("Event", 1_048_577)], ids=["sync", "async"]
)
def test_an_event_above_the_limit_is_refused(client, deploy, kind, size):
    deploy(client, "echo", ECHO)
    payload = json.dumps("x" * (size - 2))
    with pytest.raises(ClientError, match="RequestTooLargeException") as refused:
        client.invoke(FunctionName="echo", InvocationType=kind, Payload=payload)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_an_event_that_is_no_json_is_refused(client, deploy):
    deploy(client, "echo", ECHO)
    with pytest.raises(ClientError, match="Could not parse request body into json"):
        client.invoke(FunctionName="echo", Payload="{nope")


def test_a_dry_run_runs_nothing(client, deploy):
    deploy(client, "echo", "def handler(e, c):\n    raise Exception\n")
    assert client.invoke(FunctionName="echo", InvocationType="DryRun")["StatusCode"] == 204


def test_a_function_that_is_not_there_is_not_found(client):
    with pytest.raises(ClientError, match="Function not found: arn:aws:lambda:us-east-1:"):
        client.invoke(FunctionName="nobody")


def test_nothing_of_the_host_reaches_a_function(client, deploy, invoke, monkeypatch):
    monkeypatch.setenv("HOST_SECRET", "leaked")
    source = (
        "import os, sys\n"
        "def handler(e, c):\n"
        "    return {'env': dict(os.environ), 'path': sys.path, 'cwd': os.getcwd()}\n"
    )
    deploy(client, "looks", source, Environment={"Variables": {"MINE": "1"}})
    seen = invoke(client, "looks")
    assert "HOST_SECRET" not in seen["env"]
    assert seen["env"]["MINE"] == "1"
    assert seen["env"]["AWS_ENDPOINT_URL"] == client.meta.endpoint_url
    assert seen["env"]["AWS_LAMBDA_FUNCTION_NAME"] == "looks"
    assert not [part for part in seen["path"] if "site-packages" in part and ".venv" in part]
    assert os.path.realpath(seen["cwd"]) == os.path.realpath(seen["env"]["LAMBDA_TASK_ROOT"])


def test_a_function_calls_aws_as_its_role(client, deploy, invoke):
    source = (
        "import boto3\n"
        "def handler(e, c):\n"
        "    return boto3.client('sts').get_caller_identity()['Arn']\n"
    )
    deploy(client, "calls", source, Timeout=20)
    assert invoke(client, "calls") == "arn:aws:sts::123456789012:assumed-role/worker/calls"


def test_warm_environments_are_used_again_until_the_code_changes(client, deploy, invoke, pack):
    source = "import os\ndef handler(e, c):\n    return os.getpid()\n"
    deploy(client, "pid", source)
    first = invoke(client, "pid")
    assert invoke(client, "pid") == first
    client.update_function_code(FunctionName="pid", ZipFile=pack(main=source + "# changed\n"))
    assert invoke(client, "pid") != first


def test_layers_are_importable_in_their_order(client, deploy, invoke, pack):
    versions = []
    for name, files in (
        ("low", {"python__shared": "WHO = 'low'\n", "python__lowly": "X = 1\n"}),
        ("high", {"python__shared": "WHO = 'high'\n"}),
    ):
        layer = client.publish_layer_version(LayerName=name, Content={"ZipFile": pack(**files)})
        versions.append(layer["LayerVersionArn"])
    source = "import shared, lowly\ndef handler(e, c):\n    return [shared.WHO, lowly.X]\n"
    deploy(client, "layered", source, Layers=versions)
    assert invoke(client, "layered") == ["high", 1]


def test_site_packages_of_a_layer_are_importable(client, deploy, invoke, pack):
    place = f"python__lib__python3.{sys.version_info.minor}__site-packages__deep"
    layer = client.publish_layer_version(LayerName="l", Content={"ZipFile": pack(**{place: "X=2"})})
    deploy(
        client,
        "deep",
        "import deep\ndef handler(e, c):\n    return deep.X\n",
        Layers=[layer["LayerVersionArn"]],
    )
    assert invoke(client, "deep") == 2


def test_reserved_concurrency_throttles_what_is_too_much(client, deploy):
    deploy(client, "none", ECHO)
    client.put_function_concurrency(FunctionName="none", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="TooManyRequestsException") as throttled:
        client.invoke(FunctionName="none")
    assert throttled.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    client.delete_function_concurrency(FunctionName="none")
    assert client.invoke(FunctionName="none")["StatusCode"] == 200


def test_a_stopped_cloud_leaves_no_process_and_no_folder(cloud_with, deploy, invoke, tmp_path):
    cloud, factory = cloud_with("lambda", folder=tmp_path / "other")
    client = factory("lambda")
    deploy(client, "pid", "import os\ndef handler(e, c):\n    return os.getpid()\n")
    pid = invoke(client, "pid")
    os.kill(pid, 0)
    cloud.apis["lambda"].stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not list((tmp_path / "other" / "lambda" / "environments").iterdir())


def test_environments_start_after_others_have_left_compiled_modules_behind(client, deploy, invoke):
    source = "import boto3, six\ndef handler(e, c):\n    return boto3.__version__\n"
    for name in ("one", "two"):
        deploy(client, name, source, Timeout=20)
    assert invoke(client, "one") == invoke(client, "two")


@pytest.mark.parametrize("may_make", [True, False])
def test_a_log_group_that_was_deleted_is_made_again_by_who_may_only(
    cloud_with, deploy, invoke, may_make
):
    """A group that came back after its stack was rolled back would be in the next one's way."""
    _, client = cloud_with("lambda", "logs", "sts")
    iam, functions, logs = client("iam"), client("lambda"), client("logs")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
    trust["Action"] = "sts:AssumeRole"
    iam.create_role(
        RoleName="worker",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    grant = {"Effect": "Allow", "Resource": "*"}
    grant["Action"] = [*actions, "logs:CreateLogGroup"] if may_make else actions
    policy = json.dumps({"Version": "2012-10-17", "Statement": [grant]})
    iam.put_role_policy(RoleName="worker", PolicyName="logs", PolicyDocument=policy)
    logs.create_log_group(logGroupName="/aws/lambda/talker")
    deploy(functions, "talker", "def handler(event, context):\n    print('hello')\n")
    invoke(functions, "talker")
    (stream,) = logs.describe_log_streams(logGroupName="/aws/lambda/talker")["logStreams"]
    assert stream["logStreamName"]
    logs.delete_log_group(logGroupName="/aws/lambda/talker")
    invoke(functions, "talker")
    groups = logs.describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in groups] == ["/aws/lambda/talker"] * may_make
