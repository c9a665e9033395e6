"""A stack of version 0.1, at rest, becomes today's: nothing it knows is lost, and it goes on.

The state folder was left by 0.1's own command and cloud: record.py tells how. In it version 2
serves, version 3 waits for a person, and a drop lies in the queue that nobody collected any more.
"""

import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
from e2e.laptop import ACCOUNT, ROOT, Laptop
from upgrade.later import later, picture

from proofs.template import TEMPLATE
from tools.translate import translate

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(600)]
MODEL = "mean-price"
LEFT = Path(__file__).with_name("stack-0.1.tar.xz")
# So slow that nothing begins between the cloud's start and the end of the update: as at rest.
STILL = 0.01


def known(laptop: Laptop) -> dict[str, Any]:
    """Return what people see of the model."""
    told: dict[str, Any] = json.loads(laptop.everloop("why", MODEL, "--json"))
    return told


def versions(laptop: Laptop) -> dict[int, str]:
    found = laptop.client("sagemaker").list_model_packages(ModelPackageGroupName=MODEL)
    return {
        each["ModelPackageVersion"]: each["ModelApprovalStatus"]
        for each in found["ModelPackageSummaryList"]
    }


def listed(laptop: Laptop, service: str, operation: str, member: str, name: str) -> set[str]:
    pages = laptop.client(service).get_paginator(operation).paginate()
    return {str(each[name]) for page in pages for each in page[member]}


def test_a_stack_of_0_1_becomes_todays_and_goes_on(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with tarfile.open(LEFT) as archive:
        archive.extractall(state, filter="data")
    with Laptop(state, STILL) as laptop:  # `everloop up` is the upgrade
        [stack] = laptop.client("cloudformation").describe_stacks()["Stacks"]
        assert (stack["StackStatus"], stack.get("StackStatusReason", "")) == ("UPDATE_COMPLETE", "")
        nothing_of_before_is_left(laptop)
        nothing_was_lost(laptop)
        leave_a_dead_letter(laptop)
        an_update_that_fails_leaves_it_whole(laptop, tmp_path / "later")
    with Laptop(state) as laptop:
        it_goes_on(laptop)
        assert laptop.denied() == []


def nothing_of_before_is_left(laptop: Laptop) -> None:
    """What the stack names is what today's template names, each once."""
    wanted: dict[str, set[str]] = {}
    for resource in translate(TEMPLATE)["Resources"].values():
        if resource.get("Condition"):
            continue
        for name in resource.get("Properties", {}).values():
            text = name.get("Fn::Sub", "") if isinstance(name, dict) else ""
            if isinstance(text, str) and text.startswith("${AWS::StackName}"):
                filled = text.replace("${AWS::StackName}", "everloop")
                wanted.setdefault(resource["Type"], set()).add(filled)
    functions = listed(laptop, "lambda", "list_functions", "Functions", "FunctionName")
    assert functions == wanted["AWS::Lambda::Function"]
    ours = {
        rule["Name"]
        for bus in ("default", "everloop")
        for rule in laptop.client("events").list_rules(EventBusName=bus)["Rules"]
    }
    assert ours == wanted["AWS::Events::Rule"]
    mappings = laptop.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert [each["FunctionArn"].rpartition(":")[2] for each in mappings] == [
        "everloop-collect-data"
    ]
    alarms = listed(laptop, "cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName")
    gone = re.compile(r"wake|heed|test-endpoint")
    assert [name for name in alarms | functions | ours if gone.search(name)] == []


def nothing_was_lost(laptop: Laptop) -> None:
    told = known(laptop)
    assert told["chain"]["problems"] == []
    assert told["chain"]["decisions"] == len(laptop.decisions(MODEL)) > 20
    assert told["chain"]["anchors"]
    assert told["serving"]["version"] == 2
    assert versions(laptop) == {1: "Approved", 2: "Approved", 3: "PendingManualApproval"}
    answer = laptop.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=MODEL, ContentType="text/csv", Body=b"colour\nred\n"
    )
    assert 10 < float(answer["Body"].read()) < 20


def an_update_that_fails_leaves_it_whole(laptop: Laptop, folder: Path) -> None:
    """All is changed but the last thing, which CloudFormation refuses, and all is as it was."""
    template = later(laptop, folder)
    before = picture(laptop)
    functions = re.findall(
        r"(?m)^  (\w+):\n    Type: AWS::Serverless::Function$", template.read_text()
    )
    last = {
        "Type": "AWS::Events::Rule",
        "DependsOn": functions,
        "Properties": {"Name": "everloop-data-arrived", "EventPattern": {"source": ["later"]}},
    }
    text = template.read_text().replace(
        "\nResources:\n", f"\nResources:\n  LaterRule: {json.dumps(last)}\n"
    )
    template.write_text(text)
    with pytest.raises(AssertionError, match=r"everloop-data-arrived already exists in stack"):
        laptop.deploy(template)
    [stack] = laptop.client("cloudformation").describe_stacks()["Stacks"]
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    after = picture(laptop)
    assert len(functions) > 15
    assert {name: after.get(name) for name in before} == before
    assert set(after) == set(before)


def leave_a_dead_letter(laptop: Laptop) -> None:
    """Leave what Lambda keeps of a call of a function that has another name today."""
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:everloop-wake:$LATEST"
    runs = laptop.client("sagemaker").list_pipeline_executions(PipelineName=MODEL)
    run = runs["PipelineExecutionSummaries"][0]["PipelineExecutionArn"]
    event = json.loads(
        (ROOT / "events" / "sagemaker-pipeline-execution-succeeded.json").read_text()
    )
    event["detail"]["pipelineExecutionArn"] = run
    record = {"requestContext": {"functionArn": arn}, "requestPayload": event}
    sqs = laptop.client("sqs")
    url = sqs.get_queue_url(QueueName="everloop-failed")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(record))


def it_goes_on(laptop: Laptop) -> None:
    [letter] = json.loads(laptop.everloop("redrive", "failed", "--json"))
    assert (letter["target"], letter["done"]) == ("lambda:everloop-wake", True)
    # The drop that lay in the queue is frozen, trained and judged, once.
    judged = len(laptop.decisions(MODEL, "judge"))
    laptop.decided(MODEL, "judge", judged + 1)
    assert [each["go"] for each in laptop.decisions(MODEL, "freeze")] == [True] * 4
    assert versions(laptop)[4] in ("PendingManualApproval", "Rejected")
    # What waited for a person in 0.1 is approved in today's, tested, released and served.
    laptop.approve(MODEL, 3)
    laptop.serves(MODEL, 3)
    laptop.decided(MODEL, "serve", 3)
    told = known(laptop)
    assert told["chain"]["problems"] == []
    # The alarms of the endpoint call the function of today.
    calls = {
        action.rpartition(":")[2]
        for alarm in laptop.client("cloudwatch").describe_alarms(
            AlarmNamePrefix=f"everloop-{MODEL}-serving-"
        )["MetricAlarms"]
        for action in alarm["AlarmActions"] + alarm["OKActions"]
    }
    assert calls == {"everloop-on-violation"}
    # All is well, but that the last thing somebody tried was refused.
    wrong = [each["found"] for each in laptop.doctor()[1] if each["state"] == "wrong"]
    assert wrong == ["everloop is UPDATE_ROLLBACK_COMPLETE"]
