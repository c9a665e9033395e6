"""Search over SageMaker's resources, and the property names that it takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from everloop_localcloud.kernel import wire
from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.sagemaker.experiments import Experiments
from everloop_localcloud.sagemaker.feature_groups import feature_metadata
from everloop_localcloud.sagemaker.listing import pages
from everloop_localcloud.sagemaker.part import Part, Records
from everloop_localcloud.sagemaker.search_expression import BadExpression, check, matches, ordered
from everloop_localcloud.sagemaker.tag_store import TagStore
from everloop_localcloud.sagemaker.trial_components import TrialComponents

Record = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    """A kind of resource: its member and shape in an answer, and how its records are read."""

    member: str
    shape: str
    of: str  # what its ARNs call the kind
    describe: str
    name: str
    arn: str


def _resource(kind: str, of: str, *, name: str | None = None, shape: str | None = None) -> Resource:
    return Resource(
        member=kind,
        shape=shape or kind,
        of=of,
        describe=f"Describe{kind}",
        name=name or f"{kind}Name",
        arn=f"{kind}Arn",
    )


_RESOURCES = {
    "TrainingJob": _resource("TrainingJob", "training-job"),
    "HyperParameterTuningJob": _resource(
        "HyperParameterTuningJob",
        "hyper-parameter-tuning-job",
        shape="HyperParameterTuningJobSearchEntity",
    ),
    "Experiment": _resource("Experiment", "experiment"),
    "ExperimentTrial": _resource("Trial", "experiment-trial"),
    "ExperimentTrialComponent": _resource("TrialComponent", "experiment-trial-component"),
    "Endpoint": _resource("Endpoint", "endpoint"),
    "Model": _resource("Model", "model", shape="ModelDashboardModel"),
    "ModelPackage": _resource("ModelPackage", "model-package"),
    "ModelPackageGroup": _resource("ModelPackageGroup", "model-package-group"),
    "Pipeline": _resource("Pipeline", "pipeline"),
    "PipelineExecution": _resource(
        "PipelineExecution", "pipeline-execution", name="PipelineExecutionArn"
    ),
    "FeatureGroup": _resource("FeatureGroup", "feature-group"),
    "FeatureMetadata": _resource("FeatureMetadata", "feature-group", name="FeatureGroupName"),
    "ModelCard": _resource("ModelCard", "model-card"),
}


class Search(Part):
    """Search and GetSearchSuggestions. `there` has all records, by what ARNs call their kind."""

    def __init__(
        self,
        cloud: Account,
        tags: TagStore,
        there: Mapping[str, Records],
        experiments: Experiments,
        components: TrialComponents,
    ) -> None:
        super().__init__(cloud)
        self._tags = tags
        self._there = there
        self._experiments = experiments
        self._components = components

    @operation
    def search(self, call: Call, request: Record) -> Record:
        resource = _known(request["Resource"])
        if request.get("CrossAccountFilterOption") == "CrossAccount":
            raise validation("the local cloud has one account: CrossAccount finds nothing in it")
        if "VisibilityConditions" in request:
            raise validation("the local cloud does not take VisibilityConditions")
        expression = request.get("SearchExpression")
        by = request.get("SortBy", "LastModifiedTime")
        try:
            if expression is not None:
                check(expression, lambda name: is_property(resource.shape, name))
            if not is_property(resource.shape, by) and "SortBy" in request:
                raise BadExpression(f"Unknown property name: {by}")
            found = [
                {"view": _view(record), "record": record}
                for record in self._records(request["Resource"], resource)
            ]
            if expression is not None:
                found = [each for each in found if matches(each["view"], expression)]
        except BadExpression as error:
            raise validation(str(error)) from error
        if by == "LastModifiedTime" and not any("LastModifiedTime" in e["view"] for e in found):
            by = "CreationTime"  # what a record has that is never modified
        descending = request.get("SortOrder", "Descending") == "Descending"
        found = ordered(found, f"view.{by}", descending=descending)
        answer = pages(found, request, "Results", lambda each: {resource.member: each["record"]})
        answer["TotalHits"] = {"Value": len(found), "Relation": "EqualTo"}
        return answer

    @operation
    def get_search_suggestions(self, call: Call, request: Record) -> Record:
        resource = _known(request["Resource"])
        query = request.get("SuggestionQuery", {}).get("PropertyNameQuery", {})
        hint = query.get("PropertyNameHint", "").lower()
        names = [name for name in _property_names(resource.shape) if hint in name.lower()]
        return {"PropertyNameSuggestions": [{"PropertyName": name} for name in names[:100]]}

    def _records(self, kind: str, resource: Resource) -> list[Record]:
        records = []
        for key, row in list(self._there[resource.of].items()):
            if kind == "FeatureMetadata":
                features = row["FeatureDefinitions"]
                records += [feature_metadata(row, feature) for feature in features]
                continue
            name = row.get(resource.arn, key) if kind == "ModelPackage" else row.get(resource.name)
            try:
                told = self.cloud.call("sagemaker", resource.describe, {resource.name: name or key})
            except AwsError:
                continue  # deleted since the table was read
            self._add(kind, told, row)
            tags = self._tags.of(told[resource.arn])
            if tags:
                told["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
            told = {"Model": told} if kind == "Model" else told
            records.append(_shaped(wire.service_model("sagemaker").shape_for(resource.shape), told))
        return records

    def _add(self, kind: str, told: Record, row: Record) -> None:
        """Add what a search tells of a record beyond its description."""
        if kind == "ExperimentTrialComponent":
            name = told["TrialComponentName"]
            trials = [self._experiments.trial(trial) for trial in self._experiments.trials_of(name)]
            told["Parents"] = [
                {"TrialName": trial["TrialName"], "ExperimentName": trial["ExperimentName"]}
                for trial in trials
            ]
            source = told.get("Source", {})
            detail = {"SourceArn": source.get("SourceArn")}
            for job in ("Training", "Processing", "Transform"):
                if source.get("SourceType") == f"SageMaker{job}Job":
                    request = {f"{job}JobName": source["SourceArn"].rpartition("/")[2]}
                    detail[f"{job}Job"] = self.cloud.call("sagemaker", f"Describe{job}Job", request)
            if source:
                told["SourceDetail"] = detail
        if kind == "ExperimentTrial":
            told["TrialComponentSummaries"] = [
                self._components.trial_component(name)
                for name in self._experiments.components_of(told["TrialName"])
            ]
        if kind == "PipelineExecution":
            told["PipelineParameters"] = [
                {"Name": name, "Value": str(value)} for name, value in row["parameters"].items()
            ]


def _known(kind: str) -> Resource:
    if kind not in _RESOURCES:
        raise validation(
            f"the local cloud does not search Resource {kind}; it does {', '.join(_RESOURCES)}"
        )
    return _RESOURCES[kind]


def is_property(shape: str, path: str) -> bool:
    """Tell whether a dotted path, in any case of letters, names a property of a shape."""
    head = path.partition(".")[0].lower()
    if (
        head in ("metrics", "tags") and shape in ("TrainingJob", "TrialComponent")
    ) or head == "tags":
        return True
    found: Any = wire.service_model("sagemaker").shape_for(shape)
    for part in path.split("."):
        while found.type_name == "list":
            found = found.member
        if found.type_name == "map":
            return True  # keys are what users name them
        if found.type_name != "structure":
            return False
        members = {name.lower(): member for name, member in found.members.items()}
        if part.lower() not in members:
            return False
        found = members[part.lower()]
    return True


def _property_names(shape: str) -> list[str]:
    names: list[str] = []
    found: Any = wire.service_model("sagemaker").shape_for(shape)
    for name, member in found.members.items():
        if member.type_name == "structure":
            names += [f"{name}.{inner}" for inner in member.members]
        else:
            names.append(name)
    return sorted(names)


def _view(record: Record) -> Record:
    """Return a record as filters see it: tags, metrics and parameters by their names."""
    view = dict(record)
    if "Tags" in record:
        view["Tags"] = {tag["Key"]: tag["Value"] for tag in record["Tags"]}
    if "FinalMetricDataList" in record:
        finals = record["FinalMetricDataList"]
        view["Metrics"] = {metric["MetricName"]: metric["Value"] for metric in finals}
    elif "Metrics" in record:
        view["Metrics"] = {}
        for metric in record["Metrics"]:  # "loss" is its last value, "loss.max" the largest
            name = metric["MetricName"]
            view["Metrics"] |= {f"{name}.{key}": value for key, value in metric.items()}
            view["Metrics"][name] = metric["Last"]
    if "Parameters" in record and isinstance(record["Parameters"], dict):
        view["Parameters"] = {
            name: value.get("NumberValue", value.get("StringValue"))
            for name, value in record["Parameters"].items()
        }
    return view


def _shaped(shape: Any, value: Any) -> Any:
    """Leave out what a shape has no member for."""
    if value is None:
        return None
    if shape.type_name == "structure":
        return {
            name: _shaped(shape.members[name], item)
            for name, item in value.items()
            if name in shape.members and item is not None
        }
    if shape.type_name == "list":
        return [_shaped(shape.member, item) for item in value]
    if shape.type_name == "map":
        return {key: _shaped(shape.value, item) for key, item in value.items()}
    return value
