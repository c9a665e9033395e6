"""States in JSONPath: InputPath, Parameters, ResultSelector, ResultPath, OutputPath, Assign."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from everloop_localcloud.states import choice_rules, intrinsics, json_text, paths, timestamps
from everloop_localcloud.states.errors import StateError, runtime
from everloop_localcloud.states.query import Choice, Reading

Chance = Callable[[], float]
Named = Callable[[], str]


class JsonpathQuery:
    """One state, read in JSONPath."""

    def __init__(self, reading: Reading, chance: Chance, uuid: Named) -> None:
        self._reading = reading
        self._definition = reading.definition
        self._chance = chance
        self._uuid = uuid

    # reading

    def _root(self, path: paths.Path, value: Any, context: dict[str, Any] | None = None) -> Any:
        if path.root == "$":
            return value
        if path.root == "$$":
            return self._reading.context if context is None else context
        if path.root not in self._reading.variables:
            raise runtime(f"The variable '{path.root}' in the path '{path.text}' was not assigned")
        return self._reading.variables[path.root]

    def _read(self, field: str, text: str, value: Any, context: Any = None) -> Any:
        path = paths.parse(text)
        root = self._root(path, value, context)
        try:
            return json_text.copied(paths.read(path, root))
        except paths.NoResult as error:
            raise runtime(
                f"The JSONPath '{text}' specified for the field '{field}' could not be found in"
                f" the input '{json_text.dumps(root)}'"
            ) from error

    def _strict(self, text: str, value: Any) -> Any:
        """Read InputPath or OutputPath, whose errors AWS words in another way."""
        path = paths.parse(text)
        try:
            return json_text.copied(paths.read(path, self._root(path, value)))
        except paths.NoResult as error:
            raise runtime(f"Invalid path '{text}' : No results for path: {error.where}") from error

    def _filled(self, template: Any, value: Any, context: Any = None) -> Any:
        if isinstance(template, dict):
            filled = {}
            for key, item in template.items():
                if key.endswith(".$") and isinstance(item, str):
                    filled[key[:-2]] = self._computed(key, item, value, context)
                else:
                    filled[key] = self._filled(item, value, context)
            return filled
        if isinstance(template, list):
            return [self._filled(item, value, context) for item in template]
        return template

    def _computed(self, field: str, text: str, value: Any, context: Any = None) -> Any:
        if text.startswith("$"):
            return self._read(field, text, value, context)
        call = intrinsics.parse(text)

        def read(path: paths.Path) -> Any:
            return self._read(field, path.text, value, context)

        return intrinsics.evaluate(call, read, self._chance, self._uuid)

    def _effective(self) -> Any:
        """Return the input after InputPath."""
        path = self._definition.get("InputPath", "$")
        return {} if path is None else self._strict(path, self._reading.value)

    # the steps of a state

    def arguments(self) -> Any:
        value = self._effective()
        if "Parameters" in self._definition:
            return self._filled(self._definition["Parameters"], value)
        return value

    def output(self, result: Any) -> Any:
        if "ResultSelector" in self._definition:
            result = self._filled(self._definition["ResultSelector"], result)
        return self._leaving(self._placed(self._definition, self._reading.value, result))

    def _placed(self, source: dict[str, Any], value: Any, result: Any) -> Any:
        text = source.get("ResultPath", "$")
        if text is None:
            return value
        try:
            return paths.write(paths.parse(text), value, result)
        except paths.NoResult as error:
            raise StateError(
                "States.ResultPathMatchFailure",
                f"Unable to apply ResultPath '{text}' to the input '{json_text.dumps(value)}'",
                located=True,
            ) from error

    def _leaving(self, value: Any) -> Any:
        path = self._definition.get("OutputPath", "$")
        return {} if path is None else self._strict(path, value)

    def passed(self) -> tuple[Any, dict[str, Any]]:
        if self._definition["Type"] != "Pass":
            value = self._effective()
            return self._leaving(value), self._assign(self._definition, value)
        result = self.arguments()
        if "Result" in self._definition:
            result = json_text.copied(self._definition["Result"])
        output = self._leaving(self._placed(self._definition, self._reading.value, result))
        return output, self._assign(self._definition, result)

    def assigned(self, result: Any) -> dict[str, Any]:
        return self._assign(self._definition, result)

    def _assign(self, source: dict[str, Any], value: Any) -> dict[str, Any]:
        return dict(self._filled(source.get("Assign", {}), value))

    def choice(self) -> Choice | None:
        value = self._effective()

        def find(text: str) -> Any:
            path = paths.parse(text)
            found = paths.read(path, self._root(path, value))
            if not path.definite and len(found) == 1:
                return found[0]
            return found

        for rule in self._definition["Choices"]:
            if choice_rules.holds(rule, find):
                return self._chosen(rule, rule["Next"], value)
        if "Default" not in self._definition:
            return None
        return self._chosen(self._definition, self._definition["Default"], value)

    def _chosen(self, source: dict[str, Any], following: str, value: Any) -> Choice:
        return Choice(following, self._leaving(value), self._assign(source, value))

    def wait_until(self, now: datetime) -> datetime:
        value = self._effective()
        if "Seconds" in self._definition:
            return now + timedelta(seconds=self._definition["Seconds"])
        if "Timestamp" in self._definition:
            return timestamps.parse(self._definition["Timestamp"])
        if "SecondsPath" in self._definition:
            path = self._definition["SecondsPath"]
            return now + timedelta(seconds=self._wait_seconds(path, value))
        path = self._definition["TimestampPath"]
        text = self._read("TimestampPath", path, value)
        try:
            return timestamps.parse(text if isinstance(text, str) else "")
        except ValueError as error:
            raise runtime(
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset"
                f" date-time format string: {path} == {_shown(text)}"
            ) from error

    def _wait_seconds(self, path: str, value: Any) -> int:
        found = self._read("SecondsPath", path, value)
        try:
            seconds = int(found) if isinstance(found, int | str) else None
        except ValueError:
            seconds = None
        if seconds is None or isinstance(found, bool):
            raise runtime(
                "The SecondsPath parameter cannot be parsed as a long value:"
                f" {path} == {_shown(found)}"
            )
        if seconds < 0:
            raise runtime(
                f"The SecondsPath parameter references a negative value: {path} == {seconds}"
            )
        return seconds

    def failure(self) -> tuple[str | None, str | None]:
        found: list[str | None] = []
        for field in ("Error", "Cause"):
            text = self._definition.get(field)
            path = self._definition.get(f"{field}Path")
            if path is not None:
                text = self._computed(f"{field}Path", path, self._reading.value)
                if not isinstance(text, str):
                    raise runtime(
                        f"The JSONPath '{path}' specified for the field '{field}Path' must refer"
                        f" to a string, but was {json_text.dumps(text)}"
                    )
            found.append(text)
        return found[0], found[1]

    def seconds(self, field: str) -> int | None:
        if field in self._definition:
            return int(self._definition[field])
        if f"{field}Path" not in self._definition:
            return None
        number = self._number(f"{field}Path", self._effective(), "integer")
        if number <= 0:
            path = self._definition[f"{field}Path"]
            raise runtime(f"The {field}Path parameter must be positive: {path} == {number:.0f}")
        return int(number)

    def _number(self, field: str, value: Any, kind: str) -> float:
        path = self._definition[field]
        found = self._read(field, path, value)
        try:
            if isinstance(found, bool) or not isinstance(found, int | float | str):
                raise ValueError
            number = float(found) if kind == "float" else int(str(found))
        except ValueError:
            raise runtime(
                f'The {field} field refers to value "{_shown(found)}" which is not a valid'
                f" {kind}: {path}"
            ) from None
        return number

    def items(self) -> list[Any]:
        value = self._effective()
        path = self._definition.get("ItemsPath", "$")
        found = self._read("ItemsPath", path, value)
        if not isinstance(found, list):
            raise runtime(f'Reference path "{path}" must point to array.')
        return found

    def item(self, context: dict[str, Any], value: Any) -> Any:
        template = self._definition.get("ItemSelector", self._definition.get("Parameters"))
        if template is None:
            return value
        return self._filled(template, self._effective(), context)

    def limit(self, field: str) -> float | None:
        if field in self._definition:
            return float(self._definition[field])
        if f"{field}Path" not in self._definition:
            return None
        share = field == "ToleratedFailurePercentage"
        found = self._number(f"{field}Path", self._effective(), "float" if share else "integer")
        if found < 0 or (share and found > 100):
            path = self._definition[f"{field}Path"]
            raise runtime(f"The {field}Path field refers to a value out of range: {path}")
        return found

    def caught(self, catcher: dict[str, Any], error: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return self._placed(catcher, self._reading.value, error), self._assign(catcher, error)

    def role(self) -> str | None:
        if "Credentials" not in self._definition:
            return None
        role = self._filled(self._definition["Credentials"], self._effective()).get("RoleArn")
        if not isinstance(role, str):
            raise runtime("Credentials needs a RoleArn")
        return role


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json_text.dumps(value)
