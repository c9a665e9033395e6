"""AWS::LanguageExtensions: what loops make, and the words in which AWS refuses them."""

import json

import pytest
from botocore.exceptions import ClientError

HEAD = """
Transform: AWS::LanguageExtensions
Parameters:
  Names: {Type: CommaDelimitedList, Default: "a, b"}
  None: {Type: CommaDelimitedList, Default: ""}
Mappings:
  Long: {A: {Name: a-one}, B: {Name: b-two}}
"""
ONE = "  Fixed: {Type: AWS::SQS::Queue}\n"


@pytest.fixture
def client(cloud_with):
    _, factory = cloud_with("cloudformation", "sqs", "sns", "s3")
    return factory("cloudformation")


@pytest.fixture
def processed(client, create):
    """Create a stack of resources, whose head is HEAD; gives the template that AWS works on."""

    def process(resources, more=""):
        made = create(client, f"{HEAD}Resources:\n{resources}{more}")
        assert made["StackStatus"] == "CREATE_COMPLETE", made.get("StackStatusReason")
        body = client.get_template(StackName="demo", TemplateStage="Processed")["TemplateBody"]
        return body if isinstance(body, dict) else json.loads(body)

    return process


def test_a_loop_makes_a_resource_for_each_item(client, processed, refs):
    found = processed("""
  Fn::ForEach::Queues:
    - Name
    - [A, B]
    - Queue${Name}:
        Type: AWS::SQS::Queue
        Properties:
          QueueName: !Sub ["${Stack}-${N}", {N: !FindInMap [Long, !Ref Name, Name], Stack: x}]
""")
    assert set(found) == {"Parameters", "Mappings", "Resources"}
    assert sorted(found["Resources"]) == ["QueueA", "QueueB"]
    assert {url.rpartition("/")[2] for url in refs(client).values()} == {"x-a-one", "x-b-two"}


@pytest.mark.parametrize(
    ("collection", "made"),
    [
        ("[X, Y]", {"QX", "QY"}),
        ("!Ref Names", {"Qa", "Qb"}),
        ("!Ref None", set()),
        ("[]", set()),
        ("[!Select [0, !Ref Names], c]", {"Qa", "Qc"}),
        ("!Split ['-', x-y]", {"Qx", "Qy"}),
        ("[1, 2]", {"Q1", "Q2"}),
        ("[!FindInMap [Long, A, Name]]", {"Qaone"}),
    ],
)
def test_a_collection_is_a_list_or_what_gives_one(processed, collection, made):
    loop = f"  Fn::ForEach::L: [I, {collection}, {{'Q&{{I}}': {{Type: AWS::SQS::Queue}}}}]\n"
    assert set(processed(ONE + loop)["Resources"]) - {"Fixed"} == made


def test_an_identifier_is_replaced_where_aws_replaces_it_and_nowhere_else(processed):
    found = processed("""
  Fn::ForEach::Topics:
    - Item
    - [a-1]
    - Topic&{Item}:
        Type: AWS::SNS::Topic
        Metadata:
          sub: !Sub "${Item} &{Item} ${!Item} ${AWS::Region}"
          own: !Sub ["${Item} ${Other}", {Item: mine, Other: !Ref Item}]
          ref: !Ref Item
          map: !FindInMap [Long, B, Name]
          later: !FindInMap [Long, !Ref AWS::StackName, Name]
          list: [!Ref Item, {deeper: !Ref Item}]
          plain: "${Item} &{Item}"
          "key${Item}": nested
""")
    assert found["Resources"]["Topica1"]["Metadata"] == {
        "sub": {"Fn::Sub": "a-1 &{Item} ${!Item} ${AWS::Region}"},
        "own": {"Fn::Sub": ["a-1 ${Other}", {"Item": "mine", "Other": "a-1"}]},
        "ref": "a-1",
        "map": "b-two",
        "later": {"Fn::FindInMap": ["Long", {"Ref": "AWS::StackName"}, "Name"]},
        "list": ["a-1", {"deeper": "a-1"}],
        "plain": "${Item} &{Item}",
        "key${Item}": "nested",
    }


def test_loops_nest_and_functions_name_what_they_made(client, create):
    template = f"""{HEAD}
Conditions:
  Fn::ForEach::Wanted: [Name, [A, B], {{"Has${{Name}}": !Equals [!Ref Name, A]}}]
Resources:
  Fn::ForEach::Outer:
    - Name
    - [A, B]
    - Topic${{Name}}: {{Type: AWS::SNS::Topic}}
      Fn::ForEach::Inner:
        - Kind
        - [Live, Dead]
        - Queue${{Name}}${{Kind}}:
            Type: AWS::SQS::Queue
            Properties: {{QueueName: !Sub "${{AWS::StackName}}-${{Name}}-${{Kind}}"}}
Outputs:
  Fn::ForEach::Named:
    - Name
    - [A, B]
    - Queue${{Name}}: {{Value: !GetAtt [!Sub "Queue${{Name}}Dead", QueueName]}}
      Topic${{Name}}: {{Value: !Join ["", [x, {{Ref: !Sub "Topic${{Name}}"}}]]}}
  Direct: {{Condition: HasA, Value: !GetAtt [QueueALive, QueueName]}}
  Hidden: {{Condition: HasB, Value: x}}
"""
    made = create(client, template)
    assert made["StackStatus"] == "CREATE_COMPLETE", made.get("StackStatusReason")
    outputs = {one["OutputKey"]: one["OutputValue"] for one in made["Outputs"]}
    topics = {name: outputs.pop(f"Topic{name}") for name in "AB"}
    assert outputs == {"QueueA": "demo-A-Dead", "QueueB": "demo-B-Dead", "Direct": "demo-A-Live"}
    assert all(arn.startswith("xarn:aws:sns:") for arn in topics.values())


def test_a_loop_in_properties_makes_properties(processed):
    found = processed("""
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      Fn::ForEach::Times: [P, [VisibilityTimeout, DelaySeconds], {"${P}": 7}]
""")
    assert found["Resources"]["Queue"]["Properties"] == {"VisibilityTimeout": 7, "DelaySeconds": 7}


def test_loops_come_before_sam(client):
    template = """
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Resources:
  Fn::ForEach::Tables: [Name, [A, B], {"T${Name}": {Type: AWS::Serverless::SimpleTable}}]
"""
    summary = client.get_template_summary(TemplateBody=template)
    assert summary["ResourceTypes"] == ["AWS::Serverless::SimpleTable"]
    assert summary["DeclaredTransforms"][0] == "AWS::LanguageExtensions"
    client.create_change_set(
        StackName="demo", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=template
    )
    found = client.describe_change_set(StackName="demo", ChangeSetName="c")
    kinds = {
        (one["ResourceChange"]["LogicalResourceId"], one["ResourceChange"]["ResourceType"])
        for one in found["Changes"]
    }
    assert kinds == {("TA", "AWS::DynamoDB::Table"), ("TB", "AWS::DynamoDB::Table")}


QUEUE = "{'Q${I}': {Type: AWS::SQS::Queue}}"
FAILED = "Transform AWS::LanguageExtensions failed with: "


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (f"Fn::ForEach::L: [I, [a]]\n{ONE}", f"{FAILED}Fn::ForEach layout is incorrect"),
        (f"Fn::ForEach::L: {{I: a}}\n{ONE}", f"{FAILED}Fn::ForEach layout is incorrect"),
        (f"Fn::ForEach::L: [[I], [a], {QUEUE}]", f"{FAILED}Fn::ForEach layout is incorrect"),
        ("Fn::ForEach::L: [I, [a], [b]]", f"{FAILED}Fn::ForEach layout is incorrect"),
        (f"Fn::ForEach::L: [I, text, {QUEUE}]", f"{FAILED}Fn::ForEach layout is incorrect"),
        *(
            (
                f"Fn::ForEach::L: [I, {collection}, {QUEUE}]",
                f"{FAILED}Could not find a collection or could not be resolved for Fn::ForEach",
            )
            for collection in ("!Ref Nowhere", "!GetAtt [A, B]", "{a: b}", "3", "[[a]]", "[{a: b}]")
        ),
        (
            "Fn::ForEach::L: [I, [a, b], {Same: {Type: AWS::SQS::Queue}}]",
            f"{FAILED}Duplicate key 'Same' when merging keys to parent object in Fn::ForEach",
        ),
        (
            f"Qa: {{Type: AWS::SQS::Queue}}\n  Fn::ForEach::L: [I, [a], {QUEUE}]",
            f"{FAILED}Duplicate key 'Qa' when merging",
        ),
        (
            f"Fn::ForEach::L: [I, [a-b], {QUEUE}]",
            f"{FAILED}OutputKey 'Qa-b' should be alphanumeric",
        ),
        (
            "Fn::ForEach::L: [I, [a], {'Q${J}': {Type: AWS::SQS::Queue}}]",
            "OutputKey 'Q${J}' should",
        ),
        (f"Fn::ForEach::L: [Names, [a], {QUEUE}]", "'Names' conflicts with parameter name"),
        (
            f"Fn::ForEach::L: [I, [a], {{Fn::ForEach::M: [I, [b], {QUEUE}]}}]",
            "'I' conflicts with another loop identifier",
        ),
        (f"Fn::ForEach::Fixed: [I, [a], {QUEUE}]\n{ONE}", "Fn::ForEach::Fixed is not unique"),
        (f"Fn::ForEach::a b: [I, [a], {QUEUE}]", "Fn::ForEach::a b should be alphanumeric"),
        ("Fn::ForEach::L: [I, [a], {'Q${I}': {}}]", "[/Resources/Qa] has no Type"),
        ("Fn::ForEach::L: [I, [a], {'Q${I}': text}]", "[/Resources/Qa] has no Type"),
        (
            "Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref {Ref: None}}}",
            "Ref names no resource",
        ),
        (
            "Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub '${a${b}}'}}",
            "variable names in Fn::Sub syntax must contain only alphanumeric characters",
        ),
    ],
)
def test_what_aws_refuses_is_refused_in_its_words(client, create, resources, message):
    try:
        made = create(client, f"{HEAD}Resources:\n  {resources}\n")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ValidationError"
        assert message in error.response["Error"]["Message"]
    else:
        events = client.describe_stack_events(StackName="demo")["StackEvents"]
        assert made["StackStatus"] != "CREATE_COMPLETE"
        assert any(message in one.get("ResourceStatusReason", "") for one in events)


def nested(depth):
    inner = "{'Q" + "".join(f"${{I{n}}}" for n in range(depth)) + "': {Type: AWS::SQS::Queue}}"
    for n in range(depth):
        inner = f"{{Fn::ForEach::L{n}: [I{n}, [a], {inner}]}}"
    return inner


def test_five_loops_nest_and_no_sixth(client, processed):
    assert list(processed(f"  {nested(5)[1:-1]}\n")["Resources"]) == ["Qaaaaa"]
    with pytest.raises(ClientError, match="nested deeper than the 5 loops"):
        client.create_stack(
            StackName="x",
            TemplateBody=f"{HEAD}Resources:\n  {nested(6)[1:-1]}\n",
            Capabilities=["CAPABILITY_AUTO_EXPAND"],
        )


def test_loops_that_multiply_end(client):
    hundred = json.dumps(list(range(100)))
    fragment = "{'Q${A}x${B}x${C}': {Type: AWS::SQS::Queue}}"
    for name in "CBA":
        fragment = f"{{Fn::ForEach::L{name}: [{name}, {hundred}, {fragment}]}}"
    template = f"{HEAD}Resources:\n  {fragment[1:-1]}\n"
    with pytest.raises(ClientError, match="more than 10000 entries"):
        client.create_stack(
            StackName="x", TemplateBody=template, Capabilities=["CAPABILITY_AUTO_EXPAND"]
        )


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            "Resources:\n  Fn::ForEach::L: [I, [a], {'Q${I}': {Type: AWS::SQS::Queue}}]\n",
            r"\[/Resources/Fn::ForEach::L\] resource definition is malformed",
        ),
        (
            f"Transform: [AWS::Serverless-2016-10-31, AWS::LanguageExtensions]\nResources:\n{ONE}",
            "AWS::LanguageExtensions must come before AWS::Serverless-2016-10-31",
        ),
        (
            f"{HEAD}  Fn::ForEach::L: [I, [a], {{'M${{I}}': {{x: {{y: z}}}}}}]\nResources:\n{ONE}",
            "Fn::ForEach::L stands in Mappings",
        ),
        (f"Transform: Mine\nResources:\n{ONE}", "does not know the transform 'Mine'"),
    ],
)
def test_where_a_loop_may_not_be_it_is_refused(client, template, message):
    with pytest.raises(ClientError, match=message):
        client.create_stack(
            StackName="x", TemplateBody=template, Capabilities=["CAPABILITY_AUTO_EXPAND"]
        )
