"""Functions as records: created, changed, listed, refused."""

import pytest
from botocore.exceptions import ClientError

ECHO = "def handler(event, context):\n    return event\n"


@pytest.fixture
def client(cloud_with):
    _, factory = cloud_with("lambda", "s3")
    return factory("lambda"), factory("s3")


def test_what_was_created_is_read_back(client, deploy):
    functions, _ = client
    deploy(
        functions,
        "f",
        ECHO,
        Description="d",
        Timeout=9,
        MemorySize=512,
        Tags={"a": "b"},
        TracingConfig={"Mode": "Active"},
        DeadLetterConfig={"TargetArn": "arn:aws:sqs:us-east-1:123456789012:dead"},
        Environment={"Variables": {"NAME": "1"}},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="f")
    found = functions.get_function(FunctionName="f")
    configuration = found["Configuration"]
    assert found["Tags"] == {"a": "b"}
    assert (configuration["Timeout"], configuration["MemorySize"]) == (9, 512)
    assert configuration["TracingConfig"] == {"Mode": "Active"}
    assert configuration["Environment"] == {"Variables": {"NAME": "1"}}
    assert configuration["DeadLetterConfig"]["TargetArn"].endswith(":dead")
    assert [one["FunctionName"] for one in functions.list_functions()["Functions"]] == ["f"]
    functions.delete_function(FunctionName="f")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        functions.get_function(FunctionName="f")


def test_code_comes_from_s3(client, pack, invoke):
    functions, s3 = client
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="f.zip", Body=pack(main=ECHO))
    functions.create_function(
        FunctionName="f",
        Runtime="python3.13",
        Role="arn:aws:iam::123456789012:role/r",
        Handler="main.handler",
        Code={"S3Bucket": "code", "S3Key": "f.zip"},
    )
    assert invoke(functions, "f", {"x": 1}) == {"x": 1}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param({"Runtime": "nodejs22.x"}, "Runtime is 'nodejs22.x'", id="runtime"),
        pytest.param({"Publish": True}, "Publish is not supported", id="publish"),
        pytest.param(
            {"Environment": {"Variables": {"AWS_REGION": "x"}}},
            "reserved keys.*AWS_REGION",
            id="reserved variable",
        ),
        pytest.param(
            {"Environment": {"Variables": {"AA": "x" * 4096}}}, "exceeded the 4KB", id="variables"
        ),
        pytest.param(
            {"Layers": ["arn:aws:lambda:us-east-1:123456789012:layer:none:1"]},
            "layer:none:1 does not exist",
            id="layer",
        ),
        pytest.param(
            {"VpcConfig": {"SubnetIds": ["subnet-1"]}}, "does not support VpcConfig", id="vpc"
        ),
        pytest.param({"Code": {"ZipFile": b"no zip"}}, "Could not unzip", id="zip"),
        pytest.param(
            {"Code": {"S3Bucket": "none", "S3Key": "k"}}, "s3://none/k.*NoSuchBucket", id="bucket"
        ),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(client, pack, settings, said):
    request = {
        "FunctionName": "f",
        "Runtime": "python3.13",
        "Role": "arn:aws:iam::123456789012:role/r",
        "Handler": "main.handler",
        "Code": {"ZipFile": pack(main=ECHO)},
        **settings,
    }
    with pytest.raises(ClientError, match=said):
        client[0].create_function(**request)


def test_a_zip_that_leads_out_of_its_folder_is_refused(client, pack):
    with pytest.raises(ClientError, match="paths must stay inside"):
        client[0].publish_layer_version(
            LayerName="l", Content={"ZipFile": pack(**{"..__evil": "x = 1"})}
        )


def test_a_function_created_twice_is_a_conflict(client, deploy):
    deploy(client[0], "f", ECHO)
    with pytest.raises(ClientError, match=r"ResourceConflictException.*already exist: f"):
        deploy(client[0], "f", ECHO)


def test_permissions_are_a_policy_that_is_read_back_and_removed(client, deploy):
    functions, _ = client
    deploy(functions, "f", ECHO)
    functions.add_permission(
        FunctionName="f",
        StatementId="one",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn="arn:aws:events:us-east-1:123456789012:rule/r",
    )
    policy = functions.get_policy(FunctionName="f")["Policy"]
    assert '"Service": "events.amazonaws.com"' in policy
    assert "rule/r" in policy
    other = {"FunctionName": "f", "StatementId": "one", "RevisionId": "another"}
    with pytest.raises(ClientError, match=r"PreconditionFailedException.*Call the GetPolicy"):
        functions.remove_permission(**other)
    latest = functions.get_policy(FunctionName="f")["RevisionId"]
    functions.remove_permission(**{**other, "RevisionId": latest})
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        functions.get_policy(FunctionName="f")


def test_layer_versions_are_numbered_and_never_given_twice(client, pack):
    functions, _ = client
    content = {"ZipFile": pack(python__x="1")}
    numbers = [
        functions.publish_layer_version(LayerName="l", Content=content)["Version"] for _ in range(2)
    ]
    functions.delete_layer_version(LayerName="l", VersionNumber=2)
    numbers.append(functions.publish_layer_version(LayerName="l", Content=content)["Version"])
    assert numbers == [1, 2, 3]
    listed = functions.list_layer_versions(LayerName="l")["LayerVersions"]
    assert [one["Version"] for one in listed] == [3, 1]


def test_functions_are_there_after_a_restart(cloud_with, deploy, invoke, tmp_path):
    cloud, factory = cloud_with("lambda", folder=tmp_path / "kept")
    deploy(factory("lambda"), "f", ECHO)
    cloud.stop()
    _, factory = cloud_with("lambda", folder=tmp_path / "kept")
    assert invoke(factory("lambda"), "f", [7]) == [7]


def test_code_that_nothing_uses_any_more_is_gone_after_a_restart(
    cloud_with, deploy, invoke, pack, tmp_path
):
    folder = tmp_path / "kept"
    cloud, factory = cloud_with("lambda", folder=folder)
    deploy(factory("lambda"), "f", ECHO)
    invoke(factory("lambda"), "f")
    factory("lambda").update_function_code(FunctionName="f", ZipFile=pack(main=ECHO + "#\n"))
    invoke(factory("lambda"), "f")
    assert len(list((folder / "lambda" / "zips").iterdir())) == 2
    cloud.stop()
    _, factory = cloud_with("lambda", folder=folder)
    assert invoke(factory("lambda"), "f", 5) == 5
    assert len(list((folder / "lambda" / "zips").iterdir())) == 1
    assert len(list((folder / "lambda" / "task").iterdir())) == 1
