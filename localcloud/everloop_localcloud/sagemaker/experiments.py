"""Experiments and trials: what groups the records of training."""

import threading
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.sagemaker.jobs import created_by
from everloop_localcloud.sagemaker.listing import page, pick
from everloop_localcloud.sagemaker.part import Part, Records

Record = dict[str, Any]


class Experiments(Part):
    """Operations on experiments and trials. `lock` is held while records are made of others."""

    def __init__(self, cloud: Account) -> None:
        super().__init__(cloud)
        self.lock = threading.RLock()
        self._experiments = cloud.store.table("sagemaker.experiments")
        self._trials = cloud.store.table("sagemaker.trials")
        # Which trial components are in which trials, by `<trial>/<component>`.
        self._links = cloud.store.table("sagemaker.trial-links")

    def records(self) -> dict[str, Records]:
        return {"experiment": self._experiments, "experiment-trial": self._trials}

    @operation
    def create_experiment(self, call: Call, request: Record) -> Record:
        name = request["ExperimentName"]
        arn = self.cloud.arn("sagemaker", f"experiment/{name}")
        with self.lock:
            if name in self._experiments:
                raise taken("Experiment", name)
            self._experiments[name] = {
                "ExperimentName": name,
                "ExperimentArn": arn,
                "DisplayName": request.get("DisplayName", name),
                **pick(request, "Description"),
                **made(call),
            }
        return {"ExperimentArn": arn}

    @operation
    def describe_experiment(self, call: Call, request: Record) -> Record:
        return self.experiment(request["ExperimentName"])

    @operation
    def update_experiment(self, call: Call, request: Record) -> Record:
        with self.lock:
            experiment = self.experiment(request["ExperimentName"])
            experiment |= {**pick(request, "DisplayName", "Description"), **changed(call)}
            self._experiments[experiment["ExperimentName"]] = experiment
        return {"ExperimentArn": experiment["ExperimentArn"]}

    @operation
    def delete_experiment(self, call: Call, request: Record) -> Record:
        with self.lock:
            experiment = self.experiment(request["ExperimentName"])
            name = experiment["ExperimentName"]
            inside = [t["TrialName"] for t in self._trials.values() if t["ExperimentName"] == name]
            if inside:
                raise validation(
                    f"Experiment {name} has {len(inside)} trials, such as {inside[0]};"
                    " delete them first"
                )
            del self._experiments[name]
        return {"ExperimentArn": experiment["ExperimentArn"]}

    @operation
    def list_experiments(self, call: Call, request: Record) -> Record:
        def summary(experiment: Record) -> Record:
            told = pick(
                experiment,
                "ExperimentArn",
                "ExperimentName",
                "DisplayName",
                "CreationTime",
                "LastModifiedTime",
            )
            if "Source" in experiment:
                told["ExperimentSource"] = experiment["Source"]
            return told

        return page(
            self._experiments.values(),
            request,
            member="ExperimentSummaries",
            name="ExperimentName",
            summary=summary,
        )

    @operation
    def create_trial(self, call: Call, request: Record) -> Record:
        name = request["TrialName"]
        arn = self.cloud.arn("sagemaker", f"experiment-trial/{name}")
        with self.lock:
            experiment = self.experiment(request["ExperimentName"])
            if name in self._trials:
                raise taken("Trial", name)
            self._trials[name] = {
                "TrialName": name,
                "TrialArn": arn,
                "DisplayName": request.get("DisplayName", name),
                "ExperimentName": experiment["ExperimentName"],
                **pick(request, "MetadataProperties"),
                **made(call),
            }
        return {"TrialArn": arn}

    @operation
    def describe_trial(self, call: Call, request: Record) -> Record:
        return self.trial(request["TrialName"])

    @operation
    def update_trial(self, call: Call, request: Record) -> Record:
        with self.lock:
            trial = self.trial(request["TrialName"])
            trial |= {**pick(request, "DisplayName"), **changed(call)}
            self._trials[trial["TrialName"]] = trial
        return {"TrialArn": trial["TrialArn"]}

    @operation
    def delete_trial(self, call: Call, request: Record) -> Record:
        with self.lock:
            trial = self.trial(request["TrialName"])
            inside = self.components_of(trial["TrialName"])
            if inside:
                raise validation(
                    f"Trial {trial['TrialName']} has {len(inside)} trial components, such as"
                    f" {inside[0]}; disassociate them first"
                )
            del self._trials[trial["TrialName"]]
        return {"TrialArn": trial["TrialArn"]}

    @operation
    def list_trials(self, call: Call, request: Record) -> Record:
        found = list(self._trials.values())
        if "ExperimentName" in request:
            name = self.experiment(request["ExperimentName"])["ExperimentName"]
            found = [trial for trial in found if trial["ExperimentName"] == name]
        if "TrialComponentName" in request:
            inside = self.trials_of(request["TrialComponentName"])
            found = [trial for trial in found if trial["TrialName"] in inside]

        def summary(trial: Record) -> Record:
            names = ("TrialArn", "TrialName", "DisplayName", "CreationTime", "LastModifiedTime")
            told = pick(trial, *names)
            if "Source" in trial:
                told["TrialSource"] = trial["Source"]
            return told

        return page(found, request, member="TrialSummaries", name="TrialName", summary=summary)

    def experiment(self, name: str) -> Record:
        """Return a copy of an experiment's record. Raises AwsError ResourceNotFound."""
        return found_record(self.cloud, self._experiments, "Experiment", "experiment", name)

    def trial(self, name: str) -> Record:
        """Return a copy of a trial's record. Raises AwsError ResourceNotFound."""
        return found_record(self.cloud, self._trials, "Trial", "experiment-trial", name)

    def link(self, trial: str, component: str) -> None:
        """Put a component into a trial; twice is once."""
        self._links[f"{trial}/{component}"] = {"trial": trial, "component": component}

    def unlink(self, trial: str, component: str) -> None:
        self._links.pop(f"{trial}/{component}", None)

    def components_within(self, experiment: str) -> set[str]:
        """Return the components of all trials of an experiment."""
        trials = {
            t["TrialName"] for t in self._trials.values() if t["ExperimentName"] == experiment
        }
        return {link["component"] for link in self._links.values() if link["trial"] in trials}

    def components_of(self, trial: str) -> list[str]:
        return [row["component"] for row in self._links.values() if row["trial"] == trial]

    def trials_of(self, component: str) -> list[str]:
        return [row["trial"] for row in self._links.values() if row["component"] == component]

    def ensure_trial(self, call: Call, experiment: str, trial: str, source: Record | None) -> None:
        """Create an experiment and a trial in it where they are not there yet."""
        with self.lock:
            for table, kind, name, more in (
                (self._experiments, "Experiment", experiment, {}),
                (self._trials, "Trial", trial, {"ExperimentName": experiment}),
            ):
                if name in table:
                    continue
                resource = "experiment" if kind == "Experiment" else "experiment-trial"
                table[name] = {
                    f"{kind}Name": name,
                    f"{kind}Arn": self.cloud.arn("sagemaker", f"{resource}/{name}"),
                    "DisplayName": name,
                    **more,
                    **({"Source": source} if source else {}),
                    **made(call),
                }


def made(call: Call) -> Record:
    """Return who created something, and when."""
    return {"CreationTime": call.time, "CreatedBy": created_by(call), **changed(call)}


def changed(call: Call) -> Record:
    return {"LastModifiedTime": call.time, "LastModifiedBy": created_by(call)}


def taken(kind: str, name: str) -> AwsError:
    """Return AWS's error for a name that is in use; SDKs look for "already exists" in it."""
    return validation(
        f"{kind} names must be unique within an AWS account and region. {kind} with name"
        f" ({name}) already exists."
    )


def found_record(cloud: Account, table: Any, kind: str, resource: str, name: str) -> Record:
    """Return a copy of a row, by its name or ARN. Raises AwsError ResourceNotFound."""
    known = table.get(name.rpartition("/")[2])
    if known is None:
        arn = name if name.startswith("arn:") else cloud.arn("sagemaker", f"{resource}/{name}")
        raise AwsError("ResourceNotFound", f"{kind} '{arn}' does not exist.")
    return dict(known)
