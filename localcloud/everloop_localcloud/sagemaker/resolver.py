"""Functions of pipeline definitions, resolved against the facts of one execution."""

import json
import re
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
_PART = re.compile(r"\.?([A-Za-z0-9_\-]+)|\[(\d+)\]|\[(?:'([^']*)'|\"([^\"]*)\")\]")
_INDEXED = ("OutputName", "InputName", "ChannelName")


class Unresolvable(Exception):
    """A function of the definition has no value; the step that holds it fails with this reason."""


class Resolver:
    """Resolves functions against one execution's facts."""

    def __init__(
        self,
        parameters: dict[str, Any],
        variables: dict[str, Any],
        step: Callable[[str], Json],
        load: Callable[[str], Any],
    ) -> None:
        self._parameters = parameters
        self._variables = variables
        self._step = step
        self._load = load

    def resolve(self, value: Any) -> Any:
        """Return the value with every function replaced. Raises Unresolvable."""
        if isinstance(value, dict):
            if set(value) == {"Get"}:
                return self._get(value["Get"])
            if set(value) == {"Std:Join"}:
                return self._join(value["Std:Join"])
            if set(value) == {"Std:JsonGet"}:
                return self._json_get(value["Std:JsonGet"])
            return {key: self.resolve(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        return value

    def _get(self, path: str) -> Any:
        root, _, rest = path.partition(".")
        if root == "Parameters":
            return self._parameters[rest]
        if root == "Execution":
            return self._variables[rest]
        if root == "PipelineExperimentConfig":
            return self._variables.get(rest, "")
        name, _, inner = rest.partition(".")
        return follow(self._step(name), inner, f"Steps.{rest}")

    def _join(self, join: Json) -> str:
        values = (self.resolve(item) for item in join["Values"])
        return str(join.get("On", "")).join(_text(value) for value in values)

    def _json_get(self, asked: Json) -> Any:
        if "S3Uri" in asked:
            uri = self.resolve(asked["S3Uri"])
        else:
            _, name, _, file_name = asked["PropertyFile"]["Get"].split(".")
            step = self._step(name)
            files = step.get("PropertyFiles", [])
            found = next((f for f in files if f["PropertyFileName"] == file_name), None)
            if found is None:
                raise Unresolvable(f"step {name} has no property file {file_name}")
            base = follow(
                step,
                f"ProcessingOutputConfig.Outputs['{found['OutputName']}'].S3Output.S3Uri",
                file_name,
            )
            uri = f"{base}/{found['FilePath']}"
        try:
            loaded = json.loads(self._load(uri))
        except Exception as error:
            raise Unresolvable(f"JsonGet: {uri} cannot be read as JSON: {error}") from error
        return follow(loaded, asked["Path"], f"{uri}: {asked['Path']}")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str)


def follow(value: Any, path: str, whole: str) -> Any:
    """Walk a path: names joined by dots, [0], ['key']; a list is indexed by its entries' names."""
    at = 0
    while at < len(path):
        found = _PART.match(path, at)
        if found is None:
            raise Unresolvable(f"{whole} is no path")
        at = found.end()
        key = next(group for group in found.groups() if group is not None)
        if isinstance(value, list):
            if key.isdigit():
                index = int(key)
                value = value[index] if index < len(value) else None
            else:
                value = next((v for v in value if any(v.get(n) == key for n in _INDEXED)), None)
        elif isinstance(value, dict):
            value = value.get(key)
        else:
            value = None
        if value is None:
            raise Unresolvable(f"{whole} has no value")
    return value
