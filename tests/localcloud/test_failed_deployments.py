"""A first deployment that fails at any resource leaves nothing that is in the way of the next.

`EVERY_PLACE=1` tries all places in turn, for some minutes; otherwise it is one of 40, and
SEED says which. Each attempt is the next one of what failed before it, so it may fail at its own
place only; the last attempt is whole.
"""

import json
import os
from pathlib import Path

import pytest
from e2e.test_removal import OTHERS
from waiting import until

from everloop_localcloud.cloudformation.deploy import deploy

STACK_TYPE = "AWS::CloudFormation::Stack"
ROOT = Path(__file__).parents[2]
STACK = "trial"
CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
# What fails on AWS, too: SQS takes 1 to 1,000.
BREAKER = {
    "Type": "AWS::SQS::Queue",
    "Properties": {
        "RedrivePolicy": {
            "deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:none",
            "maxReceiveCount": 0,
        }
    },
}


def places(count):
    """Return after how many resources a deployment is to fail."""
    if os.environ.get("EVERY_PLACE"):
        return range(count)
    return range(int(os.environ.get("SEED", "3")) % 40, count, 40)


def failing(template, order, place):
    """Return a template of which so many resources are made, and then one that cannot be."""
    resources = {}
    for name, resource in template["Resources"].items():
        waits = resource.get("DependsOn") or []
        waits = [waits] if isinstance(waits, str) else list(waits)
        later = name not in order[:place]
        resources[name] = {**resource, "DependsOn": [*waits, "Breaker"] if later else waits}
    resources["Breaker"] = {**BREAKER, "DependsOn": list(order[:place])}
    return {**template, "Resources": resources}


class Account:
    def __init__(self, cloud, client, folder):
        self.client = client
        self.cloudformation = client("cloudformation")
        self.s3 = client("s3")
        options = (cloud.url, cloud.region, folder / "build", print)
        deploy(ROOT / "template.yaml", "pattern", {}, *options)
        events = self.cloudformation.get_paginator("describe_stack_events")
        made = [
            event["LogicalResourceId"]
            for page in events.paginate(StackName="pattern")
            for event in page["StackEvents"]
            if event["ResourceStatus"] == "CREATE_COMPLETE" and event["ResourceType"] != STACK_TYPE
        ]
        self.order = made[::-1]
        self.template = self.cloudformation.get_template(
            StackName="pattern", TemplateStage="Processed"
        )["TemplateBody"]
        self.s3.create_bucket(Bucket="templates")

    def listed(self):
        """Return the names of all that there is, by list call."""
        found = {}
        for service, name, member, key in OTHERS:
            client = self.client(service)
            own = {"Scope": "Local"} if name == "list_policies" else {}  # not AWS's thousand
            pages = (
                client.get_paginator(name).paginate(**own)
                if client.can_paginate(name)
                else [getattr(client, name)()]
            )
            rows = [row for page in pages for row in page.get(member, [])]
            found[f"{service}.{name}"] = {row if key is None else row[key] for row in rows}
        return found

    def attempt(self, template):
        """Deploy as a new stack; return how it ended, and what of it failed."""
        self.s3.put_object(Bucket="templates", Key="t", Body=json.dumps(template).encode())
        url = f"{self.s3.meta.endpoint_url}/templates/t"
        made = self.cloudformation.create_stack(
            StackName=STACK, TemplateURL=url, Capabilities=CAPABILITIES
        )
        stack = self.settled(made["StackId"])
        events = self.cloudformation.get_paginator("describe_stack_events")
        failed = [
            (event["LogicalResourceId"], event["ResourceStatus"])
            for page in events.paginate(StackName=made["StackId"])
            for event in page["StackEvents"]
            if event["ResourceStatus"].endswith("_FAILED")
        ]
        if stack["StackStatus"] != "CREATE_COMPLETE":
            self.cloudformation.delete_stack(StackName=STACK)
            assert self.settled(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
        return stack["StackStatus"], failed

    def settled(self, stack):
        return until(
            lambda: self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0],
            lambda found: not found["StackStatus"].endswith("_IN_PROGRESS"),
            poll=0.02,
        )


@pytest.mark.long
@pytest.mark.timeout(3600 if os.environ.get("EVERY_PLACE") else 300)
def test_what_failed_at_any_resource_is_no_obstacle_to_the_next_attempt(cloud_with, tmp_path):
    account = Account(*cloud_with(), tmp_path)
    template = account.template
    before = account.listed()
    tried = places(len(account.order))
    for place in tried:
        ended = account.attempt(failing(template, account.order, place))
        assert ended == ("ROLLBACK_COMPLETE", [("Breaker", "CREATE_FAILED")]), place
        assert account.listed() == before, place
    print(f"failed after each of {list(tried)} of {len(account.order)} resources")
    assert account.attempt(template) == ("CREATE_COMPLETE", [])
