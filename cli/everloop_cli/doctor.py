"""What is wrong with a stack, and how to fix it: each check reads what AWS says, now."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from everloop import names
from everloop.aws import alarms, buckets, lambdas, ledger, rules, schedules, stack, subscribers
from everloop.aws.clients import FAULTS
from everloop.aws.settings import Settings
from everloop.errors import EverloopError
from everloop.reading import attention, models
from everloop.spec import policy
from everloop_cli import model_findings, redrive

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


def examine(here: Settings) -> Iterator[Finding]:
    """Look at the stack, then at each model. A check that is not allowed to look says so."""
    installed: list[str] = []
    yield from of_stack(here, installed)
    for model in installed:
        yield from _tried(f"model {model}", lambda model=model: _model(here.stack, model))  # type: ignore[misc]


def of_stack(here: Settings, installed: list[str] | None = None) -> Iterator[Finding]:
    """Look at the stack without its models; their names are added to `installed`."""
    installed = [] if installed is None else installed
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("stack", lambda: _stack(here.stack)),
        ("ledger", lambda: _ledger(installed)),
        ("functions", lambda: _functions(here.stack)),
        ("arrivals", _arrivals),
        ("rules", lambda: _rules(here)),
        ("data", lambda: _bucket_findings(here.data_bucket)),
        ("schedules", lambda: _schedules(here.stack, installed)),
        ("dead letters", lambda: _dead_letters(here.stack)),
        ("alarms", lambda: _alarms(here.stack)),
        ("notifications", lambda: _notifications(here.notification_topic)),
        ("data", lambda: _strays(here.data_bucket, installed)),
        ("pushes", _pushes),
    ]
    for name, check in checks:
        yield from _tried(name, check)


def _tried(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except (*FAULTS, EverloopError) as error:
        yield Finding(name, BAD, f"could not look: {error}", "allow the call to who you are")


def _ledger(installed: list[str]) -> Iterator[Finding]:
    """Read which models there are, for the checks that follow."""
    installed += models.names()
    yield Finding("ledger", GOOD, f"{len(installed)} models are installed")


def _stack(name: str) -> Iterator[Finding]:
    deployed = stack.find(name)
    status = deployed.status if deployed else "gone"
    good = status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
    fix = "" if good else f"aws cloudformation describe-stack-events --stack-name {name}"
    yield Finding("stack", GOOD if good else BAD, f"{name} is {status}", fix)


def _functions(stack_name: str) -> Iterator[Finding]:
    made = stack.functions(stack_name)
    ill = False
    for name in made:
        problem, fix = "", "sam deploy"
        able = lambdas.able(name)
        if able is None:
            problem = f"{name} is gone"
        elif not able.active:
            problem = f"{name} is {able.state}: {able.reason}"
        elif able.reserved == 0:
            problem = f"{name} may not run: 0 executions at once are reserved for it"
            fix = f"aws lambda delete-function-concurrency --function-name {name}"
        if problem:
            ill = True
            yield Finding("functions", BAD, problem, fix)
    if not ill:
        yield Finding("functions", GOOD, f"{len(made)} functions may run")


def _arrivals() -> Iterator[Finding]:
    mappings = lambdas.mappings("collect-data")
    if [mapping.state for mapping in mappings] == ["Enabled"]:
        waiting = redrive.waiting("arrivals")
        yield Finding("arrivals", GOOD, f"the queue of arrivals is read; {waiting} objects wait")
        return
    uuids = " ".join(mapping.uuid for mapping in mappings)
    fix = f"aws lambda update-event-source-mapping --enabled --uuid {uuids}" if uuids else ""
    states = ", ".join(mapping.state for mapping in mappings) or "gone"
    problem = f"nobody reads the queue of arrivals: its mapping is {states}"
    yield Finding("arrivals", BAD, problem, fix or "sam deploy")


def _bucket_findings(bucket: str) -> Iterator[Finding]:
    """Report that the data bucket sends EventBridge nothing: another tool replaced its setting."""
    configuration = buckets.notifications(bucket)
    if "EventBridgeConfiguration" in configuration:
        return
    problem = (
        f"{bucket} tells EventBridge of nothing: its notification setting was replaced. The sweep "
        "finds what comes and goes, later than events do"
    )
    repaired = json.dumps({**configuration, "EventBridgeConfiguration": {}})
    command = "aws s3api put-bucket-notification-configuration"
    fix = f"{command} --bucket {bucket} --notification-configuration '{repaired}'"
    yield Finding("data", BAD, problem, fix)


def _rules(here: Settings) -> Iterator[Finding]:
    total, ill = 0, False
    for bus in ("default", here.event_bus):
        for rule in rules.beginning(f"{here.stack}-", bus):
            total += 1
            if not rule.enabled:
                ill = True
                fix = f"aws events enable-rule --event-bus-name {bus} --name {rule.name}"
                yield Finding("rules", BAD, f"{rule.name} is disabled", fix)
            elif not rule.has_target:
                ill = True
                yield Finding("rules", BAD, f"{rule.name} has no target", "sam deploy")
    if not ill:
        yield Finding("rules", GOOD if total else BAD, f"{total} rules are enabled")


def _schedules(stack_name: str, installed: list[str]) -> Iterator[Finding]:
    states = schedules.states()
    fixes = {f"{stack_name}-reconcile": "sam deploy"}
    for model in installed:
        fixes[f"{stack_name}-{model}-monitor"] = "reconcile makes it within minutes"
        if policy.training_schedule(ledger.installed(model).spec):
            fixes[f"{stack_name}-{model}-train"] = "reconcile makes it within minutes"
    ill = False
    for name, fix in fixes.items():
        state = states.get(name)
        if state != "ENABLED":
            ill = True
            problem = f"{name} is {'missing' if state is None else state.lower()}"
            fix = fix if state is None else _enable(stack_name, name)
            yield Finding("schedules", BAD, problem, fix)
    if not ill:
        yield Finding("schedules", GOOD, f"{len(fixes)} schedules tick")


def _enable(group: str, name: str) -> str:
    """Return the command that enables a schedule: Scheduler takes it whole, or not at all."""
    members = ("GroupName", "Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    kept = ", ".join(f"{member}: {member}" for member in members)
    command = (
        f"aws scheduler get-schedule --group-name {group} --name {name} --output json "
        f"--query \"{{{kept}, State: 'ENABLED'}}\""
    )
    return f'aws scheduler update-schedule --cli-input-json "$({command})"'


def _dead_letters(stack_name: str) -> Iterator[Finding]:
    full = {queue: count for queue, count in redrive.counts().items() if count}
    summary = ", ".join(f"{count} in {stack_name}-{queue}" for queue, count in full.items())
    if full:
        summary += "; look at them first, with  everloop redrive"
    fix = "everloop redrive --all" if full else ""
    yield Finding("dead letters", BAD if full else GOOD, summary or "no queue holds any", fix)


def _strays(bucket: str, installed: list[str]) -> Iterator[Finding]:
    """Tell of data and labels that are there for a model that is not."""
    ill = False
    for kind in ("data", "labels"):
        for name in buckets.prefixes(bucket, f"{kind}/"):
            if name in installed:
                continue
            ill = True
            near = [each for each in installed if each.lower() == name.lower()]
            hint = f" (did you mean {near[0]}?)" if near else ""
            problem = f"{kind}/{name}/ holds objects, and no model {name} is installed{hint}"
            yield Finding("data", WARNING, problem, f"everloop push models/{name}")
    if not ill:
        yield Finding("data", GOOD, "data and labels are those of installed models")


def _pushes() -> Iterator[Finding]:
    """Tell of models that were pushed and never installed: nothing else here looks at them."""
    waiting = attention.not_installed()
    for model, each in waiting.items():
        yield Finding(f"model {model}", BAD if each.wrong else WARNING, each.found, each.fix)
    if not waiting:
        yield Finding("pushes", GOOD, "every model that was pushed is installed")


def _alarms(stack_name: str) -> Iterator[Finding]:
    by_name = alarms.beginning(f"{stack_name}-")
    ill = False
    for name, alarm in by_name.items():
        if not alarm.tells:
            ill = True
            fix = f"aws cloudwatch enable-alarm-actions --alarm-names {name}"
            yield Finding("alarms", BAD, f"{name} tells nobody: its actions are disabled", fix)
        if alarm.state == alarms.RINGS:
            ill = True
            problem = f"{name} rings: {alarm.description or alarm.reason}"
            problem += f" See docs/operate.md, {_section(stack_name, name)}"
            yield Finding("alarms", BAD, problem, _why_it_rings(stack_name, name))
    if not ill:
        yield Finding("alarms", GOOD, f"{len(by_name)} alarms, and none rings")


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
    if base in ("failed", "failed-anew", "undelivered", "arrivals-dead"):
        return "everloop redrive"
    if base.endswith(("-failed", "-timed-out")):
        return "everloop status"
    if base == "commands-fail":
        group = f"/everloop/{stack}/functions"
        return f"aws logs filter-log-events --log-group-name {group} --filter-pattern ERROR"
    return f"aws cloudwatch describe-alarm-history --alarm-name {name} --max-records 5"


def _notifications(topic: str) -> Iterator[Finding]:
    subscribed = subscribers.subscribers()
    reached = [one for one in subscribed if one.confirmed]
    if reached:
        yield Finding("notifications", GOOD, f"{len(reached)} subscribers are notified")
        return
    waits = f"; {subscribed[0].address} has not confirmed" if subscribed else ""
    fix = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint YOU"
    yield Finding("notifications", WARNING, f"nobody is notified when something stops{waits}", fix)


def _model(stack_name: str, model: str) -> Iterator[Finding]:
    findings = model_findings.of(stack_name, model)
    check = f"model {model}"
    for each in findings.troubles:
        yield Finding(check, BAD if each.wrong else WARNING, each.found, each.fix)
    if not findings.troubles:
        yield Finding(check, GOOD, findings.summary)
