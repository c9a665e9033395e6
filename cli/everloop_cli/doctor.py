"""What is wrong with a stack, and how to fix it: each check reads what AWS says, now."""

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import ClientError

from everloop import names
from everloop.errors import EverloopError
from everloop.records.window import BAD_FILES
from everloop_cli import data_findings, look_findings, model_findings, redrive, views
from everloop_cli.records import Records
from everloop_cli.site import Site

GOOD, WARNING, BAD = "good", "warning", "wrong"


@dataclass(frozen=True)
class Finding:
    """A check's outcome (`good`, `warning`: a person may want to know, `wrong`), and its fix."""

    check: str
    state: str
    found: str
    fix: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def examine(site: Site) -> Iterator[Finding]:
    """Look at the stack, then at each model. A check that is not allowed to look says so."""
    records = Records(site)
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("stack", lambda: _stack(site)),
        ("functions", lambda: _functions(site)),
        ("arrivals", lambda: _arrivals(site)),
        ("rules", lambda: _rules(site)),
        ("data", lambda: _bucket_findings(site)),
        ("schedules", lambda: _schedules(site, records.models())),
        ("dead letters", lambda: _dead_letters(site)),
        ("alarms", lambda: _alarms(site)),
        ("notifications", lambda: _notifications(site)),
        ("data", lambda: _strays(site, records.models())),
    ]
    checks += [
        (f"model {model}", lambda model=model: _model(site, records, model))  # type: ignore[misc]
        for model in records.models()
    ]
    for name, check in checks:
        try:
            yield from check()
        except (ClientError, EverloopError) as error:
            yield Finding(name, BAD, f"could not look: {error}", "allow the call to who you are")


def _stack(site: Site) -> Iterator[Finding]:
    found = site.client("cloudformation").describe_stacks(StackName=site.stack)["Stacks"][0]
    status = found["StackStatus"]
    good = status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
    fix = "" if good else f"aws cloudformation describe-stack-events --stack-name {site.stack}"
    yield Finding("stack", GOOD if good else BAD, f"{site.stack} is {status}", fix)


def _functions(site: Site) -> Iterator[Finding]:
    pages = site.client("cloudformation").get_paginator("list_stack_resources")
    names = [
        resource["PhysicalResourceId"]
        for page in pages.paginate(StackName=site.stack)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    ]
    client = site.client("lambda")
    ill = False
    for name in names:
        said, fix = "", "sam deploy"
        try:
            told = client.get_function_configuration(FunctionName=name)
            reserved = client.get_function_concurrency(FunctionName=name)
        except client.exceptions.ResourceNotFoundException:
            said = f"{name} is gone"
        else:
            if told.get("State", "Active") not in ("Active", "Inactive"):
                said = f"{name} is {told.get('State')}: {told.get('StateReason')}"
            elif reserved.get("ReservedConcurrentExecutions") == 0:
                said = f"{name} may not run: 0 executions at once are reserved for it"
                fix = f"aws lambda delete-function-concurrency --function-name {name}"
        if said:
            ill = True
            yield Finding("functions", BAD, said, fix)
    if not ill:
        yield Finding("functions", GOOD, f"{len(names)} functions may run")


def _arrivals(site: Site) -> Iterator[Finding]:
    name = f"{site.stack}-collect-data"
    found = site.client("lambda").list_event_source_mappings(FunctionName=name)
    states = [mapping["State"] for mapping in found["EventSourceMappings"]]
    if states == ["Enabled"]:
        waiting = redrive.waiting(site, "arrivals")
        yield Finding("arrivals", GOOD, f"the queue of arrivals is read; {waiting} objects wait")
        return
    uuids = " ".join(mapping["UUID"] for mapping in found["EventSourceMappings"])
    fix = f"aws lambda update-event-source-mapping --enabled --uuid {uuids}" if uuids else ""
    said = f"nobody reads the queue of arrivals: its mapping is {', '.join(states) or 'gone'}"
    yield Finding("arrivals", BAD, said, fix or "sam deploy")


def _bucket_findings(site: Site) -> Iterator[Finding]:
    for said, fix in data_findings.of_bucket(site):
        yield Finding("data", BAD, said, fix)


def _rules(site: Site) -> Iterator[Finding]:
    events = site.client("events")
    total, ill = 0, False
    for bus in ("default", site.output("EventBus")):
        rules = events.list_rules(NamePrefix=f"{site.stack}-", EventBusName=bus)["Rules"]
        total += len(rules)
        for rule in rules:
            if rule["State"] == "DISABLED":
                ill = True
                fix = f"aws events enable-rule --event-bus-name {bus} --name {rule['Name']}"
                yield Finding("rules", BAD, f"{rule['Name']} is disabled", fix)
            elif not events.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus)["Targets"]:
                ill = True
                yield Finding("rules", BAD, f"{rule['Name']} has no target", "sam deploy")
    if not ill:
        yield Finding("rules", GOOD if total else BAD, f"{total} rules are enabled")


def _schedules(site: Site, models: list[str]) -> Iterator[Finding]:
    scheduler = site.client("scheduler")
    pages = scheduler.get_paginator("list_schedules").paginate(GroupName=site.stack)
    states = {s["Name"]: s["State"] for page in pages for s in page["Schedules"]}
    wanted = {f"{site.stack}-reconcile": "sam deploy"}
    wanted |= {f"{site.stack}-{m}-monitor": "reconcile makes it within minutes" for m in models}
    ill = False
    for name, fix in wanted.items():
        state = states.get(name)
        if state != "ENABLED":
            ill = True
            said = f"{name} is {'missing' if state is None else state.lower()}"
            yield Finding("schedules", BAD, said, fix if state is None else _enable(site, name))
    if not ill:
        yield Finding("schedules", GOOD, f"{len(wanted)} schedules tick")


def _enable(site: Site, name: str) -> str:
    """Return the command that enables a schedule: Scheduler takes it whole, or not at all."""
    members = ("GroupName", "Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    kept = ", ".join(f"{member}: {member}" for member in members)
    found = (
        f"aws scheduler get-schedule --group-name {site.stack} --name {name} --output json "
        f"--query \"{{{kept}, State: 'ENABLED'}}\""
    )
    return f'aws scheduler update-schedule --cli-input-json "$({found})"'


def _dead_letters(site: Site) -> Iterator[Finding]:
    full = {queue: count for queue, count in redrive.counts(site).items() if count}
    said = ", ".join(f"{count} in {site.stack}-{queue}" for queue, count in full.items())
    if full:
        said += "; look at them first, with  everloop redrive"
    fix = "everloop redrive --all" if full else ""
    yield Finding("dead letters", BAD if full else GOOD, said or "no queue holds any", fix)


def _strays(site: Site, models: list[str]) -> Iterator[Finding]:
    found = list(model_findings.strays(site, models))
    for _, said, fix in found:
        yield Finding("data", WARNING, said, fix)
    if not found:
        yield Finding("data", GOOD, "data and labels are those of installed models")


def _alarms(site: Site) -> Iterator[Finding]:
    pages = site.client("cloudwatch").get_paginator("describe_alarms")
    alarms = [
        alarm
        for page in pages.paginate(AlarmNamePrefix=f"{site.stack}-")
        for alarm in page["MetricAlarms"]
    ]
    ill = False
    for alarm in alarms:
        name = alarm["AlarmName"]
        if not alarm["ActionsEnabled"]:
            ill = True
            fix = f"aws cloudwatch enable-alarm-actions --alarm-names {name}"
            yield Finding("alarms", BAD, f"{name} tells nobody: its actions are disabled", fix)
        if alarm["StateValue"] == "ALARM":
            ill = True
            said = f"{name} rings: {alarm.get('AlarmDescription') or alarm['StateReason']}"
            said += f" See docs/operate.md, {_section(site.stack, name)}"
            yield Finding("alarms", BAD, said, _why_it_rings(site.stack, name))
    if not ill:
        yield Finding("alarms", GOOD, f"{len(alarms)} alarms, and none rings")


def _section(stack: str, name: str) -> str:
    """Return the name of an alarm as the runbook has it."""
    of_endpoint = names.of_serving_alarm(stack, name)
    return f"<model>-serving-{of_endpoint[1]}" if of_endpoint else name.removeprefix(f"{stack}-")


def _why_it_rings(stack: str, name: str) -> str:
    """Return the command that shows what an alarm rings for."""
    of_endpoint = names.of_serving_alarm(stack, name)
    if of_endpoint:
        group = f"/aws/sagemaker/Endpoints/{of_endpoint[0]}"
        return f"aws logs filter-log-events --log-group-name {group} --limit 50"
    base = name.removeprefix(f"{stack}-")
    if base in ("failed", "undelivered", "arrivals-dead"):
        return "everloop redrive"
    if base.endswith(("-failed", "-timed-out")):
        return "everloop status"
    if base.endswith("-errors"):
        group = f"/everloop/{stack}/functions"
        return f"aws logs filter-log-events --log-group-name {group} --filter-pattern ERROR"
    return f"aws cloudwatch describe-alarm-history --alarm-name {name} --max-records 5"


def _notifications(site: Site) -> Iterator[Finding]:
    topic = site.output("NotificationTopic")
    pages = site.client("sns").get_paginator("list_subscriptions_by_topic")
    told = [one for page in pages.paginate(TopicArn=topic) for one in page["Subscriptions"]]
    reached = [one for one in told if one["SubscriptionArn"].startswith("arn:")]
    if reached:
        yield Finding("notifications", GOOD, f"{len(reached)} subscribers are told")
        return
    waits = f"; {told[0]['Endpoint']} has not confirmed" if told else ""
    fix = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint YOU"
    yield Finding("notifications", WARNING, f"nobody is told when something stops{waits}", fix)


def _model(site: Site, records: Records, model: str) -> Iterator[Finding]:
    decisions, chain = records.verified(model)
    live = views.serving(site, model)
    found = list(_troubles(site, records, model, decisions, live, chain["problems"]))
    yield from found
    if not found:
        serves = f"version {live['version']} serves" if live else "nothing serves yet"
        said = f"{serves}; its chain of {len(decisions)} decisions is whole"
        yield Finding(f"model {model}", GOOD, said)


def _troubles(
    site: Site,
    records: Records,
    model: str,
    decisions: list[dict[str, Any]],
    live: dict[str, Any] | None,
    problems: list[str],
) -> Iterator[Finding]:
    check = f"model {model}"
    if problems:
        yield Finding(
            check, BAD, f"the ledger's chain is broken: {problems[0]}", f"everloop why {model}"
        )
    paused = records.paused(model)
    if paused:
        yield Finding(check, WARNING, paused, f"everloop resume {model}")
    versions = views.packages(site, model)
    if live and live["status"] in ("Failed", "OutOfService", "UpdateRollbackFailed"):
        why = f"{live['status']}: {live['failure'] or 'no reason given'}"
        yield Finding(check, BAD, f"its endpoint is {why}", f"everloop why {model}")
    approval = {version["version"]: version["approval"] for version in versions}
    if live and live["version"] is not None and approval.get(live["version"]) != "Approved":
        said = f"version {live['version']} serves and is {approval.get(live['version'], 'gone')}"
        fix = f"everloop approve {model} --version {live['version']} --reason 'it may serve'"
        if live["version"] not in approval:
            said += " from the registry; the ledger's seal keeps it going until a push or a drop "
            said += "brings a version in its place"
            fix = f"everloop why {model} --version {live['version']}"
        yield Finding(check, BAD, said, fix)
    waiting = [v for v, status in approval.items() if status == "PendingManualApproval"]
    if waiting:
        said = f"version {max(waiting)} waits for approval"
        yield Finding(check, WARNING, said, f"everloop approve {model}")
    serves = live["version"] if live else None
    for said, fix in data_findings.of_model(site, records, model, versions, serves):
        yield Finding(check, WARNING, said, fix)
    yield from _last_training(check, model, decisions)
    yield from _standing_still(check, model, decisions, records.asked(model))
    for said, fix in look_findings.of_model(model, decisions):
        yield Finding(check, WARNING, said, fix)
    for wrong, said, fix in model_findings.of_model(
        site, records, model, versions, live, decisions
    ):
        yield Finding(check, BAD if wrong else WARNING, said, fix)


def _last_training(check: str, model: str, decisions: list[dict[str, Any]]) -> Iterator[Finding]:
    ends = [decision for decision in decisions if decision["kind"] == "train-end"]
    if ends and (ends[-1].get("facts") or {}).get("outcome") == BAD_FILES:
        said = f"nothing was trained of the last drop, for its files: {ends[-1]['reason']}"
        yield Finding(check, WARNING, said, _take_out(model, ends[-1]))
    elif ends and not ends[-1]["go"]:
        said = f"the last training failed: {ends[-1]['reason']}"
        yield Finding(check, WARNING, said, f"everloop push models/{model}")


def _take_out(model: str, ended: dict[str, Any]) -> str:
    """Return what helps against bad files: a refused one fails every run until it is taken out."""
    refused = ((ended.get("facts") or {}).get("files") or {}).get("refused")
    named = re.search(rf"data/{re.escape(model)}/.+?(?=: )", str(ended["reason"]))
    if refused and named:
        return f"everloop data undrop {model} {shlex.quote(named[0])}"
    return f"everloop data list {model}"


def _standing_still(
    check: str, model: str, decisions: list[dict[str, Any]], asked: str
) -> Iterator[Finding]:
    """Tell what reconcile could not fix, and what has not gone on since."""
    for number, decision in enumerate(decisions):
        if decision["kind"] != "reconcile" or decision["go"]:
            continue
        if decision["subject"].startswith("endpoint/"):
            continue  # what serves was looked at itself
        later = {each["kind"] for each in decisions[number + 1 :]}
        if decision["subject"] == "monitor":
            goes_on, fix = asked > decision["time"], f"everloop push models/{model}"
        elif decision["subject"].startswith("arn:"):
            goes_on, fix = bool(later & {"judge", "approve"}), f"everloop approve {model}"
        else:
            goes_on, fix = "train" in later, f"everloop push models/{model}"
        if not goes_on:
            yield Finding(check, BAD, decision["reason"], fix)
