"""One execution of a pipeline: steps become ready, run as real jobs, and decide how it ends."""

import threading
from datetime import datetime, timedelta
from typing import Any, Protocol

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.clock import Signal
from everloop_localcloud.sagemaker import definition, for_each, retries
from everloop_localcloud.sagemaker.behalf import Behalf
from everloop_localcloud.sagemaker.iterations import Iterations, may_run
from everloop_localcloud.sagemaker.resolver import Json, Resolver, Unresolvable
from everloop_localcloud.sagemaker.resource_steps import StepFailed
from everloop_localcloud.sagemaker.steps import Step, StepStopped

_DONE = ("Succeeded", "Failed", "Stopped")
_MOST_AT_ONCE = 50


class ExecutionRecords(Protocol):
    """The pipelines' records, as an execution sees them."""

    cloud: Account

    def executions_of(self, pipeline_arn: str) -> list[Json]: ...

    def follow(self, record: Json, kind: str, arguments: Json, experiment: Json) -> None: ...

    def job_end(self, arn: str) -> Signal: ...

    def save_execution(self, record: Json) -> None: ...

    def move_execution(self, record: Json, status: str, reason: str | None = None) -> None: ...

    def announce_step(self, record: Json, step: Json, before: str | None) -> None: ...


class Execution:
    """Runs one execution to its end, on threads of the cloud."""

    def __init__(self, api: ExecutionRecords, record: Json) -> None:
        self.cloud = api.cloud
        self.arn: str = record["PipelineExecutionArn"]
        self.identifier = self.arn.rpartition("/")[2]
        self.role_arn: str = record["RoleArn"]
        self._api = api
        self._record = record
        self._definition = definition.read(record["definition"])
        self._steps = {step["Name"]: step for step in definition.walk(self._definition["Steps"])}
        self._changed = threading.Condition()
        self._active: set[str] = set()
        self._selected = set(record.get("selected", self._steps))
        # A selected step of a branch runs whatever its condition, unless that is selected, too.
        self._chosen = {step["Name"] for step in self._definition["Steps"]}
        if "selected" in record:
            self._chosen = self._selected - self._branches_of_selected()
        self._stopping: bool = record["PipelineExecutionStatus"] == "Stopping"
        self._stop = self.cloud.clock.signal()
        self._answered: dict[str, Signal] = {}
        self._iterations = Iterations()
        for name, items in record.get("items", {}).items():
            self._expand(self._steps[name], items)
        for name, told in record["steps"].items():
            if told["StepStatus"] == "Succeeded" and self._steps[name]["Type"] == "Condition":
                self.choose(name, told["Metadata"]["Condition"]["Outcome"] == "True")

    @property
    def stopping(self) -> bool:
        return self._stopping

    def stop(self) -> None:
        """Start no more steps and stop what runs; callbacks are still waited for, as by AWS."""
        with self._changed:
            if self._stopping:
                return
            self._stopping = True
            self._changed.notify_all()
        self._stop.set()
        self._api.move_execution(self._record, "Stopping")
        for told in list(self._record["steps"].values()):
            if told["StepStatus"] in ("Starting", "Executing"):
                self.move(told, "Stopping", only_from="Executing")
                Step(self, self._steps[told["StepName"]], told).stop()

    def run(self) -> None:
        """Run until no step can run any more; after an unhandled failure nothing new starts."""
        while True:
            with self._changed:
                if not self._stopping and not self._unhandled():
                    for name in self._ready():
                        self._active.add(name)
                        self.cloud.spawn(self._step, name, name=f"pipeline step {name}")
                elif self._stopping:
                    for name, told in list(self._record["steps"].items()):
                        # What was under way when the cloud ended is still to be seen to its end.
                        if told["StepStatus"] not in _DONE and name not in self._active:
                            self._active.add(name)
                            self.cloud.spawn(self._step, name, name=f"pipeline step {name}")
                if not self._active:
                    break
                self._changed.wait()
        self._end()

    def _end(self) -> None:
        unhandled, failed = self._unhandled(), self._with_status("Failed", "Stopped")
        if self._stopping and not self._with_status("Failed"):
            self._api.move_execution(self._record, "Stopped")
        elif unhandled:
            reasons = "; ".join(
                f"{t['StepName']}: {t.get('FailureReason', 'failed')}" for t in unhandled
            )
            reason = f"Step failure: One or multiple steps failed. {reasons}"
            self._api.move_execution(self._record, "Failed", reason)
        elif failed:
            self._api.move_execution(self._record, "CompletedWithFailures")
        else:
            self._api.move_execution(self._record, "Succeeded")

    def _with_status(self, *statuses: str) -> list[Json]:
        told = list(self._record["steps"].values())  # steps that begin are added meanwhile
        return [each for each in told if each["StepStatus"] in statuses]

    def _unhandled(self) -> list[Json]:
        """Return the steps that failed or were stopped without a step that runs because of it."""
        handled = {
            name
            for step in self._steps.values()
            if step["Name"] in self._chosen
            for name, trigger in definition.triggers(step).items()
            if trigger in (self._status(name), "Any") and self._steps[name]["Type"] != "Fail"
        }
        # A child's end is its ForEach step's: the other items go on.
        return [
            told
            for told in self._with_status("Failed", "Stopped")
            if told["StepName"] not in handled and told["StepName"] not in self._iterations
        ]

    def _status(self, name: str) -> str | None:
        told = self._record["steps"].get(name)
        return told["StepStatus"] if told else None

    def _ready(self) -> list[str]:
        limit = (self._record.get("ParallelismConfiguration") or {}).get(
            "MaxParallelExecutionSteps", _MOST_AT_ONCE
        )
        # A ForEach step only waits for its children: it takes nobody's place.
        limit -= sum(self._steps[name]["Type"] != "ForEach" for name in self._active)
        room = self._iterations.room(self._steps.values(), self._active)
        found = []
        for name, step in self._steps.items():
            if name not in self._chosen or name in self._active or self._status(name) in _DONE:
                continue
            if name not in self._selected:
                continue
            if not all(self._lets_run(name, parent) for parent in definition.parents(step)):
                continue
            if step["Type"] == "ForEach":
                found.append(name)
                continue
            owner = self._iterations.owner(name)
            if limit <= 0 or (owner is not None and room[owner] <= 0):
                continue
            limit -= 1
            if owner is not None:
                room[owner] -= 1
            found.append(name)
        return found

    def iterate(self, step: Json) -> Json:
        """Run the body of a ForEach step for each item; returns the step's properties."""
        name = step["Name"]
        known = self._record.setdefault("items", {})
        if name not in known:
            items = for_each.read_items(self.resolver().resolve(step["Arguments"]["IterableItems"]))
            with self._changed:
                self._expand(step, items)
                known[name] = items
            self.save()
        with self._changed:
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._iterated(name))
        return for_each.outcome(step, known[name], self._record["steps"].get)

    def _expand(self, step: Json, items: list[Any]) -> None:
        children = self._iterations.add(step, items)
        self._steps |= children
        self._chosen |= children.keys()
        self._selected |= children.keys()

    def _iterated(self, name: str) -> bool:
        """Whether no child of a ForEach step runs, or will."""
        children = self._iterations.of(name)
        if any(each in self._active for each in children):
            return False
        if self._stopping or self._unhandled():
            return True
        waiting = {each for each in children if self._status(each) not in _DONE}

        def parents(child: str) -> set[str]:
            return definition.parents(self._steps[child])

        return not any(may_run(each, waiting, parents, self._lets_run) for each in waiting)

    def _lets_run(self, name: str, parent: str) -> bool:
        """Whether what became of a step lets another one run."""
        trigger = definition.triggers(self._steps[name]).get(parent, "Completed")
        return self._fires(parent, trigger)

    def _fires(self, parent: str, trigger: str) -> bool:
        status = self._status(parent)
        if trigger == "Any":
            return status in _DONE
        return status == ("Succeeded" if trigger == "Completed" else trigger)

    def choose(self, name: str, outcome: bool) -> None:
        """Let the steps of a condition's branch run."""
        arguments = self._steps[name]["Arguments"]
        branch = arguments.get("IfSteps" if outcome else "ElseSteps", [])
        self._chosen |= {step["Name"] for step in branch}

    def _branches_of_selected(self) -> set[str]:
        arguments = [
            step["Arguments"]
            for name, step in self._steps.items()
            if step["Type"] == "Condition" and name in self._selected
        ]
        return {
            step["Name"]
            for each in arguments
            for branch in ("IfSteps", "ElseSteps")
            for step in definition.walk(each.get(branch, []))
        }

    def _step(self, name: str) -> None:
        step = self._steps[name]
        told = self._record["steps"].get(name)
        if told is None:
            told = {
                "StepName": name,
                "type": step["Type"],
                "StartTime": self.cloud.clock.now(),
                "StepStatus": "Starting",
                "AttemptCount": 1,
            }
            if name in self._iterations:
                told["IterationContext"] = self._iterations.context(name)
            for key in ("DisplayName", "Description"):
                if key in step:
                    told[f"Step{key}"] = step[key]
            self._record["steps"][name] = told
            self._moved(told, None)
        try:
            self._attempts(step, told)
            self._finish(told, "Succeeded")
        except StepStopped as stopped:
            self._finish(told, "Stopped", None if self._stopping else str(stopped))
        except StepFailed as error:
            self._finish(told, "Stopped" if self._stopping else "Failed", str(error))
        except Unresolvable as error:
            self._finish(told, "Failed", str(error))
        except Exception as error:
            if not self.cloud.stopping:
                self._finish(told, "Failed", f"InternalServerError: {error}")
            raise
        finally:
            with self._changed:
                self._active.discard(name)
                self._changed.notify_all()

    def _attempts(self, step: Json, told: Json) -> None:
        while True:
            try:
                Step(self, step, told).run()
                return
            except StepFailed as error:
                wait = retries.wait_before_retry(
                    step.get("RetryPolicies", []),
                    error.exception,
                    told["AttemptCount"],
                    told["StartTime"],
                    self.cloud.clock.now(),
                )
                if wait is None or self._stop.wait(wait) or self._stopping:
                    raise
                told["AttemptCount"] += 1
                for of_an_attempt in ("job", "Metadata"):
                    told.pop(of_an_attempt, None)
                self.save()

    def earlier(self, name: str, key: str, age: timedelta | None) -> tuple[str, Json] | None:
        """Return the newest successful run of a step with this cache key, and its execution."""
        now = self.cloud.clock.now()
        runs = [
            (record["PipelineExecutionArn"], told)
            for record in self._api.executions_of(self._record["PipelineArn"])
            if (told := record["steps"].get(name)) is not None
            and told.get("cache") == key
            and told["StepStatus"] == "Succeeded"
            and (age is None or now - told["EndTime"] <= age)
        ]
        return max(runs, key=lambda run: run[1]["EndTime"], default=None)

    def callback(self, told: Json, seconds: float) -> Json:
        """Wait for a callback's answer. Raises StepFailed if none comes in time."""
        left = (told["StartTime"] - self.cloud.clock.now()).total_seconds() + seconds
        if "answer" not in told and not self._signal(told).wait(left):
            raise StepFailed("ClientError: nobody answered the callback within 7 days")
        answer: Json = told["answer"]
        return answer

    def answer(self, told: Json, answer: Json) -> None:
        """Give a callback its answer."""
        told["answer"] = answer
        self.save()
        self._signal(told).set()

    def _signal(self, told: Json) -> Signal:
        with self._changed:
            return self._answered.setdefault(told["StepName"], self.cloud.clock.signal())

    def follow(self, kind: str, arguments: Json) -> None:
        """Let a job that is being made lead back here."""
        config = self._definition.get("PipelineExperimentConfig", {})
        self._api.follow(self._record, kind, arguments, self.resolver().resolve(config))

    def job_end(self, arn: str) -> Signal:
        return self._api.job_end(arn)

    def resolver(self, job: str = "") -> Resolver:
        """Return what resolves functions now; `job` is the name of the job that is being made."""
        name = self._record["PipelineArn"].rpartition("/")[2]
        variables = {
            "StartDateTime": _iso(self._record["CreationTime"]),
            "CurrentDateTime": _iso(self.cloud.clock.now()),
            "PipelineName": name,
            "PipelineArn": self._record["PipelineArn"],
            "PipelineExecutionId": self.identifier,
            "PipelineExecutionArn": self.arn,
            "TrainingJobName": job,
            "ProcessingJobName": job,
            "ExperimentName": name,
            "TrialName": self.identifier,
        }
        return Resolver(self._record["parameters"], variables, self._properties, self._load)

    def _properties(self, name: str) -> Json:
        told = self._record["steps"].get(name)
        if told is None or "properties" not in told:
            raise Unresolvable(f"step {name} has no properties: it did not run")
        files = self._steps[name].get("PropertyFiles", [])
        return {**told["properties"], "PropertyFiles": files}

    def left(self, name: str) -> Json | None:
        """Return the properties of a step that ran; None where it did not."""
        told: Json = self._record["steps"].get(name) or {}
        return told.get("properties")

    def _load(self, uri: str) -> str:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return Behalf(self.cloud, self.role_arn).read(bucket, key).decode()

    def _finish(self, told: Json, status: str, reason: str | None = None) -> None:
        told["EndTime"] = self.cloud.clock.now()
        if reason is not None:
            told["FailureReason"] = reason[:1024]
        self.move(told, status)

    def move(self, told: Json, status: str, *, only_from: str | None = None) -> None:
        """Set a step's status; with `only_from`, unless it has got another one meanwhile."""
        with self._changed:
            before = told["StepStatus"]
            if only_from not in (None, before):
                return
            told["StepStatus"] = status
        self._moved(told, before)

    def _moved(self, told: Json, before: str | None) -> None:
        self.save()
        self._api.announce_step(self._record, told, before)

    def save(self) -> None:
        self._api.save_execution(self._record)


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
