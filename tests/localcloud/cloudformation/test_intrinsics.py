"""Intrinsic functions, conditions and parameters, seen through a stack's outputs."""

import re

import pytest
from botocore.exceptions import ClientError

HEAD = """
Parameters:
  Size: {Type: Number, Default: 4, MinValue: 1}
  Colour: {Type: String, Default: red, AllowedValues: [red, blue]}
  Names: {Type: CommaDelimitedList, Default: "a, b,c"}
  Secret: {Type: String, Default: xyz, NoEcho: true}
  Tag: {Type: String, Default: v1, AllowedPattern: "v[0-9]+"}
Mappings:
  Sizes: {us-east-1: {small: 1, large: 9}}
Conditions:
  Red: !Equals [!Ref Colour, red]
  NotRed: !Not [!Condition Red]
  Both: !And [!Condition Red, !Equals [!Ref Size, 4]]
  Either: !Or [!Condition NotRed, !Equals [a, b]]
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: q}}
  Maybe: {Type: AWS::SQS::Queue, Condition: NotRed}
"""


@pytest.fixture
def client(cloud_with):
    _, factory = cloud_with("cloudformation", "sqs", "s3")
    return factory("cloudformation")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("!Ref Size", "4"),
        ("!Ref AWS::StackName", "demo"),
        ("!Sub '${AWS::Region}/${AWS::AccountId}/${Size}/${!literal}'", None),
        ("!Sub ['${Queue.Arn}|${x}', {x: !Ref Tag}]", "arn:aws:sqs:us-east-1:123456789012:q|v1"),
        ("!GetAtt Queue.QueueName", "q"),
        ("{Fn::GetAtt: [Queue, QueueName]}", "q"),
        ("!Join ['-', [x, !Ref Size, !Ref Colour]]", "x-4-red"),
        ("!Join ['', !Ref Names]", "abc"),
        ("!Select [1, !Split [',', 'p,q,r']]", "q"),
        ("!FindInMap [Sizes, !Ref AWS::Region, large]", "9"),
        ("!If [Red, yes it is, no]", "yes it is"),
        ("!If [Both, both, not]", "both"),
        ("!If [Either, either, neither]", "neither"),
        ("!Base64 hi", "aGk="),
        ("!Select [0, !GetAZs '']", "us-east-1a"),
        ("!Join [',', [a, !If [Red, !Ref AWS::NoValue, b], c]]", "a,c"),
    ],
)
def test_expressions_come_out_as_aws_says(client, create, expression, value):
    made = create(client, HEAD + f"Outputs: {{X: {{Value: {expression}}}}}\n")
    assert made["StackStatus"] == "CREATE_COMPLETE", made.get("StackStatusReason")
    expected = value or "us-east-1/123456789012/4/${literal}"
    assert made["Outputs"] == [{"OutputKey": "X", "OutputValue": expected}]


def test_a_resource_whose_condition_is_false_is_not_made(client, create, refs):
    create(client, HEAD)
    assert set(refs(client)) == {"Queue"}
    create(
        client,
        HEAD.replace("QueueName: q", "QueueName: r"),
        "other",
        Parameters=[{"ParameterKey": "Colour", "ParameterValue": "blue"}],
    )
    assert set(refs(client, "other")) == {"Queue", "Maybe"}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("Size", "many", "Parameter 'Size' must be a number, not 'many'"),
        ("Size", "0", "Parameter 'Size' must have MinValue 1"),
        ("Colour", "green", r"Parameter 'Colour' must be one of AllowedValues \[red, blue\]"),
        ("Tag", "w1", "Parameter 'Tag' must match pattern"),
        ("Shape", "round", r"Parameters: \[Shape\] do not exist in the template"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused_by_name(client, create, name, value, said):
    with pytest.raises(ClientError, match=said):
        create(client, HEAD, Parameters=[{"ParameterKey": name, "ParameterValue": value}])


def test_a_parameter_without_value_or_default_is_named(client, create):
    with pytest.raises(ClientError, match=r"Parameters: \[Wanted\] must have values"):
        create(client, "Parameters: {Wanted: {Type: String}}\n" + HEAD.split("\n", 9)[-1])


def test_what_is_noecho_is_not_shown(client, create):
    shown = {
        one["ParameterKey"]: one["ParameterValue"] for one in create(client, HEAD)["Parameters"]
    }
    assert shown["Secret"] == "****"
    assert shown["Size"] == "4"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !ImportValue x}}}",
         "does not support Fn::ImportValue"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref None}}}",
         "no resource or parameter 'None'"),
        ("Resources: {A: {Type: AWS::EC2::Instance}}",
         "A: the local cloud does not support resource type AWS::EC2::Instance"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {Colour: red}}}",
         "A: the local cloud does not support property Colour of AWS::SQS::Queue"),
        ("Resources: {A: {Type: AWS::S3::Bucket, Properties: "
         "{NotificationConfiguration: {LambdaConfigurations: []}}}}",
         "does not support LambdaConfigurations of NotificationConfiguration"),
        ("Resources: {A: {Type: AWS::SQS::Queue, DependsOn: B}, "
         "B: {Type: AWS::SQS::Queue, DependsOn: A}}",
         "Circular dependency between resources: .*A -> B -> A"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt B.Colour}}, "
         "B: {Type: AWS::SQS::Queue}}",
         "B: AWS::SQS::Queue has no attribute Colour"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: '{{resolve:ssm:x}}'}}}",
         "does not resolve dynamic references"),
        ("Resources: {A: {Type: AWS::SQS::Queue, CreationPolicy: {}}}",
         "A: the local cloud does not support CreationPolicy of a resource"),
        ("Transform: AWS::Include\nResources: {A: {Type: AWS::SQS::Queue}}",
         "does not know the transform 'AWS::Include'"),
        ("Resources: {A: {Type: AWS::SQS::Queue}, A: {Type: AWS::SNS::Topic}}",
         "the key 'A' is given twice"),
        ("Resources: {}", "At least one Resources member"),
        ("Nonsense: 1\nResources: {A: {Type: AWS::SQS::Queue}}",
         "Invalid template property.*Nonsense"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_named_and_never_dropped(client, create, template, said):
    try:
        made = create(client, template)
    except ClientError as error:
        assert re.search(said, str(error))
    else:
        assert made["StackStatus"] == "ROLLBACK_COMPLETE"
        assert re.search(said, made["StackStatusReason"])
