"""What takes messages gets another name while messages come: the queue loses none."""

import json
import time

import pytest

CODE = """
import os, uuid
def handler(event, context):
    name = os.path.join(os.environ["OUT"], uuid.uuid4().hex)
    with open(name, "w") as file:
        file.write("\\n".join(record["body"] for record in event["Records"]))
"""


def template(name, out):
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": name,
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": "arn:aws:iam::123456789012:role/worker",
            "Code": {"ZipFile": CODE},
            "Environment": {"Variables": {"OUT": str(out)}},
        },
    }
    mapping = {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "EventSourceArn": {"Fn::GetAtt": "Queue.Arn"},
            "FunctionName": {"Ref": f"{name.title()}Function"},
            "BatchSize": 10,
        },
    }
    queue = {
        "Type": "AWS::SQS::Queue",
        "Properties": {"QueueName": "q", "VisibilityTimeout": 3},
    }
    parts = {f"{name.title()}Function": function, f"{name.title()}Mapping": mapping}
    return json.dumps({"Resources": {"Queue": queue, **parts}})


@pytest.mark.timeout(120)
def test_a_mapping_moves_to_a_function_of_another_name(cloud_with, create, update, tmp_path):
    _, factory = cloud_with("cloudformation", "lambda", "sqs")
    cloudformation, sqs, functions = (factory(n) for n in ("cloudformation", "sqs", "lambda"))
    out = tmp_path / "out"
    out.mkdir()
    create(cloudformation, template("old", out))
    url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
    sent = set()

    def send(count):
        for _ in range(count):
            bodies = [f"m{len(sent) + n}" for n in range(10)]
            entries = [{"Id": body, "MessageBody": body} for body in bodies]
            sqs.send_message_batch(QueueUrl=url, Entries=entries)
            sent.update(bodies)

    def taken():
        return {body for path in out.iterdir() for body in path.read_text().split()}

    send(20)  # some are under way as the update begins
    made = update(cloudformation, template("new", out))
    send(5)
    assert made["StackStatus"] == "UPDATE_COMPLETE"
    while taken() != sent:
        time.sleep(0.05)
    assert [each["FunctionName"] for each in functions.list_functions()["Functions"]] == ["new"]
    [mapping] = functions.list_event_source_mappings()["EventSourceMappings"]
    assert mapping["FunctionArn"].endswith(":new")
