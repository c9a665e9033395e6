"""Custom resources: a function is asked, and its answer decides what becomes of the stack."""

import json

import pytest

# Answers as the function of a template's own would, by what its properties ask of it.
FUNCTION = """
import json, urllib.request
def handler(event, context):
    asked = event["ResourceProperties"]
    kind = event["RequestType"]
    mode = asked.get(kind, "SUCCESS")
    if mode == "silence":
        return
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "FAILED" if mode.startswith("no") else "SUCCESS", "Reason": mode}
    answer["PhysicalResourceId"] = asked.get("Id", "one")
    seen = [kind, asked.get("Number"), event.get("PhysicalResourceId")]
    seen.append(sorted(event.get("OldResourceProperties", {})))
    answer["Data"] = {"Seen": json.dumps(seen)}
    body = json.dumps(answer).encode()
    headers = {"Content-Type": asked.get("ContentType", "")}
    request = urllib.request.Request(event["ResponseURL"], body, headers, method="PUT")
    urllib.request.urlopen(request)
"""


def template(more="", type_="Custom::Thing"):
    code = json.dumps(FUNCTION)
    return f"""
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          Effect: Allow
          Principal: {{Service: lambda.amazonaws.com}}
          Action: sts:AssumeRole
  Answers:
    Type: AWS::Lambda::Function
    Properties:
      Handler: index.handler
      Runtime: python3.13
      Role: !GetAtt Role.Arn
      Code: {{ZipFile: {code}}}
  Thing:
    Type: {type_}
    Properties:
      ServiceToken: !GetAtt Answers.Arn
      Number: 7
      {more}
Outputs:
  Id: {{Value: !Ref Thing}}
  Seen: {{Value: !GetAtt Thing.Seen}}
"""


def outputs(stack):
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


@pytest.fixture
def cloudformation(cloud_with):
    _, factory = cloud_with()
    return factory("cloudformation")


@pytest.mark.parametrize("type_", ["Custom::Thing", "AWS::CloudFormation::CustomResource"])
def test_a_function_makes_changes_and_removes_it(cloudformation, create, update, settled, type_):
    made = create(cloudformation, template(type_=type_))
    assert made["StackStatus"] == "CREATE_COMPLETE", made.get("StackStatusReason")
    assert outputs(made)["Id"] == "one"
    assert json.loads(outputs(made)["Seen"]) == ["Create", "7", None, []]  # numbers are text
    changed = update(cloudformation, template("Colour: red", type_=type_))
    assert json.loads(outputs(changed)["Seen"]) == [
        "Update",
        "7",
        "one",
        ["Number", "ServiceToken"],
    ]
    cloudformation.delete_stack(StackName=changed["StackId"])
    assert settled(cloudformation, changed["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_another_id_is_another_resource_and_the_one_before_is_removed(
    cloudformation, create, update
):
    create(cloudformation, template())
    changed = update(cloudformation, template("Id: two"))
    assert outputs(changed)["Id"] == "two"
    events = cloudformation.describe_stack_events(StackName="demo")["StackEvents"]
    assert [
        e["PhysicalResourceId"] for e in events if e["ResourceStatus"] == "DELETE_COMPLETE"
    ] == ["one"]


def test_a_refusal_is_the_stacks_reason(cloudformation, create):
    failed = create(cloudformation, template("Create: no room"))
    assert failed["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Received response status [FAILED]. Reason: no room" in failed["StackStatusReason"]


def test_what_will_not_go_keeps_its_stack(cloudformation, create, settled):
    made = create(cloudformation, template("Delete: no way"))
    cloudformation.delete_stack(StackName="demo")
    left = settled(cloudformation, made["StackId"])
    assert left["StackStatus"] == "DELETE_FAILED"
    assert "Thing" in left["StackStatusReason"]


def test_an_answer_with_a_content_type_is_not_taken(cloudformation, create, monkeypatch):
    from everloop_localcloud.cloudformation.resources import custom

    monkeypatch.setattr(custom, "_REAL", 1.0)
    monkeypatch.setattr(custom, "_LONGEST", 0)
    failed = create(cloudformation, template("ContentType: application/json"))
    assert failed["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "did not receive a response from your Custom Resource" in failed["StackStatusReason"]


def test_a_topic_is_refused_by_name(cloudformation, create):
    topic = """
Resources:
  Thing: {Type: Custom::Thing, Properties: {ServiceToken: "arn:aws:sns:us-east-1:000000000000:t"}}
"""
    assert "and no topics" in create(cloudformation, topic)["StackStatusReason"]


def test_a_change_set_looks_at_it_before_its_function_is_there(cloudformation, settled):
    made = cloudformation.create_change_set(
        StackName="demo",
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=template(),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    found = cloudformation.describe_change_set(ChangeSetName=made["Id"])
    assert found["Status"] == "CREATE_COMPLETE", found.get("StatusReason")
    cloudformation.execute_change_set(ChangeSetName=made["Id"])
    assert settled(cloudformation, "demo")["StackStatus"] == "CREATE_COMPLETE"
