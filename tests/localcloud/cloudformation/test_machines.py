"""State machines of a stack, from text in the template or a file in S3."""

import json

import pytest

ASL = """
Comment: Says hello.
QueryLanguage: JSONata
StartAt: Greet
States:
  Greet: {Type: Pass, Output: "{% '${Greeting} ' & $states.input.name %}", End: true}
"""
TEMPLATE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: machine
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {Service: states.amazonaws.com}, Action: sts:AssumeRole}
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      StateMachineName: greet
      RoleArn: !GetAtt Role.Arn
      DefinitionS3Location: {Bucket: definitions, Key: greet.asl.yaml}
      DefinitionSubstitutions: {Greeting: hello}
Outputs: {Machine: {Value: !Ref Machine}, Name: {Value: !GetAtt Machine.Name}}
"""


@pytest.fixture
def factory(cloud_with):
    _, factory = cloud_with("cloudformation", "s3", "stepfunctions", "sts")
    s3 = factory("s3")
    s3.create_bucket(Bucket="definitions")
    s3.put_object(Bucket="definitions", Key="greet.asl.yaml", Body=ASL.encode())
    return factory


def test_a_definition_in_yaml_is_read_from_s3_with_its_substitutions(factory, create, update):
    client, machines = factory("cloudformation"), factory("stepfunctions")
    made = create(client, TEMPLATE)
    assert made["StackStatus"] == "CREATE_COMPLETE", made.get("StackStatusReason")
    arn = made["Outputs"][0]["OutputValue"]
    assert made["Outputs"][1]["OutputValue"] == "greet"
    definition = json.loads(machines.describe_state_machine(stateMachineArn=arn)["definition"])
    assert definition["States"]["Greet"]["Output"] == "{% 'hello ' & $states.input.name %}"
    changed = update(client, TEMPLATE.replace("Greeting: hello", "Greeting: ahoy"))
    assert changed["Outputs"][0]["OutputValue"] == arn
    assert "ahoy" in machines.describe_state_machine(stateMachineArn=arn)["definition"]


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("{Greeting: hello}", "{Farewell: bye}", "DefinitionSubstitutions lacks Greeting"),
        ("greet.asl.yaml", "none.asl.yaml", "cannot read s3://definitions/none.asl.yaml"),
    ],
    ids=["substitution", "file"],
)
def test_a_definition_that_cannot_be_read_is_named(factory, create, wrong, right, said):
    made = create(factory("cloudformation"), TEMPLATE.replace(wrong, right))
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    assert said in made["StackStatusReason"]
