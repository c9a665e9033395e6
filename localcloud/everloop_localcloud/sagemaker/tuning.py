"""Hyperparameter tuning jobs, as the API tells them; `trials` runs their searches."""

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.clock import Signal
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.sagemaker import training_metrics, tuning_warm_start
from everloop_localcloud.sagemaker.jobs import ENDED, Jobs, Record
from everloop_localcloud.sagemaker.listing import page, pages, pick
from everloop_localcloud.sagemaker.models import refuse
from everloop_localcloud.sagemaker.part import Part, Records
from everloop_localcloud.sagemaker.processing import milliseconds
from everloop_localcloud.sagemaker.tag_store import TagStore
from everloop_localcloud.sagemaker.trials import (
    TrainingJobs,
    Trials,
    definitions,
    ranges,
    training_request,
)
from everloop_localcloud.sagemaker.tuning_ranges import Choice, Space, read_space
from everloop_localcloud.sagemaker.tuning_stopping import read_rule

_EVENT = "SageMaker HyperParameter Tuning Job State Change"
_HIDDEN = ("trials", "why", "known", "overall")
_STRATEGIES = ("Bayesian", "Random", "Grid", "Hyperband")


class Tuning(Part):
    """Operations on hyperparameter tuning jobs."""

    def __init__(self, cloud: Account, tags: TagStore, jobs: Jobs, training: TrainingJobs) -> None:
        super().__init__(cloud)
        self.training = training
        self._tags = tags
        self._jobs = jobs
        self._tuning = cloud.store.table("sagemaker.tuning-jobs")

    def records(self) -> dict[str, Records]:
        return {"hyper-parameter-tuning-job": self._tuning}

    def start(self) -> None:
        """Go on with the searches that ran when the cloud last ended."""
        for name, job in self._tuning.items():
            if job["HyperParameterTuningJobStatus"] not in ENDED:
                self.cloud.spawn(Trials(self, job).run, name=f"tuning {name}")

    @operation
    def create_hyper_parameter_tuning_job(self, call: Call, request: Record) -> Record:
        name = request["HyperParameterTuningJobName"]
        if name in self._tuning:
            raise AwsError(
                "ResourceInUse",
                "Hyperparameter tuning job names must be unique within an AWS account and region, "
                f"and a hyperparameter tuning job with name {name} already exists",
            )
        self._check_tuning(request)
        arn = self.cloud.arn("sagemaker", f"hyper-parameter-tuning-job/{name}")
        self._tuning[name] = {
            **{key: value for key, value in request.items() if key != "Tags"},
            "HyperParameterTuningJobArn": arn,
            "HyperParameterTuningJobStatus": "InProgress",
            "CreationTime": call.time,
            "LastModifiedTime": call.time,
            "trials": [],
            **self._taken_over(request),
        }
        job = self._tuning[name]
        self.announce_tuning(job)
        self.cloud.spawn(Trials(self, job).run, name=f"tuning {name}")
        return {"HyperParameterTuningJobArn": arn}

    @operation
    def describe_hyper_parameter_tuning_job(self, call: Call, request: Record) -> Record:
        return self._described(self._tuning_job(request["HyperParameterTuningJobName"]))

    @operation
    def list_hyper_parameter_tuning_jobs(self, call: Call, request: Record) -> Record:
        def summary(job: Record) -> Record:
            told = pick(
                self._described(job),
                "HyperParameterTuningJobName",
                "HyperParameterTuningJobArn",
                "HyperParameterTuningJobStatus",
                "CreationTime",
                "HyperParameterTuningEndTime",
                "LastModifiedTime",
                "TrainingJobStatusCounters",
                "ObjectiveStatusCounters",
            )
            config = job["HyperParameterTuningJobConfig"]
            return {**told, **pick(config, "Strategy", "ResourceLimits")}

        return page(
            self._tuning.values(),
            request,
            member="HyperParameterTuningJobSummaries",
            status="HyperParameterTuningJobStatus",
            name="HyperParameterTuningJobName",
            summary=summary,
        )

    @operation
    def list_training_jobs_for_hyper_parameter_tuning_job(
        self, call: Call, request: Record
    ) -> Record:
        job = self._tuning_job(request["HyperParameterTuningJobName"])
        found = Trials(self, job).summaries()
        if "StatusEquals" in request:
            found = [one for one in found if one["TrainingJobStatus"] == request["StatusEquals"]]
        by = request.get("SortBy", "Name")
        if by == "FinalObjectiveMetricValue":
            found = [one for one in found if one["ObjectiveStatus"] == "Succeeded"]
        keys = {
            "Name": lambda one: one["TrainingJobName"],
            "CreationTime": lambda one: one["CreationTime"],
            "Status": lambda one: one["TrainingJobStatus"],
            "FinalObjectiveMetricValue": lambda one: one[
                "FinalHyperParameterTuningJobObjectiveMetric"
            ]["Value"],
        }
        found.sort(key=keys[by], reverse=request.get("SortOrder", "Ascending") == "Descending")
        return pages(found, request, "TrainingJobSummaries", lambda summary: summary)

    @operation
    def stop_hyper_parameter_tuning_job(self, call: Call, request: Record) -> None:
        job = self._tuning_job(request["HyperParameterTuningJobName"])
        status = job["HyperParameterTuningJobStatus"]
        if status != "InProgress":
            raise validation(
                f"The request was rejected because the hyperparameter tuning job is in status"
                f" {status}."
            )
        Trials(self, job).stop("Stopped")

    @operation
    def delete_hyper_parameter_tuning_job(self, call: Call, request: Record) -> None:
        job = self._tuning_job(request["HyperParameterTuningJobName"])
        status = job["HyperParameterTuningJobStatus"]
        if status not in ENDED:
            raise validation(f"The hyperparameter tuning job is in status {status}: stop it first")
        del self._tuning[job["HyperParameterTuningJobName"]]
        self._tags.drop(job["HyperParameterTuningJobArn"])

    def job_end(self, arn: str) -> Signal:
        """Return the signal that is set once a training job has ended."""
        return self._jobs.job_end(arn)

    def save_tuning(self, job: Record) -> None:
        job["LastModifiedTime"] = self.cloud.clock.now()
        self._tuning.save(job["HyperParameterTuningJobName"])

    def end_tuning(self, job: Record) -> None:
        """Tell those who wait that the search has ended."""
        self.save_tuning(job)
        self.announce_tuning(job)
        self._jobs.running.end(job["HyperParameterTuningJobArn"])

    def announce_tuning(self, job: Record) -> None:
        detail = {key: milliseconds(value) for key, value in self._described(job).items()}
        if "BestTrainingJob" in detail:
            best = detail["BestTrainingJob"]
            detail["BestTrainingJob"] = {key: milliseconds(best[key]) for key in best}
        self.cloud.emit("aws.sagemaker", _EVENT, detail, [job["HyperParameterTuningJobArn"]])

    def _described(self, job: Record) -> Record:
        told = {key: value for key, value in job.items() if key not in _HIDDEN}
        return {**told, **Trials(self, job).counted()}

    def _tuning_job(self, name: str) -> Record:
        found: Record | None = self._tuning.get(name)
        if found is None:
            raise AwsError("ResourceNotFound", f"Hyperparameter tuning job {name} does not exist.")
        return found

    def _parents(self, request: Record) -> list[Record]:
        return [
            self._tuning_job(each["HyperParameterTuningJobName"])
            for each in request["WarmStartConfig"]["ParentHyperParameterTuningJobs"]
        ]

    def _taken_over(self, request: Record) -> Record:
        """Return what a tuning job knows of its parents; it may outlive them."""
        if "WarmStartConfig" not in request:
            return {}
        known: list[Record] = []
        best: list[Record] = []
        for parent in self._parents(request):
            trials = Trials(self, parent)
            known += tuning_warm_start.taken_over(trials.summaries(), parent)
            told = trials.counted()
            if "BestTrainingJob" in told:
                own = {"TuningJobName": parent["HyperParameterTuningJobName"]}
                one = {**told["BestTrainingJob"], **own}
                best.append(told.get("OverallBestTrainingJob") or one)
        same = request["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm"
        return {"known": known, **({"overall": best} if same else {})}

    def _check_tuning(self, request: Record) -> None:
        refuse(request, ("Autotune",), "of a hyperparameter tuning job")
        config = request["HyperParameterTuningJobConfig"]
        strategy = config["Strategy"]
        if strategy not in _STRATEGIES:
            raise validation(f"the local cloud does not take Strategy {strategy} of a tuning job")
        criteria = config.get("TuningJobCompletionCriteria") or {}
        if (criteria.get("ConvergenceDetected") or {}).get("CompleteOnConvergence") == "Enabled":
            raise validation("the local cloud does not take ConvergenceDetected of a tuning job")
        both = "TrainingJobDefinition" in request and "TrainingJobDefinitions" in request
        found = definitions(request)
        if both or not found:
            raise validation("give either TrainingJobDefinition or TrainingJobDefinitions")
        names = [definition.get("DefinitionName") for definition in found]
        if len(found) > 1 and (None in names or len(set(names)) < len(names)):
            raise validation("each of TrainingJobDefinitions needs a DefinitionName of its own")
        for definition in found:
            self._check_definition(config, definition)
        if "WarmStartConfig" in request:
            if "TrainingJobDefinitions" in request:
                raise validation("WarmStartConfig goes with TrainingJobDefinition only")
            tuning_warm_start.check(request, found[0], self._parents(request))
        limits = config["ResourceLimits"]
        if "MaxNumberOfTrainingJobs" not in limits and strategy != "Grid":
            raise validation("ResourceLimits lacks MaxNumberOfTrainingJobs")
        if (
            limits.get("MaxNumberOfTrainingJobs", limits["MaxParallelTrainingJobs"])
            < (limits["MaxParallelTrainingJobs"])
        ):
            raise validation("MaxParallelTrainingJobs is above MaxNumberOfTrainingJobs")

    def _check_definition(self, config: Record, definition: Record) -> None:
        refuse(
            definition,
            ("HyperParameterTuningResourceConfig", "RetryStrategy"),
            "of a training job definition",
        )
        algorithm = definition["AlgorithmSpecification"]
        if "AlgorithmName" in algorithm:
            raise validation("the local cloud has no marketplace algorithms: give TrainingImage")
        objective = definition.get(
            "TuningObjective", config.get("HyperParameterTuningJobObjective")
        )
        metrics = [metric["Name"] for metric in training_metrics.definitions(definition)]
        if objective is None or objective["MetricName"] not in metrics:
            raise validation(
                "A metric is required for this hyperparameter tuning job objective. Provide a"
                f" metric in the metric definitions. (objective: "
                f"{objective and objective['MetricName']}, metric definitions: {metrics})"
            )
        space = read_space(ranges(config, definition))
        both = {each.name for each in space.parameters} & set(
            definition.get("StaticHyperParameters", {})
        )
        if both:
            raise validation(f"Hyperparameter {min(both)} is both static and tuned")
        read_rule(config, definition.get("StaticHyperParameters", {}))
        if config["Strategy"] == "Grid":
            _check_grid(space, config["ResourceLimits"])
        if "ResourceConfig" not in definition:
            raise validation("the training job definition lacks ResourceConfig")
        self.training.check_training(training_request("tuning", definition, {}))


def _check_grid(space: Space, limits: Record) -> None:
    for parameter in space.parameters:
        if not isinstance(parameter, Choice):
            raise validation(
                f"Grid search takes categorical hyperparameters only, {parameter.name} is a range"
            )
    count = sum(1 for _ in space.grid())
    if limits.get("MaxNumberOfTrainingJobs", count) != count:
        raise validation(
            f"The grid has {count} combinations, MaxNumberOfTrainingJobs is"
            f" {limits['MaxNumberOfTrainingJobs']}: leave it out, or make it {count}"
        )
