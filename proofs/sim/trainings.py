"""What the judge looks at in trainings: on what, why and how often; and in their datasets."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from everloop.records import arrival, object_state
from everloop.records.object_state import SET_ASIDE
from everloop.records.run import WAITING
from proofs.sim.aws import content

Params = dict[str, Any]
_DAY = 86_400.0


class Trainings:
    def __init__(self, judge: Any, account: Any) -> None:
        self._judge = judge
        self._account = account
        self._known_since: dict[str, datetime] = {}  # when a first version was written down
        self._started: dict[str, list[Any]] = defaultdict(list)
        self._code_changed: dict[str, float] = defaultdict(lambda: -_DAY)  # a model's pipeline
        self._amid_change: set[str] = set()  # runs that may have other code than their names say

    def registered(self, model: str) -> None:
        """Hear that a version was written down."""
        self._known_since.setdefault(model, self._account.kernel.moment())

    def code_changed(self, model: str) -> None:
        self._code_changed[model] = self._account.kernel.now

    def starts(self, caller: Any, run: Any) -> None:
        """Judge a pipeline's new execution."""
        self._judge.effects.append(f"StartPipelineExecution {run.model} {run.display_name}")
        before, spec = self._started[run.model], self._judge.models[run.model]
        self._judge.token_lies(f"{run.model}/{run.display_name}", f"run {run.display_name}")
        written = self._account.ledger.installed(run.model).bundle_digest
        lately = self._account.kernel.now - self._code_changed[run.model] < 60
        if lately or written != self._code(run.model):  # the push is not written down yet
            self._amid_change.add(run.arn)
        for other in before:
            if other.status == "Executing":
                self._judge.violate(
                    "one training at a time", f"{run.display_name}, {other.display_name}"
                )
            same = ("DatasetDigest", "DatasetUri")
            code = other.definition_digest == self._code(run.model)
            useful = other.status == "Succeeded" or other.failed_step == "BelowBars"
            known = not self._amid_change & {run.arn, other.arn}
            equal = all(other.parameters[k] == run.parameters[k] for k in same)
            if code and useful and known and equal:
                self._judge.violate(
                    "nothing trained twice", f"{run.display_name}, {other.display_name}"
                )
        self._not_overtaken(run, before)
        # What waits for AWS has brought nothing yet, and spent nothing; so it is with a run whose
        # start AWS answered with an error of its own, until somebody finds that it had begun.
        waiting = {r.name for r in self._account.ledger.runs(run.model) if r.outcome == WAITING}
        spent = [other for other in before if not other.waits and other.display_name not in waiting]
        day = [other for other in spent if other.started_at > run.started_at - _DAY]
        if len(day) >= spec.per_day:
            self._judge.violate(
                "budgets hold", f"{run.display_name} is run {len(day) + 1} of {spec.per_day}"
            )
        last = max((other.ended_at for other in spent if other.ended_at), default=None)
        since = run.started_at - last if last is not None else _DAY
        if run.parameters["Cause"] == "violation" and since < spec.cooldown_hours * 3600 - 120:
            self._judge.violate("cooldowns hold", f"{run.display_name} after {since:.0f} s")
        if run.parameters["Cause"] not in spec.causes and self._existed(run):
            self._judge.violate(
                "only its causes", f"{run.display_name} because of {run.parameters['Cause']}"
            )
        self._frozen(run)
        self._still_there(run)
        run.definition_digest = self._code(run.model)
        before.append(run)

    def goes_on(self, caller: Any, run: Any) -> None:
        """Judge that an execution goes on which had failed."""
        self._judge.effects.append(f"RetryPipelineExecution {run.model} {run.display_name}")
        # An old event may wake who waits for it just now: they come back, and find that it runs.
        if not run.waits:
            said = f"{run.display_name} failed by itself: {run.reason}"
            self._judge.violate("only what AWS lacked goes on", said)
        for other in self._started[run.model]:
            if other.status == "Executing":
                self._judge.violate(
                    "one training at a time", f"{run.display_name}, {other.display_name}"
                )

    def _not_overtaken(self, run: Any, before: list[Any]) -> None:
        """What a later dataset brought, and was trained on, is not trained on again by itself."""
        window = run.window  # its dataset may be an older one, of the same objects again
        for other in before:
            later = self._windows(other)
            if max(later) <= window or window not in later or other.bad_files or other.waits:
                continue
            machine = f"{run.model}-w{max(later)}-a"
            concluded = any(  # else nobody may know of it yet
                execution.name.startswith(machine)
                and _saw_the_end(execution)
                and other.ended_at <= execution.ended_at < self._account.kernel.now - 60
                for execution in self._account.states.executions.values()
            )
            if concluded:
                self._judge.violate(
                    "never back to less data", f"{run.display_name}, {other.display_name}"
                )

    def _windows(self, run: Any) -> list[int]:
        """Return the windows that a run's dataset is made of, its own the last.

        A later window's may be the same one, and frozen before: it names more.
        """
        bucket, _, key = run.parameters["DatasetUri"].removeprefix("s3://").partition("/")
        manifest = content.read_json(self._account.s3.objects[bucket, key][-1].data)
        return [number for number in manifest["windows"] if number <= run.window]

    def _existed(self, run: Any) -> bool:
        """Whether a version was written down when the window's machine began.

        The first needs no cause.
        """
        machine = f":{run.display_name.rpartition('-')[0]}-a1"
        began = next(
            execution.started
            for arn, execution in self._account.states.executions.items()
            if arn.endswith(machine)
        )
        since = self._known_since.get(run.model)
        return since is not None and since < began - timedelta(seconds=30)

    def _code(self, model: str) -> str:
        found = content.find_step(self._account.jobs.pipelines[model].definition, "RegisterModel")
        return str(found["CustomerMetadataProperties"]["bundle-digest"])

    def _frozen(self, run: Any) -> None:
        uri = run.parameters["DatasetUri"]
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if (bucket, key) not in self._account.s3.objects:
            self._judge.violate("frozen before trained", f"{run.display_name}: {uri} is not there")
        elif run.parameters["DatasetDigest"] not in key:
            self._judge.violate(
                "frozen before trained", f"{run.display_name}: {uri} is another dataset"
            )

    def _still_there(self, run: Any) -> None:
        """What was deleted before the machine that trains began is in no dataset of its."""
        name = f"{run.model}-w{run.window}-a"
        began = max(
            execution.started
            for execution in self._account.states.executions.values()
            if execution.name.startswith(name)
        )
        uri = run.parameters["DatasetUri"]
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        manifest = content.read_json(self._account.s3.objects[bucket, key][-1].data)
        for each in manifest["objects"]:
            since = self._account.s3.hidden_since(each["bucket"], each["key"], each["version_id"])
            if since is not None and since < began - timedelta(seconds=1):
                said = f"{run.display_name}: {each['key']} {each['version_id']}"
                self._judge.violate("what is withdrawn is not trained on", said)

    def _nothing_taken_out(self, caller: Any, name: str, manifest: Params) -> None:
        """What was deleted or set aside before S3 was asked is in no later dataset."""
        asked = caller.memory.get("asked S3")
        if asked is None:
            self._judge.violate("S3 is asked what is there", name)
            return
        aside = {
            (state.key, state.version_id)
            for state in map(object_state.of, self._account.ledger.all(object_state.all_of(name)))
            if state.state == SET_ASIDE and state.at < asked - timedelta(seconds=60)
        }
        for each in manifest["objects"]:
            named = (each["key"], each["version_id"])
            since = self._account.s3.hidden_since(each["bucket"], *named)
            if since is not None and since < asked - timedelta(seconds=1):
                self._judge.violate("what is withdrawn is in no later dataset", " ".join(named))
            if named in aside:
                self._judge.violate("what is set aside is in no later dataset", " ".join(named))

    def freezes(self, caller: Any, key: str, params: Params) -> None:
        """A window is frozen when its drop has been quiet, or says that it is complete."""
        if not key.startswith("datasets/"):
            return
        name = key.split("/")[1]
        manifest, spec = content.read_json(params["Body"]), self._judge.models[name]
        self._nothing_taken_out(caller, name, manifest)
        now, fresh = self._account.kernel.moment(), []
        for each in manifest["objects"]:
            if each["window"] != max(manifest["windows"]):
                continue
            versions = self._account.s3.objects[each["bucket"], each["key"]]
            written = next((v.modified for v in versions if v.id == each["version_id"]), now)
            if (each["bucket"], each["key"]) in self._account.s3.touched:
                continue  # brought back, it arrives anew
            age = (now - written).total_seconds()
            if age < spec.quiet_minutes * 60 - 1 and not self._marked(name, written):
                fresh.append(f"{each['key']} {age:.0f} s old")
        # What keeps arriving is cut after 48 quiet periods.
        if self._oldest(name, max(manifest["windows"])) < 48 * spec.quiet_minutes * 60:
            for said in fresh:
                self._judge.violate("frozen after quiet", said)

    def _oldest(self, name: str, window: int) -> float:
        """Return the age of what came into a window first, replaced since or not, in seconds."""
        now, ages = self._account.kernel.moment(), list[float]()
        for came in map(arrival.of, self._account.ledger.all(arrival.of_window(name, window))):
            versions = self._account.s3.objects[self._account.data_bucket, came.key]
            found = (v.modified for v in versions if v.id == came.version_id)
            ages.append((now - next(found, now)).total_seconds())
        return max(ages, default=0.0)

    def _marked(self, name: str, since: Any) -> bool:
        """Whether a drop was called complete; what comes after a marker is of the next drop."""
        return any(
            version.modified >= since - timedelta(seconds=1)
            for (_, key), versions in self._account.s3.objects.items()
            if key.startswith(f"data/{name}/") and key.endswith("/_SUCCESS")
            for version in versions
        )


def _saw_the_end(execution: Any) -> bool:
    """Whether a machine lived to see its run end; one that was refused has not waited for any, and
    one that is held has not seen the end.
    """
    ending = execution.ending
    if not ending or ending.status != "SUCCEEDED":
        return False
    return ending.output["outcome"] not in ("refused", "waits")
