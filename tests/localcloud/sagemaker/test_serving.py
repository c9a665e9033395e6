"""The model server: which code it runs, with which packages, and what it does when code fails."""

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from waiting import until

from everloop_localcloud.sagemaker.instance import Instance, NotHealthy

PICKY = """
from sagemaker_inference.errors import UnsupportedFormatError

def model_fn(folder):
    return None

def input_fn(body, content_type):
    if content_type != "text/csv":
        raise UnsupportedFormatError(content_type)
    return body

def predict_fn(data, model):
    return data

def output_fn(data, accept):
    if accept != "text/csv":
        raise UnsupportedFormatError(accept)
    return data
"""
SAYS = """
import os, pathlib, sys

def model_fn(folder):
    return folder

def transform_fn(model, body, content_type, accept):
    return str({expression}), "text/plain"
"""


def says(expression: str) -> str:
    return SAYS.replace("{expression}", expression)


def wheel(name: str, version: str) -> bytes:
    packed = io.BytesIO()
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{info}/RECORD", "")
    return packed.getvalue()


def model_error(hosted: Any, body: bytes = b"1", **request: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as failed:
        hosted.runtime.invoke_endpoint(
            EndpointName="it", Body=body, **{"ContentType": "text/csv", **request}
        )
    answer: dict[str, Any] = failed.value.response
    assert answer["Error"]["Code"] == "ModelError"
    return answer


def serve(hosted: Any, **model: Any) -> dict[str, Any]:
    told: dict[str, Any] = hosted.endpoint("it", hosted.config("it", hosted.model("it", **model)))
    return told


def test_code_comes_from_the_submitted_bundle_where_there_is_one(hosted: Any, pack: Any) -> None:
    bundle = hosted.put("bundle.tar.gz", pack({"serve.py": says("'from the bundle'")}))

    serve(
        hosted,
        Environment={"SAGEMAKER_SUBMIT_DIRECTORY": bundle, "SAGEMAKER_PROGRAM": "serve.py"},
    )

    assert hosted.ask("it") == "from the bundle"


def test_empty_variables_mean_unset(hosted: Any) -> None:
    serve(
        hosted,
        add=1,
        Environment={"SAGEMAKER_SUBMIT_DIRECTORY": "", "SAGEMAKER_PROGRAM": "", "OTHER": ""},
    )

    assert hosted.ask("it", 1) == "2"


def test_code_in_the_archive_is_named_by_its_path_too(hosted: Any) -> None:
    serve(
        hosted,
        add=1,
        Environment={
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            "SAGEMAKER_PROGRAM": "inference.py",
        },
    )

    assert hosted.ask("it", 1) == "2"


def test_a_model_sees_its_own_environment_and_nothing_of_ours(
    hosted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "x")

    serve(hosted, script=says("sorted(os.environ.items())"), Environment={"OWN": "yes"})

    seen = hosted.ask("it")
    assert "('OWN', 'yes')" in seen
    assert "SECRET_OF_OURS" not in seen
    assert f"('AWS_ENDPOINT_URL', '{hosted.cloud.url}')" in seen


def test_a_model_calls_aws_as_its_role(hosted: Any) -> None:
    script = "import boto3\n" + says(
        "boto3.client('s3').get_object(Bucket='models', Key='word')['Body'].read().decode()"
    )
    hosted.put("word", b"hello")

    serve(hosted, script=script)

    assert hosted.ask("it") == "hello"
    callers = {
        row["principal"] for row in hosted.cloud.counted() if row["operation"] == "GetObject"
    }
    assert "arn:aws:sts::123456789012:assumed-role/serving/SageMaker" in callers


def logged(hosted: Any) -> str:
    """Return what the endpoint logged, once it has logged something with an error."""

    def read() -> str:
        events = hosted.logs.filter_log_events(logGroupName="/aws/sagemaker/Endpoints/it")["events"]
        return "\n".join(event["message"] for event in events)

    return str(until(read, lambda text: "Error" in text))


def test_the_containers_own_handlers_read_and_write_json(hosted: Any) -> None:
    script = "def model_fn(folder): return 2\ndef predict_fn(data, model): return data * model\n"
    serve(hosted, script=script)

    answer = hosted.runtime.invoke_endpoint(
        EndpointName="it", Body=b"[1, 2]", ContentType="application/json"
    )

    assert answer["Body"].read() == b"[2.0, 4.0]"
    assert answer["ContentType"] == "application/json"


def test_formats_that_a_model_does_not_know_are_server_errors_as_in_awss_container(
    hosted: Any,
) -> None:
    serve(hosted, script=PICKY)

    sent = model_error(hosted, ContentType="image/png", Accept="text/csv")
    wanted = model_error(hosted, Accept="image/png")

    assert (sent["OriginalStatusCode"], wanted["OriginalStatusCode"]) == (500, 500)
    assert "Received server error (500) from primary" in sent["Error"]["Message"]


def test_an_answer_that_is_neither_text_nor_json_is_a_model_error(hosted: Any) -> None:
    script = says("body").replace("str(body)", "{'seen': body} if body == '1' else {1, 2}")
    serve(hosted, script=script)

    assert hosted.ask("it", 1) == "seen"  # with a type beside it, Flask takes a dict's keys
    assert model_error(hosted, b"2")["OriginalStatusCode"] == 500
    assert "TypeError" in logged(hosted)


def test_an_exception_of_a_model_is_a_model_error_and_its_log_has_the_traceback(
    hosted: Any,
) -> None:
    serve(hosted)

    failed = model_error(hosted, b"no number")

    assert failed["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert failed["OriginalStatusCode"] == 500
    assert "Internal Server Error" in failed["OriginalMessage"]
    assert "could not convert string to float" in logged(hosted)
    assert failed["LogStreamArn"] == (
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/it"
    )
    assert "Received server error (500) from primary" in failed["Error"]["Message"]
    assert "logEventViewer:group=/aws/sagemaker/Endpoints/it" in failed["Error"]["Message"]


def test_what_a_model_prints_is_in_its_log_group_while_it_serves(hosted: Any) -> None:
    serve(hosted, script=says("print('scored', body, flush=True)"))
    hosted.ask("it", 7)

    def lines() -> list[str]:
        try:
            group = hosted.logs.filter_log_events(logGroupName="/aws/sagemaker/Endpoints/it")
        except hosted.logs.exceptions.ResourceNotFoundException:
            return []  # made with the first line, which is on its way
        return [event["message"] for event in group["events"]]

    until(lines, lambda seen: "scored 7" in seen)
    [stream] = hosted.logs.describe_log_streams(logGroupName="/aws/sagemaker/Endpoints/it")[
        "logStreams"
    ]
    assert stream["logStreamName"].startswith("AllTraffic/i-0")


def test_a_model_server_that_ends_is_started_again(hosted: Any) -> None:
    serve(hosted, script=says("os._exit(3) if body == '9' else 'well'"))

    assert model_error(hosted, b"9")["OriginalStatusCode"] == 503

    def ask() -> str:
        try:
            return str(hosted.ask("it"))
        except ClientError as error:
            return str(error)

    assert until(ask, lambda answer: answer == "well")


def test_a_handler_that_hangs_costs_its_server_and_not_the_endpoint(hosted: Any) -> None:
    script = "import time\n" + says("time.sleep(3600) if body == '9' else 'well'")
    serve(hosted, script=script, Environment={"SAGEMAKER_MODEL_SERVER_TIMEOUT": "1"})

    assert model_error(hosted, b"9")["OriginalStatusCode"] == 503

    def ask() -> str:
        try:
            return str(hosted.ask("it"))
        except ClientError as error:
            return str(error)

    assert until(ask, lambda answer: answer == "well")


def test_packages_that_are_there_already_are_not_installed(hosted: Any) -> None:
    script = "import numpy\n" + says("'/packages/' in numpy.__file__")
    requirements = "# for scoring\nnumpy>=1\nno-such-one; python_version < '3'\n"

    told = serve(hosted, script=script, files={"code/requirements.txt": requirements})

    assert told["EndpointStatus"] == "InService", told.get("FailureReason")
    assert hosted.ask("it") == "False"


def test_packages_that_are_missing_are_installed_for_this_model_only(hosted: Any) -> None:
    script = "import tinymath\n" + says("(tinymath.VERSION, tinymath.__file__)")
    requirements = "--no-index\n--find-links wheels\ntinymath==1.5\n"

    told = serve(
        hosted,
        script=script,
        files={
            "code/requirements.txt": requirements,
            "code/wheels/tinymath-1.5-py3-none-any.whl": wheel("tinymath", "1.5"),
        },
    )

    assert told["EndpointStatus"] == "InService", told.get("FailureReason")
    version, place = eval(hosted.ask("it"))
    assert version == "1.5"
    assert not Path(place).is_relative_to(sys.prefix)


def test_packages_that_cannot_be_had_fail_the_endpoint_by_name(hosted: Any) -> None:
    told = serve(hosted, files={"code/requirements.txt": "--no-index\ntinymath==1.5\n"})

    assert told["EndpointStatus"] == "Failed"
    assert "InstallRequirementsError" in told["FailureReason"]
    assert "No matching distribution found for tinymath==1.5" in told["FailureReason"]


def test_a_model_that_cannot_start_says_why(hosted: Any) -> None:
    hosted.put("text", b"no archive at all")
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "no-model-fn": ({"script": "x = 1\n"}, "Please provide a model_fn implementation"),
        "model-fn-fails": (
            {"script": "def model_fn(d): raise ValueError('bad weights')\n"},
            "ValueError: bad weights",
        ),
        "script-exits": ({"script": "import sys\nsys.exit(7)\n"}, "SystemExit: 7"),
        "killed": ({"script": "import os\nos.kill(os.getpid(), 9)\n"}, "server ended"),
        "no-such-program": (
            {"Environment": {"SAGEMAKER_PROGRAM": "none.py"}},
            "SAGEMAKER_PROGRAM none.py is not in the model's code",
        ),
        "no-such-bundle": (
            {"Environment": {"SAGEMAKER_SUBMIT_DIRECTORY": "s3://models/none.tar.gz"}},
            "Failed to download model data from URL",
        ),
        "no-archive": (
            {"Environment": {"SAGEMAKER_SUBMIT_DIRECTORY": "s3://models/text"}},
            "Failed to extract model data archive from URL",
        ),
    }
    for name, (model, _) in cases.items():  # side by side
        config = hosted.config(name, hosted.model(name, **model))
        hosted.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    told = {name: hosted.settled(name) for name in cases}

    assert {name: one["EndpointStatus"] for name, one in told.items()} == dict.fromkeys(
        cases, "Failed"
    )
    unsaid = {
        name: told[name]["FailureReason"]
        for name, (_, said) in cases.items()
        if said not in told[name]["FailureReason"]
    }
    assert unsaid == {}
    assert list((hosted.cloud.folder / "serving").iterdir()) == []


def test_an_archive_cannot_write_outside_its_folder(hosted: Any, pack: Any) -> None:
    url = hosted.put("evil.tar.gz", pack({"../../escaped": "x", "code/inference.py": ""}))

    told = serve(hosted, ModelDataUrl=url)

    assert told["EndpointStatus"] == "Failed"
    assert "escaped" in told["FailureReason"]
    assert not list(hosted.cloud.folder.rglob("escaped"))


def test_a_model_that_loads_for_too_long_is_not_healthy(hosted: Any, pack: Any) -> None:
    script = "import time\nprint('loading', flush=True)\ntime.sleep(3600)\n"
    url = hosted.put("slow.tar.gz", pack({"code/inference.py": script}))
    container = {"Image": "sagemaker-scikit-learn:1.4-2", "ModelDataUrl": url}
    # Long enough for a busy machine's Python to have come as far as the script's first line.
    variant = {"VariantName": "slow", "Container": container, "RoleArn": None, "StartSeconds": 8}

    with pytest.raises(NotHealthy) as failed:
        Instance(hosted.cloud, "it", variant).start()

    said = str(failed.value)
    assert "production variant slow did not pass the ping health check" in said
    assert "no answer within 8 s. Last line of its log: loading" in said
