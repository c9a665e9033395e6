"""What a target receives: the event, a part of it, a fixed text, or a filled template."""

import json
import re
from datetime import datetime
from typing import Any

from everloop_localcloud.kernel import surrogates
from everloop_localcloud.kernel.clock import stamp
from everloop_localcloud.kernel.errors import AwsError, validation

_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")
_STEP = re.compile(r"\.([A-Za-z0-9_\-/]+)|\[(\d+)\]|\['([^']+)'\]|\[\"([^\"]+)\"\]|(\[\*\]|\.\*)")
_RESERVED = (
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event",
    "aws.events.event.json",
    "aws.events.event.ingestion-time",
)
_MISSING = object()


def check(target: dict[str, Any]) -> None:
    """Refuse a target whose input AWS refuses. Raises AwsError ValidationException."""
    name = target["Id"]
    given = [key for key in ("Input", "InputPath", "InputTransformer") if target.get(key)]
    if len(given) > 1:
        raise validation(
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {name}."
        )
    if "Input" in target:
        try:
            surrogates.loads(target["Input"])
        except ValueError as error:
            raise validation(f"Parameter Input is not valid JSON for target {name}.") from error
    if "InputPath" in target:
        _check_path(target["InputPath"], name)
    transformer = target.get("InputTransformer")
    if transformer:
        known = transformer.get("InputPathsMap") or {}
        if len(known) > 100:
            raise validation(f"InputPathsMap of target {name} has more than 100 variables.")
        for variable, path in known.items():
            if variable.lower().startswith("aws."):
                raise validation(
                    f"InputPathsMap of target {name} has the reserved variable {variable}."
                )
            _check_path(path, name)
        for variable in _PLACEHOLDER.findall(transformer["InputTemplate"]):
            if variable not in known and variable not in _RESERVED:
                raise validation(
                    f"InputTemplate for target {name} contains invalid placeholder {variable}."
                )


def body(
    target: dict[str, Any], event: dict[str, Any], rule_arn: str, ingested: datetime
) -> str | None:
    """Return the text that the target receives; None where AWS silently delivers nothing."""
    if target.get("Input"):
        return str(target["Input"])
    if target.get("InputPath"):
        found = select(event, target["InputPath"])
        return _compact(None if found is _MISSING else found)
    transformer = target.get("InputTransformer")
    if not transformer:
        return _compact(event)
    values = {
        name: select(event, path) for name, path in (transformer.get("InputPathsMap") or {}).items()
    }
    values["aws.events.rule-arn"] = rule_arn
    values["aws.events.rule-name"] = rule_arn.rpartition("/")[2]
    values["aws.events.event.ingestion-time"] = stamp(ingested)
    values["aws.events.event"] = {key: event[key] for key in event if key != "detail"}
    values["aws.events.event.json"] = event
    return fill(transformer["InputTemplate"], values)


def fill(template: str, values: dict[str, Any]) -> str | None:
    """Fill a template; None if it ought to be JSON and the result is not."""
    if template.lstrip().startswith('"'):
        return _PLACEHOLDER.sub(lambda found: _in_text(values.get(found[1], _MISSING)), template)
    filled = []
    end = 0
    for found in _PLACEHOLDER.finditer(template):
        filled.append(template[end : found.start()])
        value = values.get(found[1], _MISSING)
        if _inside_string(template, found.start()):
            # AWS does not escape values: an object or a quote in a string breaks the JSON.
            filled.append(value if isinstance(value, str) else _json_or_empty(value))
        else:
            filled.append(_compact("" if value is _MISSING else value))
        end = found.end()
    filled.append(template[end:])
    text = "".join(filled)
    try:
        return _compact(json.loads(text))
    except ValueError:
        return None


def _in_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return _json_or_empty(value).replace('"', "")


def _json_or_empty(value: Any) -> str:
    return "" if value is _MISSING else _compact(value)


def _inside_string(template: str, position: int) -> bool:
    inside = False
    escaped = False
    for letter in template[:position]:
        if escaped:
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == '"':
            inside = not inside
    return inside


def _compact(value: Any) -> str:
    return surrogates.dumps(value)


def _check_path(path: str, target: str) -> None:
    if not path.startswith("$") or _STEP.sub("", path[1:]):
        raise AwsError("ValidationException", f"InputPath {path} of target {target} is invalid.")


def select(value: Any, path: str) -> Any:
    """Follow a JSONPath of names, indices and wildcards; a marker object if nothing is there."""
    found = [value]
    many = False
    for step in _STEP.finditer(path[1:]):
        name = step[1] or step[3] or step[4]
        further: list[Any] = []
        for item in found:
            if step[5]:
                many = True
                if isinstance(item, dict | list):
                    further.extend(item.values() if isinstance(item, dict) else item)
            elif step[2] is not None:
                if isinstance(item, list) and int(step[2]) < len(item):
                    further.append(item[int(step[2])])
            elif isinstance(item, dict) and name in item:
                further.append(item[name])
        found = further
    if many:
        return found
    return found[0] if found else _MISSING
