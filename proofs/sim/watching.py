"""What the judge looks at in monitoring: what was captured is looked at, and once."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from everloop.records import decision
from proofs.sim import late_labels
from proofs.sim.aws import content
from proofs.sim.aws.account import Account
from proofs.sim.judge import Judge
from proofs.sim.people import People

_LOOK = 1500.0  # seconds within which a look has ended: its job takes up to 400
_TURNS = 5  # so often the end of a look is waited for: one job in a while hangs for 3,000 seconds


def look_once_more(account: Account, judge: Judge, people: People) -> None:
    """Let the schedules ask once more; all that was captured until then has been looked at."""
    for _ in range(_TURNS):
        if not _under_way(account):
            break
        account.kernel.run(account.kernel.now + _LOOK)
    asked = account.kernel.moment().replace(microsecond=0)
    people.ask_monitors()
    account.kernel.run(account.kernel.now + _LOOK)
    looked = Counter(_looked_at(account))
    for key, looks in looked.items():
        if looks > 1:
            judge.violate("no traffic is looked at twice", f"{key} by {looks} looks")
    for (bucket, key), versions in account.s3.objects.items():
        if bucket != account.artefact_bucket or not key.startswith("capture/"):
            continue
        model = key.split("/")[1]
        endpoint = account.hosting.endpoints.get(model)
        scheduled = f"everloop-{model}-monitor" in account.telling.schedules
        if endpoint is None or not scheduled or versions[0].modified >= asked:
            continue
        if key not in looked:
            judge.violate("all traffic is looked at", key)
    late_labels.bring(account, people)
    asked = account.kernel.moment().replace(microsecond=0)
    people.ask_monitors()
    account.kernel.run(account.kernel.now + _LOOK)
    late_labels.judge_joins(account, judge, _looks(account), asked)


def _under_way(account: Account) -> bool:
    return any(
        each.machine.endswith("-monitor") and each.status == "RUNNING"
        for each in account.states.executions.values()
    )


def _looks(account: Account) -> Iterator[Any]:
    """Yield what looks were given whose findings count."""
    for execution in account.states.executions.values():
        if not execution.machine.endswith("-monitor"):
            continue
        if execution.status != "SUCCEEDED" and not _judged(account, execution.name):
            continue
        output = (execution.ending.output if execution.ending else None) or {}
        if output.get("outcome") == "waits" or str(output.get("reason")).startswith("came too"):
            continue  # it did not look, or does not count
        yield content.read_json(execution.given.encode())


def _judged(account: Account, look: str) -> bool:
    """Whether a look that failed had been judged before: who is told that it died comes behind."""
    model = look.rpartition("-")[0]
    return account.ledger.find(decision.mark_key(model, f"monitor:{look}")) is not None


def _looked_at(account: Account) -> Iterator[str]:
    """Yield the keys of the traffic that these looks were given."""
    for given in _looks(account):
        inputs = {each["InputName"]: each["S3Input"]["S3Uri"] for each in given["job"]["inputs"]}
        if "capture" not in inputs:
            continue  # a look for labels alone
        bucket, _, key = inputs["capture"].removeprefix("s3://").partition("/")
        first, *files = content.read_json(account.s3.objects[bucket, key][-1].data)
        root = first["prefix"].removeprefix(f"s3://{bucket}/")
        yield from (root + name for name in files)
