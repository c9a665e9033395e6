"""The stack as a later version might have it, and a picture of what a stack is made of."""

from pathlib import Path
from typing import Any

from e2e.laptop import Laptop


def later(laptop: Laptop, folder: Path) -> Path:
    """Write the stack as a later version might have it; returns its template."""
    laptop.everloop("template", "export", str(folder))
    template = folder / "template.yaml"
    text = template.read_text()
    head, parameters = "\nParameters:\n", "  Later: {Type: String, Default: 'yes'}\n"
    assert text.count(head) == text.count("    MemorySize: 512\n") == 1
    text = text.replace(head, head + parameters)
    template.write_text(text.replace("    MemorySize: 512\n", "    MemorySize: 640\n"))
    for path in [*folder.glob("functions/*.py"), folder / "layers/core/everloop/__init__.py"]:
        path.write_text(path.read_text() + "\nLATER = True\n")
    for path in folder.glob("statemachines/*.yaml"):
        path.write_text(path.read_text() + "\n# later\n")
    return template


def picture(laptop: Laptop) -> dict[str, Any]:
    """Return what the stack's parts are, as their services tell it."""
    functions, events, machines = (laptop.client(n) for n in ("lambda", "events", "stepfunctions"))
    found: dict[str, Any] = {}
    for page in functions.get_paginator("list_functions").paginate():
        for each in page["Functions"]:
            told = {key: each.get(key) for key in ("CodeSha256", "MemorySize", "Timeout", "Role")}
            layers = [layer["Arn"] for layer in each.get("Layers", [])]
            found[each["FunctionName"]] = {**told, "Layers": layers, **each["Environment"]}
    for bus in ("default", "everloop"):
        for rule in events.list_rules(EventBusName=bus)["Rules"]:
            where = {"Rule": rule["Name"], "EventBusName": bus}
            targets = events.list_targets_by_rule(**where)["Targets"]
            found[rule["Arn"]] = (rule["EventPattern"], rule["State"], targets)
    for machine in machines.list_state_machines()["stateMachines"]:
        arn = machine["stateMachineArn"]
        found[arn] = machines.describe_state_machine(stateMachineArn=arn)["definition"]
    for page in laptop.client("cloudwatch").get_paginator("describe_alarms").paginate():
        for alarm in page["MetricAlarms"]:
            told = {key: alarm.get(key) for key in ("Threshold", "AlarmActions", "Metrics")}
            found[alarm["AlarmArn"]] = told
    iam = laptop.client("iam")
    for role in (each["RoleName"] for each in iam.list_roles()["Roles"]):
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        own = {n: iam.get_role_policy(RoleName=role, PolicyName=n)["PolicyDocument"] for n in names}
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        found[f"role {role}"] = (own, sorted(each["PolicyName"] for each in attached))
    mappings = functions.list_event_source_mappings()["EventSourceMappings"]
    found["mappings"] = [(each["UUID"], each["State"], each["BatchSize"]) for each in mappings]
    parts = laptop.client("cloudformation").get_paginator("list_stack_resources")
    found["resources"] = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for page in parts.paginate(StackName="everloop")
        for each in page["StackResourceSummaries"]
    }
    return found
