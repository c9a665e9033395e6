"""What the judge looks at in labels: those that came in time are joined, and nothing twice."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from proofs.sim.aws.account import Account
from proofs.sim.judge import Judge
from proofs.sim.people import People


def bring(account: Account, people: People) -> None:
    """Let labels come when there is no traffic any more: they come alone."""
    for model in people.models:
        people.label(model)
    account.kernel.run(account.kernel.now + 1)


def judge_joins(account: Account, judge: Judge, looks: Iterable[Any], asked: datetime) -> None:
    """Every label that came before the last look is joined; no look knows a prediction twice."""
    names = [given["job"]["name"] for given in looks]
    joined: set[str] = set()
    for job in account.jobs.processing.values():
        if job.status != "Completed" or job.name.rpartition("-")[0] not in names:
            continue
        joined |= job.joined.labels
        for key, times in Counter(job.joined.predictions).items():
            if times > 1:
                judge.violate("no prediction is kept twice", f"{key} in {job.name}")
    for (bucket, key), versions in account.s3.objects.items():
        if bucket != account.data_bucket or not key.startswith("labels/"):
            continue
        model = key.split("/")[1]
        watched = account.hosting.endpoints.get(model) is not None
        scheduled = f"everloop-{model}-monitor" in account.telling.schedules
        if watched and scheduled and versions[0].modified < asked and key not in joined:
            judge.violate("labels that came in time are joined", key)
