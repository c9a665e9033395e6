"""Trial components: what one run, or one job, took, did and gave, with its metrics."""

import math
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import validation
from everloop_localcloud.sagemaker.experiments import (
    Experiments,
    changed,
    found_record,
    made,
    taken,
)
from everloop_localcloud.sagemaker.listing import page, pick
from everloop_localcloud.sagemaker.part import Part, Records

Record = dict[str, Any]
_MAPS = {"Parameters": 300, "InputArtifacts": 60, "OutputArtifacts": 60}
_REMOVALS = {
    "Parameters": "ParametersToRemove",
    "InputArtifacts": "InputArtifactsToRemove",
    "OutputArtifacts": "OutputArtifactsToRemove",
}
_PLAIN = ("DisplayName", "Status", "StartTime", "EndTime")


class TrialComponents(Part):
    """Operations on trial components."""

    def __init__(self, cloud: Account, experiments: Experiments) -> None:
        super().__init__(cloud)
        self._experiments = experiments
        self._components = cloud.store.table("sagemaker.trial-components")

    def records(self) -> dict[str, Records]:
        return {"experiment-trial-component": self._components}

    def _metric_rows(self, component: str) -> Any:
        """Return what BatchPutMetrics put for a component, one row per call."""
        return self.cloud.store.table(f"sagemaker.trial-metrics/{component}")

    @operation
    def create_trial_component(self, call: Call, request: Record) -> Record:
        name = request["TrialComponentName"]
        arn = self.cloud.arn("sagemaker", f"experiment-trial-component/{name}")
        with self._experiments.lock:
            if name in self._components:
                raise taken("Trial Component", name)
            component = {
                "TrialComponentName": name,
                "TrialComponentArn": arn,
                "DisplayName": name,
                **pick(request, *_PLAIN, *_MAPS, "MetadataProperties"),
                **made(call),
            }
            _check_maps(component)
            self._components[name] = component
        return {"TrialComponentArn": arn}

    @operation
    def describe_trial_component(self, call: Call, request: Record) -> Record:
        component = self.trial_component(request["TrialComponentName"])
        return {**component, "Metrics": self.metric_summaries(component)}

    @operation
    def update_trial_component(self, call: Call, request: Record) -> Record:
        with self._experiments.lock:
            component = self.trial_component(request["TrialComponentName"])
            component |= {**pick(request, *_PLAIN), **changed(call)}
            for member in _MAPS:
                merged = {**component.get(member, {}), **request.get(member, {})}
                for key in request.get(_REMOVALS[member], []):
                    merged.pop(key, None)
                component[member] = merged
            _check_maps(component)
            self._components[component["TrialComponentName"]] = component
        return {"TrialComponentArn": component["TrialComponentArn"]}

    @operation
    def delete_trial_component(self, call: Call, request: Record) -> Record:
        with self._experiments.lock:
            component = self.trial_component(request["TrialComponentName"])
            name = component["TrialComponentName"]
            trials = self._experiments.trials_of(name)
            if trials:
                raise validation(
                    f"Trial Component {name} is associated with trial {trials[0]};"
                    " disassociate it first"
                )
            rows = self._metric_rows(name)
            for key in list(rows):
                del rows[key]
            del self._components[name]
        return {"TrialComponentArn": component["TrialComponentArn"]}

    @operation
    def list_trial_components(self, call: Call, request: Record) -> Record:
        found = list(self._components.values())
        if "TrialName" in request and "ExperimentName" in request:
            raise validation("give one of TrialName and ExperimentName")
        if "SourceArn" in request:
            wanted = request["SourceArn"]
            found = [c for c in found if c.get("Source", {}).get("SourceArn") == wanted]
        inside = None
        if "TrialName" in request:
            inside = set(
                self._experiments.components_of(
                    self._experiments.trial(request["TrialName"])["TrialName"]
                )
            )
        if "ExperimentName" in request:
            name = self._experiments.experiment(request["ExperimentName"])["ExperimentName"]
            inside = self._experiments.components_within(name)
        if inside is not None:
            found = [c for c in found if c["TrialComponentName"] in inside]

        def summary(component: Record) -> Record:
            told = pick(
                component,
                "TrialComponentName",
                "TrialComponentArn",
                *_PLAIN,
                "CreationTime",
                "CreatedBy",
                "LastModifiedTime",
                "LastModifiedBy",
            )
            if "Source" in component:
                told["TrialComponentSource"] = component["Source"]
            return told

        return page(
            found,
            request,
            member="TrialComponentSummaries",
            name="TrialComponentName",
            summary=summary,
        )

    @operation
    def associate_trial_component(self, call: Call, request: Record) -> Record:
        component = self.trial_component(request["TrialComponentName"])
        trial = self._experiments.trial(request["TrialName"])
        self._experiments.link(trial["TrialName"], component["TrialComponentName"])
        return pick({**component, **trial}, "TrialComponentArn", "TrialArn")

    @operation
    def disassociate_trial_component(self, call: Call, request: Record) -> Record:
        component = self.trial_component(request["TrialComponentName"])
        trial = self._experiments.trial(request["TrialName"])
        self._experiments.unlink(trial["TrialName"], component["TrialComponentName"])
        return pick({**component, **trial}, "TrialComponentArn", "TrialArn")

    def known(self, name: str) -> Record | None:
        """Return the record of a component; None where there is none."""
        found: Record | None = self._components.get(name)
        return found

    def trial_component(self, name: str) -> Record:
        """Return a copy of a component's record. Raises AwsError ResourceNotFound."""
        return found_record(
            self.cloud, self._components, "Trial Component", "experiment-trial-component", name
        )

    def keep_component(self, component: Record) -> None:
        """Write a component that the cloud itself keeps, such as a job's."""
        self._components[component["TrialComponentName"]] = component

    def keep_metrics(self, component: str, points: list[Record]) -> None:
        """Add points: MetricName, Value, Timestamp and, if any, Step."""
        rows = self._metric_rows(component)
        with self._experiments.lock:
            rows[f"{len(rows):012}"] = {"points": points}

    def metric_points(self, component: str, metric: str | None = None) -> list[Record]:
        """Return the points of a component, in the order in which they were put."""
        rows = self._metric_rows(component)
        found = [point for key in sorted(rows) for point in rows[key]["points"]]
        return [p for p in found if metric is None or p["MetricName"] == metric]

    def metric_summaries(self, component: Record) -> list[Record]:
        """Return the metrics of a component as DescribeTrialComponent tells them."""
        points = self.metric_points(component["TrialComponentName"])
        arn = component.get("Source", {}).get("SourceArn", component["TrialComponentArn"])
        summaries = []
        for metric in dict.fromkeys(point["MetricName"] for point in points):
            own = [point for point in points if point["MetricName"] == metric]
            last = latest(own)
            summaries.append(
                {
                    "MetricName": metric,
                    "SourceArn": arn,
                    "TimeStamp": last["Timestamp"],
                    "Last": last["Value"],
                    **statistics([point["Value"] for point in own]),
                }
            )
        return summaries


def latest(points: list[Record]) -> Record:
    """Return the last point; of those of one moment, the one that was put last."""
    return sorted(points, key=lambda point: (point["Timestamp"], point.get("Step", 0)))[-1]


def statistics(values: list[float]) -> Record:
    """Return count, extremes, mean and population standard deviation of at least one value."""
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    return {
        "Count": len(values),
        "Min": min(values),
        "Max": max(values),
        "Avg": mean,
        "StdDev": deviation,
    }


def _check_maps(component: Record) -> None:
    for member, most in _MAPS.items():
        count = len(component.get(member, {}))
        if count > most:
            raise validation(f"{member} has {count} entries; at most {most} are kept")
    for name, value in component.get("Parameters", {}).items():
        if len(value) != 1:
            raise validation(f"parameter {name} needs one of StringValue and NumberValue")
