"""What the judge looks at in monitoring: no traffic that was captured is passed over."""

from sim.aws import content
from sim.aws.account import Account
from sim.judge import Judge
from sim.people import People

_LOOK = 1500.0  # seconds within which a look has ended: its job takes up to 400


def look_once_more(account: Account, judge: Judge, people: People) -> None:
    """Let the schedules ask once more; all that was captured until then has been looked at."""
    asked = account.kernel.moment().replace(microsecond=0)
    people.ask_monitors()
    account.kernel.run(account.kernel.now + _LOOK)
    looked = _looked_at(account)
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


def _looked_at(account: Account) -> set[str]:
    """Return the keys of the traffic that looks were given which ended well."""
    found: set[str] = set()
    for execution in account.states.executions.values():
        if not execution.machine.endswith("-monitor") or execution.status != "SUCCEEDED":
            continue
        ending = execution.ending
        if ending is None or ending.output.get("outcome") == "waits":
            continue  # it did not look
        given = content.read_json(execution.given.encode())
        inputs = {each["InputName"]: each["S3Input"]["S3Uri"] for each in given["job"]["inputs"]}
        bucket, _, key = inputs["capture"].removeprefix("s3://").partition("/")
        first, *files = content.read_json(account.s3.objects[bucket, key][-1].data)
        root = first["prefix"].removeprefix(f"s3://{bucket}/")
        found |= {root + name for name in files}
    return found
