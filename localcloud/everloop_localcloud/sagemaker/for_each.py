"""ForEach steps: their body's steps, once for each item, and what comes of them together. Pure."""

import graphlib
import json
from collections.abc import Callable
from typing import Any

from everloop_localcloud.kernel.errors import validation
from everloop_localcloud.sagemaker.resolver import Unresolvable, follow

Json = dict[str, Any]
_ITEM, _OUTPUT = "ForEach.CurrentItem", "IterationOutput."
_MOST_AT_ONCE, _MOST_ITEMS = 50, 100


def body(step: Json) -> list[Json]:
    return list(step["Arguments"]["ForEachBody"])


def check(step: Json, parents: Callable[[Json], set[str]]) -> None:
    """Refuse a ForEach step that could not run. Its body's steps were checked one by one.

    `parents` gives the names of the steps that must be done before one.
    """
    name, arguments = step["Name"], step["Arguments"]

    def wrong(trouble: str) -> Exception:
        return validation(f"Invalid pipeline definition: step {name}: {trouble}")

    at_once = arguments["MaxConcurrency"]
    whole = isinstance(at_once, int) and not isinstance(at_once, bool)
    if not whole or not 1 <= at_once <= _MOST_AT_ONCE:
        raise wrong(f"MaxConcurrency is {at_once!r}; it must be 1 to {_MOST_AT_ONCE}")
    given = arguments["IterableItems"]
    if isinstance(given, list) and not 1 <= len(given) <= _MOST_ITEMS:
        raise wrong(f"IterableItems has {len(given)} elements; 1 to {_MOST_ITEMS} are allowed")
    if not isinstance(given, list | dict):
        raise wrong("IterableItems must be a list, or a function that gives one")
    names = {each["Name"] for each in body(step)}
    try:
        graph = {each["Name"]: parents(each) & names for each in body(step)}
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        raise wrong(f"cycle of steps {' -> '.join(error.args[1])}") from error
    selector = arguments.get("Selector")
    if selector is not None:
        path = (selector.get("Field") or {}).get("Get", "")
        compared, _, member = path.removeprefix(_OUTPUT).partition(".")
        if not path.startswith(_OUTPUT) or compared not in names or not member:
            raise wrong(f"Selector.Field {path!r} is no output of a step of its body")
        if selector.get("Pick") not in ("MaxBy", "MinBy"):
            raise wrong(f"Selector.Pick is {selector.get('Pick')!r}; use MaxBy or MinBy")


def read_items(given: Any) -> list[Any]:
    """Return the items of a resolved IterableItems. Raises Unresolvable."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError as error:
            raise Unresolvable(f"IterableItems is no JSON list: {error}") from error
    if not isinstance(given, list) or not given:
        raise Unresolvable(f"IterableItems is {given!r}, and no list of items")
    return given


def expand(step: Json, items: list[Any]) -> dict[str, tuple[int, Json]]:
    """Return the child steps by name, each with the index of its item. Raises Unresolvable."""
    names = {each["Name"] for each in body(step)}
    return {
        f"{each['Name']}-{index}": (index, _child(each, names, index, item))
        for index, item in enumerate(items)
        for each in body(step)
    }


def _child(step: Json, names: set[str], index: int, item: Any) -> Json:
    def written(value: Any) -> Any:
        if isinstance(value, list):
            return [written(each) for each in value]
        if not isinstance(value, dict):
            return value
        got = value.get("Get")
        if set(value) != {"Get"} or not isinstance(got, str):
            return {key: written(each) for key, each in value.items()}
        if got.startswith(_ITEM):
            return _of_item(item, got.removeprefix(_ITEM))
        root, _, rest = got.partition(".")
        name, dot, path = rest.partition(".")
        own = root == "Steps" and name in names
        return {"Get": f"Steps.{name}-{index}{dot}{path}"} if own else value

    def dependency(entry: Any) -> Any:
        name = entry["Step"] if isinstance(entry, dict) else entry
        told = f"{name}-{index}" if name in names else name
        return {**entry, "Step": told} if isinstance(entry, dict) else told

    child: Json = written(step)
    child["Name"] = f"{step['Name']}-{index}"
    if "DependsOn" in step:
        child["DependsOn"] = [dependency(entry) for entry in step["DependsOn"]]
    return child


def _of_item(item: Any, path: str) -> Any:
    if not path:
        return item
    value = item
    if isinstance(item, str):
        try:
            value = json.loads(item)
        except ValueError as error:
            raise Unresolvable(f"{_ITEM}{path}: the item {item!r} is no JSON object") from error
    return follow(value, path.removeprefix("."), f"{_ITEM}{path}")


def outcome(step: Json, items: list[Any], told: Callable[[str], Json | None]) -> Json:
    """Return a ForEach step's properties; `told` gives the record of a child that began."""
    outputs: list[Json] = []
    ends: list[str] = []
    for index in range(len(items)):
        records = {each["Name"]: told(f"{each['Name']}-{index}") for each in body(step)}
        ends += [record["StepStatus"] for record in records.values() if record is not None]
        outputs.append(
            {name: (record or {}).get("properties", {}) for name, record in records.items()}
        )
    counts = {f"{end}StepCount": ends.count(end) for end in ("Succeeded", "Failed", "Stopped")}
    total = len(items) * len(body(step))
    status = "Succeeded" if counts["SucceededStepCount"] == total else "Failed"
    if status == "Failed" and not counts["FailedStepCount"]:
        status = "Stopped"
    found = {
        "Status": status,
        "InputItemCount": len(items),
        "TotalStepCount": total,
        **counts,
        "IterationOutputs": outputs,
    }
    selector = step["Arguments"].get("Selector")
    if selector is not None and status == "Succeeded":
        found |= _selected(selector, outputs)
    return found


def _selected(selector: Json, outputs: list[Json]) -> Json:
    path = selector["Field"]["Get"].removeprefix(_OUTPUT)
    name, _, member = path.partition(".")
    values = []
    for index, output in enumerate(outputs):
        value = follow(output[name], member, f"{_OUTPUT}{path} of item {index}")
        try:
            values.append(float(value))
        except (TypeError, ValueError) as error:
            raise Unresolvable(
                f"{_OUTPUT}{path} of item {index} is {value!r}, no number"
            ) from error
    pick = max if selector["Pick"] == "MaxBy" else min
    index = values.index(pick(values))
    return {"Selected": outputs[index][name], "selected": index}
