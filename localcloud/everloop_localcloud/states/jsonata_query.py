"""States in JSONata: Arguments, Output, Assign and `{% … %}` wherever a value may stand."""

from datetime import datetime, timedelta
from typing import Any

from everloop_localcloud.states import json_text, jsonata, timestamps
from everloop_localcloud.states.errors import StateError, evaluation
from everloop_localcloud.states.query import ABSENT, Choice, Reading

_LONGEST_WAIT = 99_999_999


def expression(value: Any) -> str | None:
    """Return the JSONata in `{% … %}`; None for what is no expression."""
    if isinstance(value, str) and value.startswith("{%") and value.endswith("%}"):
        return value[2:-2].strip()
    return None


class JsonataQuery:
    """One state, read in JSONata."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._definition = reading.definition

    def _states(self, result: Any = ABSENT, error: Any = ABSENT) -> dict[str, Any]:
        states = {"input": self._reading.value, "context": self._reading.context}
        if result is not ABSENT:
            states["result"] = result
        if error is not ABSENT:
            states["errorOutput"] = error
        return states

    def _evaluate(self, source: str, field: str, states: dict[str, Any]) -> Any:
        variables = {**self._reading.variables, "states": states}
        try:
            return jsonata.evaluate(source, variables, self._reading.functions)
        except jsonata.Undefined as error:
            raise evaluation(
                f"The JSONata expression '{source}' specified for the field '{field}'"
                " returned nothing (undefined).",
                field,
            ) from error
        except jsonata.Unsupported as error:
            raise evaluation(
                f"The JSONata expression '{source}' specified for the field '{field}'"
                " returned an unsupported result type.",
                field,
            ) from error
        except jsonata.Failed as error:
            raise evaluation(
                f"The JSONata expression '{source}' specified for the field '{field}'"
                f" threw an error during evaluation. {error}",
                field,
            ) from error

    def _filled(self, template: Any, field: str, states: dict[str, Any]) -> Any:
        if (source := expression(template)) is not None:
            return self._evaluate(source, field, states)
        if isinstance(template, dict):
            return {
                key: self._filled(item, f"{field}/{key}", states) for key, item in template.items()
            }
        if isinstance(template, list):
            return [
                self._filled(item, f"{field}[{index}]", states)
                for index, item in enumerate(template)
            ]
        return template

    def _typed(self, field: str, wanted: str, states: dict[str, Any], value: Any = ABSENT) -> Any:
        """Evaluate a field whose value must be of one JSON type."""
        template = self._definition[field] if value is ABSENT else value
        found = self._filled(template, field, states)
        kind = json_text.kind(found)
        if kind == wanted:
            return found
        source = expression(template)
        told = f"The JSONata expression '{source}' specified for the field '{field}'"
        if source is None:
            told = f"The value specified for the field '{field}'"
        raise evaluation(
            f"{told} returned an unexpected result type. Expected '{wanted}', but was '{kind}'"
            f" for value: {json_text.dumps(found)}",
            field,
        )

    def arguments(self) -> Any:
        if "Arguments" not in self._definition:
            return self._reading.value
        return self._filled(self._definition["Arguments"], "Arguments", self._states())

    def output(self, result: Any) -> Any:
        if "Output" not in self._definition:
            return result
        return self._filled(self._definition["Output"], "Output", self._states(result))

    def assigned(self, result: Any) -> dict[str, Any]:
        return self._assign(self._definition, self._states(result))

    def _assign(self, source: dict[str, Any], states: dict[str, Any]) -> dict[str, Any]:
        return {
            name: self._filled(value, f"Assign/{name}", states)
            for name, value in source.get("Assign", {}).items()
        }

    def passed(self) -> tuple[Any, dict[str, Any]]:
        states = self._states()
        output = self._reading.value
        if "Output" in self._definition:
            output = self._filled(self._definition["Output"], "Output", states)
        return output, self._assign(self._definition, states)

    def choice(self) -> Choice | None:
        states = self._states()
        for index, rule in enumerate(self._definition["Choices"]):
            field = f"Choices[{index}]/Condition"
            if self._condition(rule["Condition"], field, states):
                return self._chosen(rule, rule["Next"], f"Choices[{index}]/", states)
        if "Default" not in self._definition:
            return None
        return self._chosen(self._definition, self._definition["Default"], "", states)

    def _condition(self, template: Any, field: str, states: dict[str, Any]) -> bool:
        found = self._filled(template, field, states)
        if isinstance(found, bool):
            return found
        raise evaluation(
            f"The JSONata expression '{expression(template)}' specified for the field '{field}'"
            " returned an unexpected result type. Expected 'boolean', but was"
            f" '{json_text.kind(found)}' for value: {json_text.dumps(found)}",
            field,
        )

    def _chosen(
        self, source: dict[str, Any], following: str, prefix: str, states: dict[str, Any]
    ) -> Choice:
        output = self._reading.value
        if "Output" in source:
            output = self._filled(source["Output"], f"{prefix}Output", states)
        assigned = {
            name: self._filled(value, f"{prefix}Assign/{name}", states)
            for name, value in source.get("Assign", {}).items()
        }
        return Choice(following, output, assigned)

    def wait_until(self, now: datetime) -> datetime:
        states = self._states()
        if "Seconds" in self._definition:
            seconds = self._whole("Seconds", states, 0, _LONGEST_WAIT)
            return now + timedelta(seconds=seconds)
        text = self._typed("Timestamp", "string", states)
        try:
            return timestamps.parse(text)
        except ValueError as error:
            raise evaluation(
                "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time"
                f" format string: {text}",
                "Timestamp",
            ) from error

    def _whole(
        self, field: str, states: dict[str, Any], least: float, most: float, *, whole: bool = True
    ) -> Any:
        number = self._typed(field, "number", states)
        if least <= number <= most and not (whole and number != int(number)):
            return int(number) if whole else number
        what = "an integer" if whole else "a number"
        raise evaluation(
            f"The value specified for the field '{field}' must be {what} between {least:.0f} and"
            f" {most:.0f}, but was {json_text.dumps(number)}",
            field,
        )

    def failure(self) -> tuple[str | None, str | None]:
        states = self._states()
        found: list[str | None] = []
        for field in ("Error", "Cause"):
            known = field in self._definition
            found.append(self._typed(field, "string", states) if known else None)
        return found[0], found[1]

    def seconds(self, field: str) -> int | None:
        if field not in self._definition:
            return None
        return int(self._whole(field, self._states(), 1, _LONGEST_WAIT))

    def items(self) -> list[Any]:
        if "Items" in self._definition:
            return list(self._typed("Items", "array", self._states()))
        if isinstance(self._reading.value, list):
            return self._reading.value
        given = json_text.dumps(self._reading.value)
        raise evaluation(f"Map state input must be an array but was: {given}", "Items")

    def item(self, context: dict[str, Any], value: Any) -> Any:
        if "ItemSelector" not in self._definition:
            return value
        states = {"input": self._reading.value, "context": context}
        return self._filled(self._definition["ItemSelector"], "ItemSelector", states)

    def limit(self, field: str) -> float | None:
        if field not in self._definition:
            return None
        share = field == "ToleratedFailurePercentage"
        most = 100 if share else 2**31 - 1
        return float(self._whole(field, self._states(), 0, most, whole=not share))

    def caught(self, catcher: dict[str, Any], error: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        states = self._states(error=error)
        output: Any = error
        if "Output" in catcher:
            output = self._filled(catcher["Output"], "Output", states)
        return output, self._assign(catcher, states)

    def role(self) -> str | None:
        if "Credentials" not in self._definition:
            return None
        filled = self._filled(self._definition["Credentials"], "Credentials", self._states())
        role = filled.get("RoleArn") if isinstance(filled, dict) else None
        if not isinstance(role, str):
            raise StateError("States.Runtime", "Credentials needs a RoleArn", located=True)
        return role
