"""Deploying a SAM template: built, uploaded, made, and cheap to repeat."""

import json
import zipfile

import pytest

from everloop_localcloud.cloudformation import packaging
from everloop_localcloud.cloudformation.deploy import DeployError, deploy, main

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Greeting: {Type: String, Default: hello}
Globals:
  Function: {Runtime: python3.13, CodeUri: src/, Timeout: 20, Layers: [!Ref Core]}
Resources:
  Core:
    Type: AWS::Serverless::LayerVersion
    Metadata: {BuildMethod: python3.13}
    Properties: {LayerName: core, ContentUri: core/, RetentionPolicy: Delete}
  Greet:
    Type: AWS::Serverless::Function
    Properties:
      Handler: main.handler
      ReservedConcurrentExecutions: 2
      Policies: [AWSLambdaBasicExecutionRole, !Ref Extra]
      Environment: {Variables: {GREETING: !Ref Greeting}}
      EventInvokeConfig: {MaximumRetryAttempts: 1}
      Events:
        Drops:
          Type: SQS
          Properties: {Queue: !GetAtt Queue.Arn, BatchSize: 100, MaximumBatchingWindowInSeconds: 2}
  Extra:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: sqs:SendMessage, Resource: !GetAtt Queue.Arn}]
  Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}
  Ledger:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      TimeToLiveSpecification: {AttributeName: expires, Enabled: true}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
      SSESpecification: {SSEEnabled: true}
Outputs:
  Function: {Value: !Ref Greet}
  Layer: {Value: !Ref Core}
  Ledger: {Value: !Ref Ledger}
"""


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "core" / "shared").mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "src" / "main.py").write_text(
        "import os, shared\n"
        "def handler(event, context):\n"
        "    return os.environ['GREETING'] + shared.MARK\n"
    )
    (folder / "core" / "shared" / "__init__.py").write_text("MARK = '!'\n")
    (folder / "core" / "requirements.txt").write_text("# nothing to install\n")
    return folder


@pytest.fixture
def world(cloud_with, project, tmp_path):
    cloud, factory = cloud_with("cloudformation", "lambda", "sqs", "s3", "sts")
    told = []

    def run(parameters=None, stack="demo"):
        told.clear()
        build = tmp_path / "build"
        template = project / "template.yaml"
        return deploy(template, stack, parameters or {}, cloud.url, "us-east-1", build, told.append)

    return run, factory, project, told


def test_a_template_is_deployed_and_runs(world, invoke):
    run, factory, _, _ = world
    outputs = run()
    functions = factory("lambda")
    assert invoke(functions, outputs["Function"]) == "hello!"
    configuration = functions.get_function(FunctionName=outputs["Function"])
    assert configuration["Concurrency"]["ReservedConcurrentExecutions"] == 2
    assert configuration["Configuration"]["Layers"][0]["Arn"] == outputs["Layer"]
    settings = functions.get_function_event_invoke_config(FunctionName=outputs["Function"])
    assert settings["MaximumRetryAttempts"] == 1
    mapping = functions.list_event_source_mappings()["EventSourceMappings"][0]
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (100, 2)
    table = {"TableName": outputs["Ledger"]}
    ledger = factory("dynamodb")
    expiry = ledger.describe_time_to_live(**table)["TimeToLiveDescription"]
    assert expiry == {"AttributeName": "expires", "TimeToLiveStatus": "ENABLED"}
    roles = [role["RoleName"] for role in factory("iam").list_roles()["Roles"]]
    attached = factory("iam").list_attached_role_policies(RoleName=roles[0])["AttachedPolicies"]
    assert {one["PolicyName"] for one in attached} > {"AWSLambdaBasicExecutionRole"}


def test_the_second_deployment_changes_nothing_and_builds_nothing(world):
    run, _, _, told = world
    outputs = run()
    assert run() == outputs
    assert told == ["demo is up to date"]


def test_changed_code_and_parameters_are_deployed_and_kept(world, invoke):
    run, factory, project, told = world
    first = run()
    (project / "core" / "shared" / "__init__.py").write_text("MARK = '?'\n")
    second = run({"Greeting": "bye"})
    assert second["Function"] == first["Function"]
    assert second["Layer"] != first["Layer"]
    assert invoke(factory("lambda"), second["Function"]) == "bye?"
    assert run() == second
    assert told == ["demo is up to date"]
    layers = factory("lambda").list_layer_versions(LayerName="core")["LayerVersions"]
    assert len(layers) == 1


def test_a_deployment_that_fails_says_which_resource_and_why_and_can_be_repeated(world):
    run, _, project, _ = world
    good = TEMPLATE.replace(
        "MaximumBatchingWindowInSeconds: 2", "MaximumBatchingWindowInSeconds: 0"
    )
    (project / "template.yaml").write_text(good)
    with pytest.raises(DeployError, match=r"AWS::Lambda::EventSourceMapping GreetDrops: .*window"):
        run()
    (project / "template.yaml").write_text(TEMPLATE)
    assert set(run()) == {"Function", "Layer", "Ledger"}


def test_an_unknown_parameter_is_refused_before_anything_is_made(world):
    with pytest.raises(DeployError, match="the template has no parameter Salutation"):
        world[0]({"Salutation": "x"})


def test_a_folder_that_is_missing_is_named(world):
    run, _, project, _ = world
    (project / "template.yaml").write_text(TEMPLATE.replace("core/", "kernel/"))
    with pytest.raises(packaging.BuildError, match=r"ContentUri .*kernel is no folder"):
        run()


def test_equal_content_is_an_equal_zip_wherever_and_whenever_it_lies(tmp_path):
    zips = []
    for name in ("one", "two"):
        source = tmp_path / name / "src"
        (source / "__pycache__").mkdir(parents=True)
        (source / "__pycache__" / "a.pyc").write_text(name)
        (source / "a.py").write_text("A = 1\n")
        zips.append(packaging.function_zip(source, tmp_path / name / "build", lambda _: None))
    assert zips[0].read_bytes() == zips[1].read_bytes()
    assert zips[0].name == zips[1].name
    with zipfile.ZipFile(zips[0]) as archive:
        assert archive.namelist() == ["a.py"]


def test_packages_that_cannot_be_installed_say_what_the_installer_said(tmp_path):
    source = tmp_path / "src"
    source.mkdir()
    (source / "requirements.txt").write_text("./no-such-folder-here\n")
    with pytest.raises(packaging.BuildError, match="could not be installed"):
        packaging.layer_zip(source, "python3.13", tmp_path / "build", lambda _: None)


def test_a_layer_without_build_method_is_zipped_as_it_is(tmp_path):
    source = tmp_path / "layer" / "python"
    source.mkdir(parents=True)
    (source / "x.py").write_text("X = 1\n")
    built = packaging.layer_zip(source.parent, None, tmp_path / "build", lambda _: None)
    with zipfile.ZipFile(built) as archive:
        assert archive.namelist() == ["python/x.py"]


def test_a_layer_that_make_builds_for_lambda_is_built_of_its_requirements_here(tmp_path):
    source = tmp_path / "layer"
    source.mkdir()
    (source / "x.py").write_text("X = 1\n")
    (source / "Makefile").write_text("build-Layer:\n\tfalse\n")
    with pytest.raises(packaging.BuildError, match=r"requirements\.txt lies beside the Makefile"):
        packaging.layer_zip(source, "makefile", tmp_path / "build", lambda _: None)
    (source / "requirements.txt").write_text("")
    built = packaging.layer_zip(source, "makefile", tmp_path / "build", lambda _: None)
    with zipfile.ZipFile(built) as archive:
        assert "python/x.py" in archive.namelist()


@pytest.fixture
def invoke():
    def call(client, name):
        return json.loads(client.invoke(FunctionName=name)["Payload"].read())

    return call


def test_the_program_deploys_and_says_what_is_wrong(cloud_with, project, tmp_path, capsys):
    cloud, _ = cloud_with("cloudformation", "lambda", "sqs", "s3", "sts")
    arguments = ["--template", str(project / "template.yaml"), "--endpoint-url", cloud.url]
    arguments += ["--build", str(tmp_path / "build"), "--stack", "demo"]
    assert main([*arguments, "--parameter", "Greeting=ahoy"]) == 0
    assert "deploying demo" in capsys.readouterr().out
    assert main([*arguments, "--parameter", "Salutation=ahoy"]) == 1
    assert "error: the template has no parameter Salutation" in capsys.readouterr().err
