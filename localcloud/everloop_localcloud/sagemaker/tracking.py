"""What AWS notes by itself: trial components of jobs, and lineage from data set to endpoint.

It follows SageMaker's own events and reads the truth from the API, so that nothing that runs jobs,
registers packages or serves models has to know of it.
"""

import json
import logging
import re
from datetime import datetime
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sagemaker.experiments import Experiments
from everloop_localcloud.sagemaker.lineage_entities import Associations, LineageEntities
from everloop_localcloud.sagemaker.part import Part
from everloop_localcloud.sagemaker.preferences import runs_on
from everloop_localcloud.sagemaker.trial_components import TrialComponents

Record = dict[str, Any]
log = logging.getLogger(__name__)

_ENDED = ("Completed", "Failed", "Stopped")
_KINDS = {"Training": "training", "Processing": "processing", "Transform": "transform"}


class Tracking(Part):
    """Keeps trial components and lineage of what happens."""

    def __init__(
        self,
        cloud: Account,
        experiments: Experiments,
        components: TrialComponents,
        entities: LineageEntities,
        associations: Associations,
    ) -> None:
        super().__init__(cloud)
        self._experiments = experiments
        self._components = components
        self._entities = entities
        self._associations = associations

    def start(self) -> None:
        self.cloud.on_event(self._track)

    def check_experiment(self, request: Record) -> None:
        """Raise AwsError where a job's ExperimentConfig names what is not there."""
        config = request.get("ExperimentConfig", {})
        if config.get("ExperimentName"):
            self._experiments.experiment(config["ExperimentName"])
        if config.get("TrialName"):
            self._experiments.trial(config["TrialName"])

    def _track(self, event: Record) -> None:
        if event["source"] != "aws.sagemaker":
            return
        detail, kind = event["detail"], event["detail-type"]
        try:
            for job in _KINDS:
                if kind == f"SageMaker {job} Job State Change":
                    self._track_job(job, detail[f"{job}JobName"])
            if kind == "SageMaker Model Package State Change":
                self._track_package(detail)
            if kind == "SageMaker Endpoint State Change" and detail["EndpointStatus"] in (
                "IN_SERVICE",
                "InService",
            ):
                self._track_endpoint(detail["EndpointName"])
        except AwsError as error:
            # What the event told of is gone again, such as a model deleted after its deployment.
            log.info("%s left no lineage: %s", kind, error)
        except Exception:
            log.exception("%s was not tracked", kind)  # who emitted the event goes on

    def _track_job(self, kind: str, name: str) -> None:
        job = self._read("sagemaker", f"Describe{kind}Job", {f"{kind}JobName": name})
        changed = job.get("LastModifiedTime") or self.cloud.clock.now()  # transform jobs have none
        call = self._as(job.get("RoleArn"), changed)
        arn, status = job[f"{kind}JobArn"], job[f"{kind}JobStatus"]
        component_name = f"{name}-aws-{_KINDS[kind]}-job"
        inputs, outputs = _inputs(kind, job), _outputs(kind, job)
        config = job.get("ExperimentConfig", {})
        known = self._components.known(component_name)
        component = {
            "TrialComponentName": component_name,
            "TrialComponentArn": self.cloud.arn(
                "sagemaker", f"experiment-trial-component/{component_name}"
            ),
            "DisplayName": config.get("TrialComponentDisplayName", component_name),
            "CreationTime": job["CreationTime"],
            "CreatedBy": {"IamIdentity": {"Arn": call.principal}},
            **(known or {}),
            "Source": {"SourceArn": arn, "SourceType": f"SageMaker{kind}Job"},
            "Status": {"PrimaryStatus": status, "Message": _message(job, status)},
            "StartTime": job.get(f"{kind}StartTime", job["CreationTime"]),
            "LastModifiedTime": changed,
            "LastModifiedBy": {"IamIdentity": {"Arn": call.principal}},
            "Parameters": _parameters(job),
            "InputArtifacts": {
                key: {"Value": uri, **({"MediaType": media} if media else {})}
                for key, (uri, _, media) in inputs.items()
            },
        }
        if status in _ENDED:
            component["EndTime"] = job.get(f"{kind}EndTime", changed)
        if status == "Completed":
            component["OutputArtifacts"] = {
                key: {"Value": uri} for key, (uri, _) in outputs.items()
            }
        self._components.keep_component(component)
        if known is None:
            self._join_trial(call, name, component, config)
            for uri, artifact, _ in inputs.values():
                source = self._entities.ensure_artifact(call, uri, artifact)
                self._associations.add(
                    call, source, component["TrialComponentArn"], "ContributedTo"
                )
        if status == "Completed":
            for uri, artifact in outputs.values():
                target = self._entities.ensure_artifact(call, uri, artifact)
                self._associations.add(call, component["TrialComponentArn"], target, "Produced")
        if (
            status in _ENDED
            and kind == "Training"
            and not self._components.metric_points(component_name)
        ):
            points = self._logged_metrics(job)
            if points:
                self._components.keep_metrics(component_name, points)

    def _join_trial(self, call: Call, job: str, component: Record, config: Record) -> None:
        experiment = config.get("ExperimentName")
        trial = config.get("TrialName")
        if experiment and not trial:
            trial = f"{job}-aws-trial"
            self._experiments.ensure_trial(call, experiment, trial, None)
        if trial:
            self._experiments.link(trial, component["TrialComponentName"])

    def _logged_metrics(self, job: Record) -> list[Record]:
        definitions = job["AlgorithmSpecification"].get("MetricDefinitions", [])
        if not definitions or "logs" not in self.cloud.apis:
            return []
        wanted = {
            "logGroupName": "/aws/sagemaker/TrainingJobs",
            "logStreamNamePrefix": f"{job['TrainingJobName']}/",
        }
        points = []
        while True:
            found = self._read("logs", "FilterLogEvents", wanted)
            for event in found["events"]:
                for definition in definitions:
                    for value in re.findall(definition["Regex"], event["message"]):
                        text = value[0] if isinstance(value, tuple) else value
                        points.append(
                            {
                                "MetricName": definition["Name"],
                                "Value": float(text),
                                "Timestamp": datetime.fromtimestamp(
                                    event["timestamp"] / 1000, job["CreationTime"].tzinfo
                                ),
                            }
                        )
            if not found.get("nextToken"):
                return points
            wanted["nextToken"] = found["nextToken"]

    def _track_package(self, detail: Record) -> None:
        if "ModelPackageGroupName" not in detail:
            return
        changed = detail.get("UpdatedModelPackageFields")
        if changed is not None and "ModelApprovalStatus" not in changed:
            return
        wanted = {"ModelPackageName": detail["ModelPackageArn"]}
        package = self._read("sagemaker", "DescribeModelPackage", wanted)
        group = self._read(
            "sagemaker",
            "DescribeModelPackageGroup",
            {"ModelPackageGroupName": package["ModelPackageGroupName"]},
        )
        arn, status = package["ModelPackageArn"], package["ModelApprovalStatus"]
        by = package["LastModifiedBy"]["IamIdentity"]["Arn"]
        call = self._as(by, package["LastModifiedTime"])
        artifact = self._entities.ensure_artifact(call, arn, "Model")
        name = group["ModelPackageGroupName"]
        context = self._named_of(
            call,
            "Context",
            f"{name}-{_epoch(group)}-aws-model-group",
            "ModelGroup",
            group["ModelPackageGroupArn"],
        )
        self._associations.add(call, artifact, context, "AssociatedWith")
        version = package["ModelPackageVersion"]
        stamp = int(package["LastModifiedTime"].timestamp())
        action = self._named_of(
            call, "Action", f"{name}-{version}-{status}-{stamp}-aws-model-package", "Approval", arn
        )
        self._associations.add(call, action, artifact, "ContributedTo")
        for container in package.get("InferenceSpecification", {}).get("Containers", []):
            for uri, kind in _container(container):
                source = self._entities.ensure_artifact(call, uri, kind)
                self._associations.add(call, source, artifact, "ContributedTo")

    def _track_endpoint(self, name: str) -> None:
        endpoint = self._read("sagemaker", "DescribeEndpoint", {"EndpointName": name})
        wanted = {"EndpointConfigName": endpoint["EndpointConfigName"]}
        config = self._read("sagemaker", "DescribeEndpointConfig", wanted)
        call = self._as(None, endpoint["LastModifiedTime"])
        context = self._named_of(
            call,
            "Context",
            f"{name}-{_epoch(endpoint)}-aws-endpoint",
            "Endpoint",
            endpoint["EndpointArn"],
        )
        # One action per deployed config: scaling, which tells of the endpoint too, deploys nothing.
        action = self._named_of(
            call,
            "Action",
            f"{name}-{_epoch(config)}-aws-endpoint",
            "ModelDeployment",
            endpoint["EndpointArn"],
        )
        self._associations.add(call, action, context, "AssociatedWith")
        for variant in config["ProductionVariants"]:
            wanted = {"ModelName": variant["ModelName"]}
            model = self._read("sagemaker", "DescribeModel", wanted)
            sources = [(model["ModelArn"], "Model")]
            for container in model.get("Containers") or [model["PrimaryContainer"]]:
                sources += _container(container)
            for uri, kind in sources:
                source = self._entities.ensure_artifact(call, uri, kind)
                self._associations.add(call, source, action, "ContributedTo")

    def _named_of(self, call: Call, kind: str, name: str, type_: str, uri: str) -> str:
        members = {f"{kind}Type": type_, "Source": {"SourceUri": uri, "SourceType": "ARN"}}
        if kind == "Action":
            members["Status"] = "Completed"
        return self._entities.ensure_named(call, kind, name, members)

    def _read(self, service: str, operation: str, request: Record) -> Record:
        return self.cloud.call(service, operation, request)

    def _as(self, principal: str | None, time: datetime) -> Call:
        root = f"arn:aws:iam::{self.cloud.account}:root"
        return Call(self.cloud.account, self.cloud.region, principal or root, time)


def _inputs(kind: str, job: Record) -> dict[str, tuple[str, str, str | None]]:
    """Return what a job takes, by name: address, type of artifact, media type."""
    found: dict[str, tuple[str, str, str | None]] = {}
    if kind == "Training":
        image = job["AlgorithmSpecification"].get("TrainingImage")
        for channel in job.get("InputDataConfig", []):
            uri = channel["DataSource"].get("S3DataSource", {}).get("S3Uri")
            if uri:
                found[channel["ChannelName"]] = (uri, "DataSet", channel.get("ContentType"))
    elif kind == "Processing":
        image = job["AppSpecification"]["ImageUri"]
        for given in job.get("ProcessingInputs", []):
            uri = given.get("S3Input", {}).get("S3Uri")
            if uri:
                found[given["InputName"]] = (uri, "DataSet", None)
    else:
        image = None
        source = job["TransformInput"]
        uri = source["DataSource"]["S3DataSource"]["S3Uri"]
        found["SageMaker.TransformInput"] = (uri, "DataSet", source.get("ContentType"))
    if image:
        found["SageMaker.ImageUri"] = (image, "Image", None)
    return found


def _outputs(kind: str, job: Record) -> dict[str, tuple[str, str]]:
    if kind == "Training":
        uri = job.get("ModelArtifacts", {}).get("S3ModelArtifacts")
        return {"SageMaker.ModelArtifact": (uri, "Model")} if uri else {}
    if kind == "Processing":
        outputs = job.get("ProcessingOutputConfig", {}).get("Outputs", [])
        return {
            output["OutputName"]: (output["S3Output"]["S3Uri"], "DataSet")
            for output in outputs
            if "S3Output" in output
        }
    return {"SageMaker.TransformOutput": (job["TransformOutput"]["S3OutputPath"], "DataSet")}


def _container(container: Record) -> list[tuple[str, str]]:
    data = container.get("ModelDataUrl") or (
        container.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri")
    )
    found = [
        (container.get("Image"), "Image"),
        (data, "Model"),
        (container.get("ModelPackageName"), "Model"),
    ]
    return [(uri, kind) for uri, kind in found if uri]


def _parameters(job: Record) -> Record:
    found: Record = {}
    for name, text in job.get("HyperParameters", {}).items():
        found[name] = _parameter(text)
    cluster = (
        job.get("ResourceConfig")
        or job.get("ProcessingResources", {}).get("ClusterConfig")
        or job.get("TransformResources", {})
    )
    cluster = {**cluster, "InstanceType": runs_on(cluster)} if runs_on(cluster) else cluster
    for name in ("InstanceType", "InstanceCount", "VolumeSizeInGB"):
        if name in cluster:
            found[f"SageMaker.{name}"] = _parameter(str(cluster[name]))
    return dict(list(found.items())[:300])


def _parameter(text: str) -> Record:
    """Return a parameter: as a number where it is one; SDKs send texts as JSON, quotes and all."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"NumberValue": float(value)}
    return {"StringValue": (value if isinstance(value, str) else text)[:2500]}


def _message(job: Record, status: str) -> str:
    secondary = job.get("SecondaryStatus", status)
    reason = job.get("FailureReason", "")
    return f"Status: {status}, secondary status: {secondary}, failure reason: {reason}."[:1024]


def _epoch(row: Record) -> int:
    return int(row["CreationTime"].timestamp())
