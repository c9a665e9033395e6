"""How a run's answers differ from recorded ones: members, types and states, not names and times."""

from collections.abc import Iterator, Mapping
from typing import Any

from everloop_localcloud.kernel import wire

Cases = Mapping[str, Mapping[str, Any]]
# What a moment decides: both are right.
_EITHER = ({"Starting", "Downloading", "Training", "Uploading", "Completed"},)


def differences(recorded: Cases, here: Cases) -> list[str]:
    """Return a line for each difference; [] where the same was asked, and answered alike."""
    found = [f"{name}: was not asked here" for name in recorded.keys() - here.keys()]
    for name in sorted(recorded.keys() & here.keys()):
        case = recorded[name]
        shape = wire.service_model(case["service"]).operation_model(case["operation"]).output_shape
        if shape is not None:
            lines = _differ(shape, case["response"], here[name]["response"], "")
            found += [f"{name}: {line}" for line in lines]
    return sorted(found)


def _differ(shape: Any, there: Any, here: Any, path: str) -> Iterator[str]:
    if type(there) is not type(here) and not _numbers(there, here):
        yield f"{path or 'answer'}: {_kind(there)} there, {_kind(here)} here"
    elif shape.type_name == "structure":
        yield from _members(shape, there, here, path)
    elif shape.type_name == "list":
        yield from _elements(shape, there, here, path)
    elif getattr(shape, "enum", None) and there != here and not _either(there, here):
        yield f"{path}: {there!r} there, {here!r} here"


def _members(shape: Any, there: Any, here: Any, path: str) -> Iterator[str]:
    for name in sorted(there.keys() - here.keys()):
        yield f"{path}.{name}: only there".lstrip(".")
    for name in sorted(here.keys() - there.keys()):
        yield f"{path}.{name}: only here".lstrip(".")
    for name in sorted(there.keys() & here.keys()):
        if name in shape.members:
            below = f"{path}.{name}".lstrip(".")
            yield from _differ(shape.members[name], there[name], here[name], below)


def _elements(shape: Any, there: list[Any], here: list[Any], path: str) -> Iterator[str]:
    """Compare the first elements: lists of a loop are of one kind, and as long as they are."""
    if bool(there) is not bool(here):
        yield f"{path}: {len(there)} elements there, {len(here)} here"
    elif there:
        yield from _differ(shape.member, there[0], here[0], f"{path}[0]")


def _numbers(*values: Any) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def _either(*values: Any) -> bool:
    return any(set(values) <= both for both in _EITHER)


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__
