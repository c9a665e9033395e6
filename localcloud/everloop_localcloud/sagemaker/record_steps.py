"""Pipeline steps that keep records and clear away: lineage, and the objects that steps left."""

from abc import ABC, abstractmethod
from typing import Any

from everloop_localcloud.sagemaker.resolver import Json
from everloop_localcloud.sagemaker.resource_steps import StepFailed
from everloop_localcloud.sagemaker.step_scope import StepScope

_ENTITIES = ("Action", "Artifact", "Context")


class RecordSteps(ABC):
    """The part of a step that keeps records. Run again after a kill, each is made once."""

    _execution: StepScope
    _step: Json
    _told: Json

    @abstractmethod
    def _call(self, operation: str, request: Json, service: str = "sagemaker") -> Json: ...

    @abstractmethod
    def _executing(self, metadata: Json) -> None: ...

    def _lineage(self) -> None:
        """Make the entities, then the associations between them and others."""
        arguments = self._execution.resolver().resolve(self._step["Arguments"])
        if not self._told.get("Metadata"):
            self._executing({"Lineage": {f"{kind}Arns": {} for kind in _ENTITIES}})
        made: Json = self._told["Metadata"]["Lineage"]
        for kind in _ENTITIES:
            for entity in arguments.get(f"{kind}s", []):
                name = entity.get(f"{kind}Name")
                if not name:
                    raise StepFailed(f"ClientError: an entity of {kind}s lacks {kind}Name")
                if name not in made[f"{kind}Arns"]:
                    made[f"{kind}Arns"][name] = self._entity(kind, name, entity)
                    self._execution.save()
        told = []
        for each in arguments.get("Associations", []):
            ends = {
                "SourceArn": _end(each["Source"], made),
                "DestinationArn": _end(each["Destination"], made),
            }
            more = {"AssociationType": each.get("AssociationType")}
            self._call("AddAssociation", {**ends, **(more if more["AssociationType"] else {})})
            told.append(ends)
        if told:
            made["Associations"] = told
        self._told["properties"] = made

    def _entity(self, kind: str, name: str, entity: Json) -> str:
        try:
            return str(self._call(f"Create{kind}", entity)[f"{kind}Arn"])
        except StepFailed:
            # Is it there already, it may be our own, of before a kill.
            arn = self._there(kind, name, entity["Source"])
            if arn is None:
                raise
            return arn

    def _there(self, kind: str, name: str, source: Json) -> str | None:
        found = self._call(f"List{kind}s", {"SourceUri": source["SourceUri"]})
        for summary in found[f"{kind}Summaries"]:
            if summary.get(f"{kind}Name") == name:
                return str(summary[f"{kind}Arn"])
        return None

    def _cleanup(self) -> None:
        """Delete what upstream steps left in S3; each step's trouble keeps none from the others."""
        arguments = self._execution.resolver().resolve(self._step["Arguments"])
        told: dict[str, list[Any]] = {"CleanedSteps": [], "FailedSteps": [], "SkippedSteps": []}
        for source in arguments["Resources"]["S3"]:
            name = source["StepName"]
            left = self._execution.left(name)
            if left is None:
                told["SkippedSteps"].append(name)
                continue
            try:
                for uri in source.get("S3Uris") or _artifacts(name, left):
                    self._delete(uri, name, left)
            except StepFailed as error:
                failure = {"StepName": name, "ErrorMessage": str(error)[:2048]}
                told["FailedSteps"].append(failure)
            else:
                told["CleanedSteps"].append(name)
        self._told["Metadata"] = {"Cleanup": told}
        if told["FailedSteps"]:
            raise StepFailed("; ".join(each["ErrorMessage"] for each in told["FailedSteps"]))

    def _delete(self, uri: str, name: str, left: Json) -> None:
        places = _places(left)
        if not any(uri.startswith(f"{place.rstrip('/')}/") for place in places):
            raise StepFailed(
                f"ClientError: {uri} is not below the outputs of step {name}: {places}"
            )
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self._call("DeleteObject", {"Bucket": bucket, "Key": key}, service="s3")


def _end(end: Json, made: Json) -> str:
    if "Arn" in end:
        return str(end["Arn"])
    found = made.get(f"{end['Type']}Arns", {}).get(end["Name"])
    if found is None:
        raise StepFailed(f"ClientError: this step makes no {end['Type']} {end['Name']!r}")
    return str(found)


def _artifacts(name: str, left: Json) -> list[str]:
    """Return what a training job leaves; for other jobs their objects must be named."""
    if "ModelArtifacts" not in left:
        raise StepFailed(f"ClientError: step {name} is no training: give S3Uris")
    model = left["ModelArtifacts"]["S3ModelArtifacts"]
    return [model, model.replace("model.tar.gz", "output.tar.gz")]


def _places(left: Json) -> list[str]:
    """Return the folders that a job writes to."""
    found = [
        output["S3Output"]["S3Uri"]
        for output in left.get("ProcessingOutputConfig", {}).get("Outputs", [])
        if "S3Output" in output
    ]
    for config in ("OutputDataConfig", "TransformOutput"):
        if config in left:
            found.append(left[config]["S3OutputPath"])
    return found
