"""Planning: which instances the pipeline of a model runs on, and other ones where AWS refuses them.

An execution keeps the definition that it began with. So another plan is another execution of the
same run: a turn of it.
"""

import dataclasses
import json
from collections.abc import Sequence
from datetime import datetime

from everloop.aws import ledger, pipelines, storage
from everloop.aws.settings import settings
from everloop.decisions.instances import Taken
from everloop.errors import Conflict, NotReady
from everloop.flows import instances
from everloop.flows.reinstalling import DEFINITION
from everloop.names import digest
from everloop.pipelines.plans import Plan, section_of, with_plan
from everloop.records.installation import Installation
from everloop.records.run import WAITING, Run, of_machine
from everloop.records.shortage import Trouble
from everloop.spec.instances import Choice, of_pipeline


def lists(installed: Installation) -> dict[str, tuple[Choice, ...]]:
    """Return what each step of a model's pipeline may run on; nothing for a pipeline of its own."""
    if installed.own_pipeline:
        return {}
    return of_pipeline(installed.spec)


def plan(installed: Installation, now: datetime) -> dict[str, str]:
    """Return what a new run takes where that is not the preferred instance."""
    made = {}
    for section, preferred in lists(installed).items():
        choice = instances.taken(installed, preferred, now).choice
        if choice != preferred[0]:
            made[section] = choice.quota
    return made


def taken(installed: Installation, planned: Plan) -> dict[str, str]:
    """Return the instance of each step, in words."""
    return {
        section: str(Choice.of(planned[section]) if section in planned else preferred[0])
        for section, preferred in lists(installed).items()
    }


def apply(installed: Installation, planned: Plan, now: datetime) -> None:
    """See to it that the pipeline has the planned instances. Raises NotReady where a push came."""
    if installed.planned_at is None and not planned:
        return  # nothing but pushes ever changed it
    _update(installed, planned)
    if dict(installed.plan) == dict(planned):
        return
    try:
        ledger.note_plan(installed, planned, now)
    except Conflict:  # the push's definition may have been there before this one
        newest = ledger.installed(installed.model)
        _update(newest, newest.plan)
        raise NotReady(f"{installed.model} was pushed a moment ago") from None


def _update(installed: Installation, planned: Plan) -> None:
    """Let the pipeline have a plan, whatever it has now: a push and a plan may have crossed."""
    bucket, key = storage.split(installed.bundle_uri)
    pushed = storage.read(bucket, f"{key.rpartition('/')[0]}/{DEFINITION}").decode()
    definition = with_plan(pushed, planned)
    if digest(json.loads(definition)) == digest(pipelines.current_definition(installed.model)):
        return
    pipelines.update(
        installed.model,
        definition,
        settings().sagemaker_role,
        str(installed.spec.get("description") or ""),
    )


def after(
    installed: Installation,
    runs: Sequence[Run],
    machine: str,
    step: str,
    trouble: Trouble,
    now: datetime,
) -> Taken | None:
    """Give a machine's run another plan where AWS refused an instance of a list to a step of it.

    None where no other instance would help. The run is kept as one that waits.
    """
    preferred = lists(installed).get(section_of(step))
    run = of_machine(runs, machine)
    if preferred is None or run is None:
        return None
    section = section_of(step)
    current = run.plan.get(section, preferred[0].quota)
    following = instances.after(installed, section, preferred, [Choice.of(current)], trouble, now)
    if following is None or following.choice.quota == current:
        return following
    others = {name: quota for name, quota in run.plan.items() if name != section}
    mine = {} if following.choice == preferred[0] else {section: following.choice.quota}
    moved = dataclasses.replace(run, outcome=WAITING, plan={**others, **mine}, turn=run.turn + 1)
    ledger.put_run(installed.model, moved)
    return following
