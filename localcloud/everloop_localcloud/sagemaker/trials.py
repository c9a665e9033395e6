"""The search of one tuning job: training jobs are started, awaited, scored, until it is enough."""

import math
import queue
import secrets
import zlib
from typing import Any, Protocol

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.clock import Signal
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sagemaker.jobs import ENDED, Record
from everloop_localcloud.sagemaker.listing import pick
from everloop_localcloud.sagemaker.training_metrics import Series
from everloop_localcloud.sagemaker.tuning_ranges import read_space
from everloop_localcloud.sagemaker.tuning_search import Trial, propose
from everloop_localcloud.sagemaker.tuning_stopping import Run, read_rule
from everloop_localcloud.sagemaker.tuning_warm_start import known_trials

_FAILURES_AT_FIRST = 5  # AWS gives up after so many trials of which none succeeded
_TRAINING = (
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "RoleArn",
    "VpcConfig",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "Environment",
)


def definitions(job: Record) -> list[Record]:
    """Return the training job definitions of a tuning job, however they were given."""
    one = job.get("TrainingJobDefinition")
    return [one] if one else list(job.get("TrainingJobDefinitions", []))


def ranges(config: Record, definition: Record) -> Record:
    found: Record = definition.get("HyperParameterRanges") or config.get("ParameterRanges") or {}
    return found


def training_request(name: str, definition: Record, values: dict[str, str]) -> Record:
    """Return what CreateTrainingJob would be asked for one trial."""
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": definition["AlgorithmSpecification"],
        "HyperParameters": {**definition.get("StaticHyperParameters", {}), **values},
        **pick(definition, *_TRAINING),
    }


class TrainingJobs(Protocol):
    """Training jobs, as a search sees them."""

    series: Series

    def check_training(self, request: Record) -> None: ...

    def start_training(self, request: Record, **extra: Any) -> str: ...

    def training_record(self, name: str) -> Record | None: ...


class TuningJobs(Protocol):
    """Tuning jobs, as the search of one of them sees them."""

    cloud: Account
    training: TrainingJobs

    def announce_tuning(self, job: Record) -> None: ...

    def save_tuning(self, job: Record) -> None: ...

    def end_tuning(self, job: Record) -> None: ...

    def job_end(self, arn: str) -> Signal: ...


class Trials:
    """The trials of one tuning job. All it knows is in the job's record and its training jobs."""

    def __init__(self, api: TuningJobs, job: Record) -> None:
        self._api = api
        self._job = job
        self._config = job["HyperParameterTuningJobConfig"]
        self._limits = self._config["ResourceLimits"]
        self._definitions = definitions(job)

    def run(self) -> None:
        """Search until the limits are reached, the criteria are met, or somebody stops it."""
        ended: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._job["trials"] = [  # a kill may have come between noting a trial and starting it
            trial
            for trial in self._job["trials"]
            if self._api.training.training_record(trial["name"])
        ]
        for summary in self.summaries():
            if summary["TrainingJobStatus"] not in ENDED:
                self._watch(summary["TrainingJobArn"], ended)
        limit = self._limits.get("MaxRuntimeInSeconds")
        timer = limit and self._api.cloud.clock.after(limit, lambda: self.stop("Stopped"))
        reason = None
        try:
            while True:
                reason = self._start_more(ended)
                if not self._running():
                    break
                ended.get()
                self._stop_losers()
                if self._enough():
                    self.stop("Completed")
        finally:
            if timer:
                timer.cancel()
        self._end(reason)

    @property
    def _stopped(self) -> bool:
        return "why" in self._job or self._job["HyperParameterTuningJobStatus"] != "InProgress"

    def stop(self, outcome: str) -> None:
        """Start no more trials, and stop those that run; the job ends with this status."""
        if self._stopped:
            return
        self._job["why"] = outcome
        if outcome == "Stopped":
            self._job["HyperParameterTuningJobStatus"] = "Stopping"
            self._api.announce_tuning(self._job)
        self._api.save_tuning(self._job)
        for summary in self._running():
            self._stop_trial(summary["TrainingJobName"])

    def _stop_losers(self) -> None:
        """Stop the trials that need not go on, by the rule of the search."""
        for definition in self._definitions:
            rule = read_rule(self._config, definition.get("StaticHyperParameters", {}))
            if rule is None:
                return
            trials = {
                trial["name"]: trial
                for trial in self._job["trials"]
                if trial.get("definition") == definition.get("DefinitionName")
            }
            objective = self._objective(definition)
            sign = _sign(objective)
            runs = []
            for name, trial in trials.items():
                told = self._api.training.series.of(name, objective["MetricName"])
                found = self._api.training.training_record(name)
                running = found is not None and found["TrainingJobStatus"] == "InProgress"
                scores = tuple(sign * value for value in told)
                runs.append(Run(name, scores, running and not trial.get("early")))
            for name in rule.losers(runs):
                trials[name]["early"] = True
                self._api.save_tuning(self._job)
                self._stop_trial(name)

    def summaries(self) -> list[Record]:
        """Return every trial as ListTrainingJobsForHyperParameterTuningJob tells it."""
        return [
            self._summary(trial, found)
            for trial in list(self._job["trials"])
            if (found := self._api.training.training_record(trial["name"])) is not None
        ]

    def counted(self) -> Record:
        """Return what a description counts: trials by status, objectives, the best, the time."""
        found = self.summaries()
        status = [summary["TrainingJobStatus"] for summary in found]
        lost = [s for s in found if "InternalServerError" in s.get("FailureReason", "")]
        objective = [summary["ObjectiveStatus"] for summary in found]
        told: Record = {
            "TrainingJobStatusCounters": {
                "Completed": status.count("Completed"),
                "InProgress": sum(each not in ENDED for each in status),
                "RetryableError": len(lost),
                "NonRetryableError": status.count("Failed") - len(lost),
                "Stopped": status.count("Stopped"),
            },
            "ObjectiveStatusCounters": {
                each: objective.count(each) for each in ("Succeeded", "Pending", "Failed")
            },
        }
        best = self._best(found)
        if best is not None:
            told["BestTrainingJob"] = best
        if "overall" in self._job:
            tuned = {"TuningJobName": self._job["HyperParameterTuningJobName"]}
            both = [*self._job["overall"], *([{**best, **tuned}] if best else [])]
            if both:
                told["OverallBestTrainingJob"] = max(both, key=_score)
        seconds = sum(
            (one["TrainingEndTime"] - one["TrainingStartTime"]).total_seconds()
            for one in found
            if "TrainingEndTime" in one and "TrainingStartTime" in one
        )
        told["ConsumedResources"] = {"RuntimeInSeconds": int(seconds)}
        told["TuningJobCompletionDetails"] = {
            "NumberOfTrainingJobsObjectiveNotImproving": self._not_improving(found)
        }
        return told

    def _start_more(self, ended: "queue.SimpleQueue[None]") -> str | None:
        """Start trials as limits allow. Returns why the search cannot go on, if it cannot."""
        while self._job["HyperParameterTuningJobStatus"] == "InProgress" and not self._job.get(
            "why"
        ):
            trials = self._job["trials"]
            if len(self._running()) >= self._limits["MaxParallelTrainingJobs"]:
                return None
            if len(trials) >= self._limits.get("MaxNumberOfTrainingJobs", math.inf):
                return None
            found = self.summaries()
            bad = [one for one in found if one["ObjectiveStatus"] == "Failed"]
            if len(bad) >= _FAILURES_AT_FIRST and not self._best(found):
                return None
            definition = min(self._definitions, key=self._count)
            values = self._next(definition)
            if values is None:
                return None
            name = f"{self._job['HyperParameterTuningJobName']}-{len(trials) + 1:03}"
            name = f"{name}-{secrets.token_hex(4)}"
            trial = {"name": name, "values": values}
            if "DefinitionName" in definition:
                trial["definition"] = definition["DefinitionName"]
            trials.append(trial)
            self._api.save_tuning(self._job)
            metric = self._objective(definition)["MetricName"]
            request = training_request(name, definition, values)
            request["HyperParameters"]["_tuning_objective_metric"] = metric
            try:
                arn = self._api.training.start_training(
                    request, TuningJobArn=self._job["HyperParameterTuningJobArn"]
                )
            except AwsError as error:
                trials.pop()
                return f"ClientError: {error.message}"
            self._watch(arn, ended)
            self._api.training.series.listen(name, lambda: ended.put(None))
            if self._stopped:
                self._stop_trial(name)  # it was started while somebody stopped the others
        return None

    def _next(self, definition: Record) -> dict[str, str] | None:
        space = read_space(ranges(self._config, definition))
        sign = _sign(self._objective(definition))
        trials = []
        for trial in self._job["trials"]:
            if trial.get("definition") != definition.get("DefinitionName"):
                continue
            found = self._api.training.training_record(trial["name"])
            told: Record = self._summary(trial, found) if found else {"ObjectiveStatus": "Failed"}
            metric = told.get("FinalHyperParameterTuningJobObjectiveMetric")
            score = sign * metric["Value"] if metric else None
            trials.append(Trial(trial["values"], score, told["ObjectiveStatus"] == "Failed"))
        name = f"{self._job['HyperParameterTuningJobName']} {definition.get('DefinitionName')}"
        seed = self._config.get("RandomSeed", zlib.crc32(name.encode()))
        known = known_trials(space, self._job.get("known", ()), sign)
        return propose(space, self._config["Strategy"], trials, seed, known)

    def _enough(self) -> bool:
        criteria = self._config.get("TuningJobCompletionCriteria") or {}
        found = self.summaries()
        best = self._best(found)
        if best is None:
            return False
        metric = best["FinalHyperParameterTuningJobObjectiveMetric"]
        target = criteria.get("TargetObjectiveMetricValue")
        if target is not None:
            good = metric["Value"] >= target
            if metric["Type"] == "Minimize":
                good = metric["Value"] <= target
            if good:
                return True
        patience = (criteria.get("BestObjectiveNotImproving") or {}).get(
            "MaxNumberOfTrainingJobsNotImproving", math.inf
        )
        return bool(self._not_improving(found) >= patience)

    def _end(self, reason: str | None) -> None:
        found = self.summaries()
        status = self._job.pop("why", None) or "Completed"
        if status == "Completed" and not self._best(found):
            status = "Failed"
            bad = len([one for one in found if one["ObjectiveStatus"] == "Failed"])
            self._job["FailureReason"] = reason or (
                f"No training job succeeded after {bad} attempts. For additional details, please"
                " take a look at the training job failures by listing training jobs for the"
                " hyperparameter tuning job."
            )
        self._job["HyperParameterTuningJobStatus"] = status
        self._job["HyperParameterTuningEndTime"] = self._api.cloud.clock.now()
        self._api.end_tuning(self._job)

    def _summary(self, trial: Record, found: Record) -> Record:
        told = pick(
            found,
            "TrainingJobName",
            "TrainingJobArn",
            "CreationTime",
            "TrainingStartTime",
            "TrainingEndTime",
            "TrainingJobStatus",
            "FailureReason",
        )
        told["TunedHyperParameters"] = trial["values"]
        if "definition" in trial:
            told["TrainingJobDefinitionName"] = trial["definition"]
        definition = next(
            each
            for each in self._definitions
            if each.get("DefinitionName") == trial.get("definition")
        )
        objective = self._objective(definition)
        metrics = {
            metric["MetricName"]: metric["Value"] for metric in found.get("FinalMetricDataList", [])
        }
        if found["TrainingJobStatus"] not in ENDED:
            told["ObjectiveStatus"] = "Pending"
        elif found["TrainingJobStatus"] != "Failed" and math.isfinite(
            metrics.get(objective["MetricName"], math.nan)
        ):
            told["ObjectiveStatus"] = "Succeeded"
            told["FinalHyperParameterTuningJobObjectiveMetric"] = {
                "Type": objective["Type"],
                "MetricName": objective["MetricName"],
                "Value": metrics[objective["MetricName"]],
            }
        else:
            told["ObjectiveStatus"] = "Failed"
        return told

    def _best(self, found: list[Record]) -> Record | None:
        """Return the best trial that completed, or was stopped by the search; the first of equals.

        One that a person stopped, or its limit, is not what was asked for.
        """
        early = {trial["name"] for trial in self._job["trials"] if trial.get("early")}
        scored = [
            summary
            for summary in found
            if summary["ObjectiveStatus"] == "Succeeded"
            and (summary["TrainingJobStatus"] == "Completed" or summary["TrainingJobName"] in early)
        ]
        return max(scored, key=_score, default=None)

    def _not_improving(self, found: list[Record]) -> int:
        """Return how many trials have ended since the best one did."""
        best = self._best(found)
        if best is None:
            return 0
        later = [one for one in found if one.get("TrainingEndTime")]
        return sum(one["TrainingEndTime"] > best["TrainingEndTime"] for one in later)

    def _running(self) -> list[Record]:
        return [one for one in self.summaries() if one["TrainingJobStatus"] not in ENDED]

    def _count(self, definition: Record) -> int:
        name = definition.get("DefinitionName")
        return sum(trial.get("definition") == name for trial in self._job["trials"])

    def _objective(self, definition: Record) -> Record:
        found: Record = (
            definition.get("TuningObjective") or self._config["HyperParameterTuningJobObjective"]
        )
        return found

    def _watch(self, arn: str, ended: "queue.SimpleQueue[None]") -> None:
        def wait() -> None:
            self._api.job_end(arn).wait()
            ended.put(None)

        self._api.cloud.spawn(wait, name=f"await {arn.rpartition('/')[2]}")

    def _stop_trial(self, name: str) -> None:
        try:
            self._api.cloud.call("sagemaker", "StopTrainingJob", {"TrainingJobName": name})
        except AwsError:
            return  # it has ended meanwhile


def _sign(objective: Record) -> float:
    return 1.0 if objective["Type"] == "Maximize" else -1.0


def _score(summary: Record) -> Any:
    metric = summary["FinalHyperParameterTuningJobObjectiveMetric"]
    return metric["Value"] if metric["Type"] == "Maximize" else -metric["Value"]
