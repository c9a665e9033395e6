"""What is measured on every emulator: each case prepares itself and gives one call to time."""

import io
import json
import os
import time
import uuid
import zipfile
from collections.abc import Callable

from proofs.bench.emulators import Emulator

Call = Callable[[], None]

# Writes a file named as the event says: that the function ran is seen without any client.
_HANDLER = """
import os

def handler(event, context):
    told = event.get("detail", event)
    if "mark" in told:
        os.close(os.open(told["mark"], os.O_CREAT | os.O_WRONLY))
    if "lines" in told:
        file = os.open(told["lines"], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.write(file, b"%08d\\n" % told["number"])
        os.close(file)
    return {"ok": True}
"""
_ROLE = "arn:aws:iam::123456789012:role/bench"
_MACHINE = {
    "StartAt": "Add",
    "States": {
        "Add": {"Type": "Pass", "Result": {"n": 2}, "Next": "Two?"},
        "Two?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericEquals": 2, "Next": "Done"}],
            "Default": "Wrong",
        },
        "Done": {"Type": "Succeed"},
        "Wrong": {"Type": "Fail"},
    },
}
_TEMPLATE = {
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Topic": {"Type": "AWS::SNS::Topic"},
    }
}
_PATIENCE = 10.0


class Unable(Exception):
    """Why an emulator cannot do a case, as it was seen."""


def put_object(size: int) -> Callable[[Emulator], Call]:
    def prepare(emulator: Emulator) -> Call:
        s3, bucket, body = emulator.client("s3"), _bucket(emulator), os.urandom(size)
        return lambda: s3.put_object(Bucket=bucket, Key=uuid.uuid4().hex, Body=body)

    return prepare


def get_object(size: int) -> Callable[[Emulator], Call]:
    def prepare(emulator: Emulator) -> Call:
        s3, bucket, body = emulator.client("s3"), _bucket(emulator), os.urandom(size)
        s3.put_object(Bucket=bucket, Key="read", Body=body)

        def call() -> None:
            if len(s3.get_object(Bucket=bucket, Key="read")["Body"].read()) != size:
                raise RuntimeError("half an object was read")

        return call

    return prepare


def send_receive(emulator: Emulator) -> Call:
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName=_name())["QueueUrl"]

    def call() -> None:
        sqs.send_message(QueueUrl=url, MessageBody="hello")
        (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    return call


def put_item(emulator: Emulator) -> Call:
    dynamodb, table = emulator.client("dynamodb"), _table(emulator)

    def call() -> None:
        key = {"pk": {"S": "model"}, "sk": {"S": uuid.uuid4().hex}}
        dynamodb.put_item(TableName=table, Item={**key, "n": {"N": "1"}, "text": {"S": "x" * 200}})

    return call


def get_item(emulator: Emulator) -> Call:
    dynamodb, table = emulator.client("dynamodb"), _table(emulator)
    key = {"pk": {"S": "model"}, "sk": {"S": "one"}}
    dynamodb.put_item(TableName=table, Item={**key, "text": {"S": "x" * 200}})
    return lambda: dynamodb.get_item(TableName=table, Key=key)["Item"] and None


def query(emulator: Emulator) -> Call:
    dynamodb, table = emulator.client("dynamodb"), _table(emulator)
    for n in range(20):
        item = {"pk": {"S": "model"}, "sk": {"S": f"{n:04}"}, "text": {"S": "x" * 200}}
        dynamodb.put_item(TableName=table, Item=item)
    return lambda: (
        dynamodb.query(
            TableName=table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
            ExpressionAttributeValues={
                ":pk": {"S": "model"},
                ":low": {"S": "0005"},
                ":high": {"S": "0014"},
            },
        )["Items"][9]
        and None
    )


def invoke(emulator: Emulator) -> Call:
    function, client = _function(emulator), emulator.client("lambda")

    def call() -> None:
        answer = client.invoke(FunctionName=function, Payload=b"{}")
        if json.loads(answer["Payload"].read()) != {"ok": True}:
            raise Unable("Invoke does not run the function")

    try:
        call()
    except client.exceptions.ClientError as error:
        raise Unable(f"Invoke: {error.response['Error']['Message'][:80]}") from error
    except ValueError as error:
        raise Unable("Invoke does not run the function") from error
    return call


def put_events(emulator: Emulator) -> Call:
    source = rule_to_function(emulator)
    events = emulator.client("events")
    folder = emulator.folder / "marks"
    folder.mkdir(exist_ok=True)

    def call() -> None:
        mark = folder / uuid.uuid4().hex
        detail = json.dumps({"mark": str(mark)})
        entry = {"Source": source, "DetailType": "bench", "Detail": detail}
        events.put_events(Entries=[entry])
        _until(mark.exists, "the function never ran")

    return call


def rule_to_function(emulator: Emulator) -> str:
    """Make a rule of its own for a function; return the source of the events that it matches."""
    invoke(emulator)  # says so where functions do not run
    events, source = emulator.client("events"), _name()
    functions = emulator.client("lambda")
    function = functions.get_function(FunctionName=_function(emulator))["Configuration"]
    rule = events.put_rule(Name=source, EventPattern=json.dumps({"source": [source]}))
    functions.add_permission(
        FunctionName=function["FunctionName"],
        StatementId=source,
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule["RuleArn"],
    )
    events.put_targets(Rule=source, Targets=[{"Id": "f", "Arn": function["FunctionArn"]}])
    return source


def start_execution(emulator: Emulator) -> Call:
    _role(emulator)
    client = emulator.client("stepfunctions")
    machine = client.create_state_machine(
        name=_name(), definition=json.dumps(_MACHINE), roleArn=_ROLE
    )["stateMachineArn"]

    def call() -> None:
        arn = client.start_execution(stateMachineArn=machine, name=_name())["executionArn"]
        _until(
            lambda: client.describe_execution(executionArn=arn)["status"] == "SUCCEEDED",
            "no execution succeeded",
        )

    return call


def create_stack(emulator: Emulator) -> Call:
    client = emulator.client("cloudformation")

    def call() -> None:
        name = _name()
        client.create_stack(StackName=name, TemplateBody=json.dumps(_TEMPLATE))

        def made() -> bool:
            (stack,) = client.describe_stacks(StackName=name)["Stacks"]
            return bool(stack["StackStatus"] == "CREATE_COMPLETE")

        _until(made, "the stack was not made")

    return call


# Name, how it is prepared, calls per round, threads of the throughput round (0: none).
CASES: list[tuple[str, Callable[[Emulator], Call], int, int]] = [
    ("PutObject 1 KB", put_object(1024), 60, 4),
    ("GetObject 1 KB", get_object(1024), 60, 4),
    ("PutObject 1 MB", put_object(2**20), 15, 4),
    ("GetObject 1 MB", get_object(2**20), 15, 4),
    ("SQS send, receive, delete", send_receive, 30, 4),
    ("DynamoDB PutItem", put_item, 60, 4),
    ("DynamoDB GetItem", get_item, 60, 4),
    ("DynamoDB Query, 10 of 20 items", query, 40, 4),
    ("Lambda Invoke, warm", invoke, 40, 4),
    ("PutEvents until the function ran", put_events, 40, 4),
    ("StartExecution until SUCCEEDED", start_execution, 30, 4),
    ("CreateStack until complete", create_stack, 5, 0),
]


def _until(done: Callable[[], bool], trouble: str) -> None:
    deadline = time.perf_counter() + _PATIENCE
    while not done():
        if time.perf_counter() > deadline:
            raise Unable(f"{trouble} within {_PATIENCE:.0f} s")
        time.sleep(0.0005)


def _name() -> str:
    return f"bench-{uuid.uuid4().hex[:12]}"


def _bucket(emulator: Emulator) -> str:
    name = _name()
    emulator.client("s3").create_bucket(Bucket=name)
    return name


def _table(emulator: Emulator) -> str:
    name = _name()
    emulator.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )
    return name


def _function(emulator: Emulator) -> str:
    client = emulator.client("lambda")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", _HANDLER)
    _role(emulator)
    try:
        client.create_function(
            FunctionName="bench",
            Runtime="python3.13",
            Role=_ROLE,
            Handler="app.handler",
            Code={"ZipFile": packed.getvalue()},
        )
    except client.exceptions.ResourceConflictException:
        return "bench"
    except client.exceptions.ClientError as error:
        raise Unable(f"CreateFunction: {error.response['Error']['Message'][:80]}") from error
    _until(
        lambda: (
            client.get_function(FunctionName="bench")["Configuration"].get("State", "Active")
            == "Active"
        ),
        "the function was not made",
    )
    return "bench"


def _role(emulator: Emulator) -> None:
    iam = emulator.client("iam")
    services = ["lambda.amazonaws.com", "states.amazonaws.com"]
    allow = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    try:
        iam.create_role(RoleName="bench", AssumeRolePolicyDocument=trust)
    except iam.exceptions.EntityAlreadyExistsException:
        return
