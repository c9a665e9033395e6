"""Batch transform: a real model server, objects in, objects out."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from waiting import until

from everloop_localcloud.sagemaker.transform_records import BadRecord, Format, Path, batches, lines

# Sums each line's numbers; counts its requests, so that batching shows.
SUMS = """
import json
calls = []

def model_fn(folder):
    return None

def input_fn(body, content_type):
    text = body if isinstance(body, str) else body.decode()
    calls.append(text)
    if content_type == "application/json":
        return [sum(json.loads(line)["x"]) for line in text.splitlines()]
    return [sum(float(number) for number in line.split(",")) for line in text.splitlines()]

def predict_fn(sums, model):
    if any(total == 13 for total in sums):
        raise ValueError("unlucky")
    return sums

def output_fn(sums, accept):
    if accept == "text/plain":
        return f"request {len(calls)}: {len(sums)} rows"
    return "\\n".join(f"{total:g}" for total in sums)
"""


def transform(hosted: Any, name: str, **more: Any) -> dict[str, Any]:
    """Run a job over s3://models/in/ to its end; members of input and output come by `more`."""
    given = {
        "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://models/{more.pop('where')}"}
    }
    hosted.sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName="sums",
        TransformInput={"DataSource": given, "ContentType": "text/csv", **more.pop("input", {})},
        TransformOutput={"S3OutputPath": "s3://models/out", **more.pop("output", {})},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **more,
    )
    told: dict[str, Any] = until(
        lambda: hosted.sagemaker.describe_transform_job(TransformJobName=name),
        lambda told: told["TransformJobStatus"] in ("Completed", "Failed", "Stopped"),
    )
    return told


def read(hosted: Any, key: str) -> str:
    return str(hosted.s3.get_object(Bucket="models", Key=key)["Body"].read().decode())


LINE = {"input": {"SplitType": "Line"}, "output": {"AssembleWith": "Line"}}


def test_objects_go_through_the_model_and_come_out_beside_their_names(hosted: Any) -> None:
    hosted.model("sums", script=SUMS)
    hosted.put("a/one.csv", b"1,2\n3,4\n")
    hosted.put("a/deep/two.csv", b"5,6\n")
    told = transform(hosted, "all", where="a/", **LINE)
    assert told["TransformJobStatus"] == "Completed", told
    assert read(hosted, "out/one.csv.out") == "3\n7\n"
    assert read(hosted, "out/deep/two.csv.out") == "11\n"
    statuses = [
        event["TransformJobStatus"] for event in hosted.told("SageMaker Transform Job State Change")
    ]
    assert statuses == ["InProgress", "Completed"]
    component = until(
        lambda: hosted.sagemaker.describe_trial_component(
            TrialComponentName="all-aws-transform-job"
        ),
        lambda told: told["Status"]["PrimaryStatus"] == "Completed",
    )
    assert component["InputArtifacts"]["SageMaker.TransformInput"]["Value"].endswith("/a/")
    assert component["OutputArtifacts"]["SageMaker.TransformOutput"]["Value"].endswith("/out")


def test_records_are_filtered_batched_and_joined_with_their_results(hosted: Any) -> None:
    hosted.model("sums", script=SUMS)
    hosted.put("b/rows.csv", b'7,1,2\n"a, b",3,4\n')
    joined = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    told = transform(hosted, "joined", where="b/", DataProcessing=joined, **LINE)
    assert told["TransformJobStatus"] == "Completed", told
    assert read(hosted, "out/rows.csv.out") == '7,3\n"a, b",7\n'
    hosted.put("c/rows.csv", b"1\n2\n3\n")
    plain = {"input": {"SplitType": "Line"}, "output": {"Accept": "text/plain"}}
    plain["output"]["AssembleWith"] = "Line"
    transform(hosted, "single", where="c/", BatchStrategy="SingleRecord", **plain)
    single = read(hosted, "out/rows.csv.out")
    assert single == "request 1: 1 rows\nrequest 2: 1 rows\nrequest 3: 1 rows\n"
    transform(hosted, "multi", where="c/", BatchStrategy="MultiRecord", **plain)
    assert read(hosted, "out/rows.csv.out") == "request 1: 3 rows\n"


def test_a_record_that_the_model_refuses_fails_the_job(hosted: Any) -> None:
    hosted.model("sums", script=SUMS)
    hosted.put("d/rows.csv", b"6,7\n")
    told = transform(hosted, "unlucky", where="d/", **LINE)
    assert told["TransformJobStatus"] == "Failed"
    assert "See job logs" in told["FailureReason"]
    logged = hosted.logs.filter_log_events(logGroupName="/aws/sagemaker/TransformJobs")["events"]
    assert any("unlucky" in event["message"] for event in logged)
    assert not hosted.s3.list_objects_v2(Bucket="models", Prefix="out/").get("Contents")
    with pytest.raises(ClientError, match='No S3 objects found under S3 URL "s3://models/nowhere/'):
        transform(hosted, "nothing", where="nowhere/", **LINE)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        pytest.param({"input": {"SplitType": "RecordIO"}}, "SplitType RecordIO", id="split"),
        pytest.param(
            {"DataProcessing": {"JoinSource": "Input"}, "input": {"SplitType": "Line"}},
            "SplitType and AssembleWith alike",
            id="assemble",
        ),
        pytest.param({"DataProcessing": {"InputFilter": "$[?x]"}}, "$[?x]", id="path"),
        pytest.param(
            {"MaxPayloadInMB": 60, "MaxConcurrentTransforms": 2}, "at most 100 MB", id="payload"
        ),
    ],
)
def test_what_cannot_be_transformed_is_refused(
    cloud_with: Callable[..., Any], more: dict[str, Any], message: str
) -> None:
    cloud, client = cloud_with("sagemaker", "s3")
    cloud.store.table("sagemaker.models")["sums"] = {"ModelName": "sums"}
    given = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://models/a"}}
    more = {**more}
    with pytest.raises(ClientError) as refused:
        client("sagemaker").create_transform_job(
            TransformJobName="wrong",
            ModelName="sums",
            TransformInput={
                "DataSource": given,
                "ContentType": "text/csv",
                **more.pop("input", {}),
            },
            TransformOutput={"S3OutputPath": "s3://models/out"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
            **more,
        )
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert message in refused.value.response["Error"]["Message"]


def test_batches_hold_what_a_payload_holds() -> None:
    records = lines(b"aaaa\r\n\nbb\ncc\ndddd")
    assert records == [b"aaaa", b"bb", b"cc", b"dddd"]
    assert list(batches(records, 6, single=False)) == [[0], [1, 2], [3]]
    assert list(batches(records, 0, single=False)) == [[0, 1, 2, 3]]
    assert list(batches(records, 6, single=True)) == [[0], [1], [2], [3]]
    with pytest.raises(BadRecord, match="Too much data for max payload size"):
        list(batches(records, 3, single=False))


@pytest.mark.parametrize(
    ("path", "record", "found"),
    [
        pytest.param("$", [1, 2], [1, 2], id="whole"),
        pytest.param("$[1:]", [1, 2, 3], [2, 3], id="slice"),
        pytest.param("$[0,-1]", [1, 2, 3], [1, 3], id="numbers"),
        pytest.param("$.a.b", {"a": {"b": 4}}, 4, id="names"),
        pytest.param("$['a b','c']", {"a b": 1, "c": 2}, [1, 2], id="quoted"),
        pytest.param("$.a[*]", {"a": [5, 6]}, [5, 6], id="star"),
    ],
)
def test_a_filter_picks_what_its_path_names(path: str, record: Any, found: Any) -> None:
    assert Path("InputFilter", path).pick(record) == found


def test_json_records_are_joined_as_aws_joins_them() -> None:
    form = Format("application/json")
    assert form.join({"a": 1}, 2) == {"a": 1, "SageMakerOutput": 2}
    assert form.join([1], 2) == {"SageMakerInput": [1], "SageMakerOutput": 2}
    assert Format("text/csv").join(["1"], ["2", "3"]) == ["1", "2", "3"]
