"""Resource types of Step Functions."""

import json
import re
from typing import Any

import yaml

from everloop_localcloud.cloudformation.errors import invalid
from everloop_localcloud.cloudformation.resources.kind import (
    Kind,
    Made,
    Site,
    only,
    tag_changes,
    tag_map,
)
from everloop_localcloud.kernel.errors import AwsError


class StateMachine(Kind):
    type = "AWS::StepFunctions::StateMachine"
    _settings = ("RoleArn", "LoggingConfiguration", "TracingConfiguration")
    _sources = ("Definition", "DefinitionString", "DefinitionS3Location", "DefinitionSubstitutions")
    properties = frozenset({"StateMachineName", "StateMachineType", "Tags", *_settings, *_sources})
    required = frozenset({"RoleArn"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name = given.get("StateMachineName") or site.name(80)
        request = {
            "name": name,
            "definition": _definition(site, given),
            "type": given.get("StateMachineType"),
            "tags": [
                {"key": key, "value": value} for key, value in tag_map(given.get("Tags")).items()
            ],
            **self._configured(given),
        }
        answer = site.call("stepfunctions", "CreateStateMachine", request)
        return self._made(answer["stateMachineArn"], answer)

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        request = {"stateMachineArn": ref, **self._configured(given)}
        request["definition"] = _definition(site, given)
        for key, value in (
            ("LoggingConfiguration", {"level": "OFF"}),
            ("TracingConfiguration", {}),
        ):
            if key in before and key not in given:
                request[_lower(key)] = value
        answer = site.call("stepfunctions", "UpdateStateMachine", request)
        new, gone = tag_changes(before.get("Tags"), given.get("Tags"))
        if gone:
            request = {"resourceArn": ref, "tagKeys": gone}
            site.call("stepfunctions", "UntagResource", request)
        if new:
            tags = [{"key": key, "value": value} for key, value in new.items()]
            site.call("stepfunctions", "TagResource", {"resourceArn": ref, "tags": tags})
        return self._made(ref, answer)

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("stepfunctions", "DeleteStateMachine", {"stateMachineArn": ref})

    def _configured(self, given: dict[str, Any]) -> dict[str, Any]:
        return {
            _lower(key): given[key] if key == "RoleArn" else _lower_keys(given[key])
            for key in self._settings
            if key in given
        }

    @staticmethod
    def _made(arn: str, answer: dict[str, Any]) -> Made:
        attributes = {"Arn": arn, "Name": arn.rpartition(":")[2]}
        revision = answer.get("revisionId") or "INITIAL"
        return Made(arn, {**attributes, "StateMachineRevisionId": revision})


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


def _lower_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {_lower(key): _lower_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_lower_keys(item) for item in value]
    return value


def _definition(site: Site, given: dict[str, Any]) -> str:
    """Return a machine's definition as JSON text, wherever the template has it."""
    sources = [name for name in StateMachine._sources[:3] if name in given]
    if len(sources) != 1:
        raise invalid(
            f"{site.logical_id}: exactly one of Definition, DefinitionString and "
            f"DefinitionS3Location is needed, not {sources}"
        )
    match sources[0]:
        case "Definition":
            text = json.dumps(given["Definition"])
        case "DefinitionString":
            text = given["DefinitionString"]
        case _:
            place = given["DefinitionS3Location"]
            only(place, {"Bucket", "Key", "Version"}, "DefinitionS3Location")
            where = {"Bucket": place["Bucket"], "Key": place["Key"]}
            if "Version" in place:
                where["VersionId"] = place["Version"]
            try:
                body = site.cloud.call("s3", "GetObject", where)["Body"]
            except AwsError as error:
                raise invalid(
                    f"{site.logical_id}: cannot read s3://{where['Bucket']}/{where['Key']}: "
                    f"{error.message}"
                ) from error
            text = (body if isinstance(body, bytes) else body.read()).decode()
    for name, value in (given.get("DefinitionSubstitutions") or {}).items():
        plain = ("true" if value else "false") if isinstance(value, bool) else str(value)
        # What would break out of a string of JSON or YAML is escaped.
        text = text.replace("${" + name + "}", json.dumps(plain)[1:-1])
    unknown = sorted(set(re.findall(r"(?<!\$)\$\{([A-Za-z0-9_]+)\}", text)))
    if unknown and "DefinitionSubstitutions" in given:
        raise invalid(f"{site.logical_id}: DefinitionSubstitutions lacks {', '.join(unknown)}")
    try:
        return text if text.lstrip().startswith("{") else json.dumps(yaml.safe_load(text))
    except (yaml.YAMLError, TypeError) as error:
        raise invalid(f"{site.logical_id}: definition is neither JSON nor YAML: {error}") from error


KINDS: tuple[Kind, ...] = (StateMachine(),)
