"""What every resource type is made of, and what it may use to make its resources."""

import json
import re
import secrets
import string
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from everloop_localcloud.cloudformation import replacing
from everloop_localcloud.cloudformation.errors import invalid
from everloop_localcloud.kernel import wire
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError

_ALPHABET = string.ascii_uppercase + string.digits


@dataclass
class Made:
    """A resource as it came out: what `Ref` gives, and what `Fn::GetAtt` gives."""

    ref: str
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Site:
    """Where a resource is made: the cloud, and its place in a stack."""

    cloud: Account
    stack: str
    logical_id: str

    def call(self, service: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Call an API; values that a template can only write as text take their API's type."""
        model = wire.service_model(service).operation_model(operation)
        fitted = _fitted(model.input_shape, {k: v for k, v in request.items() if v is not None})
        return self.cloud.call(service, operation, fitted)

    def gone(self, service: str, operation: str, request: Mapping[str, Any]) -> None:
        """Call an API that removes something; what is not there any more is as good as removed."""
        try:
            self.call(service, operation, request)
        except AwsError as error:
            if error.status != 404 and not re.search(
                r"NotFound|NoSuch|DoesNotExist|NonExist|DoesntExist", error.code
            ):
                raise

    def name(self, most: int, lower: bool = False) -> str:
        """Return a physical name, as CloudFormation makes one up: stack, logical id, random."""
        tail = "".join(secrets.choice(_ALPHABET) for _ in range(12))
        room = most - len(tail) - 2
        stack = self.stack[: max(room // 2, room - len(self.logical_id))]
        made = f"{stack}-{self.logical_id[: room - len(stack)]}-{tail}"
        return made.lower() if lower else made


class Kind(ABC):
    """A resource type. Properties that it neither honours nor ignores for a reason are refused.

    Which changes make a new resource is AWS's: see replacing. So does here what is `rigid`, which
    AWS changes in place. What is `fixed` cannot be changed at all, on AWS either.
    """

    type: ClassVar[str]
    properties: ClassVar[frozenset[str]]
    required: ClassVar[frozenset[str]] = frozenset()
    ignored: ClassVar[dict[str, str]] = {}
    rigid: ClassVar[frozenset[str]] = frozenset()
    fixed: ClassVar[frozenset[str]] = frozenset()

    def check(self, logical_id: str, given: Mapping[str, Any]) -> None:
        """Raise AwsError for a property this cloud would not honour, or one that is missing."""
        unknown = sorted(set(given) - self.properties - set(self.ignored))
        if unknown:
            raise invalid(
                f"{logical_id}: the local cloud does not support "
                f"{'property' if len(unknown) == 1 else 'properties'} {', '.join(unknown)} "
                f"of {self.type}"
            )
        missing = sorted(self.required - set(given))
        if missing:
            raise invalid(f"{logical_id}: {self.type} needs {', '.join(missing)}")

    def replaced_for(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
        """Return the changed properties for which AWS makes a new resource."""
        return _changed(replacing.properties(self.type), before, after)

    def replaces(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Tell whether the change from one set of properties to another needs a new resource."""
        return bool(self.replaced_for(before, after) or _changed(self.rigid, before, after))

    def check_change(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Raise AwsError for a change that cannot be: its name is taken, or nothing changes it."""
        if lasting := _changed(self.fixed, before, after):
            raise invalid(f"{', '.join(lasting)} of {self.type} cannot be changed")
        refusal = replacing.refusal(self.type, before, after)
        if refusal is not None and self.replaced_for(before, after):
            raise invalid(refusal)
        if refusal is not None and (here := _changed(self.rigid, before, after)):
            raise invalid(
                f"the local cloud cannot change {', '.join(here)} of {self.type} in place, as AWS "
                f"does. Rename {replacing.custom_name(self.type, after)} and update the stack again"
            )

    @abstractmethod
    def create(self, site: Site, given: dict[str, Any]) -> Made: ...

    @abstractmethod
    def update(
        self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]
    ) -> Made: ...

    @abstractmethod
    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None: ...


class Replaced(Kind):
    """A resource type that has no updates: whatever changes makes a new resource."""

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        raise AssertionError(f"{self.type} {ref} was to be replaced")


def _changed(
    names: Iterable[str], before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[str]:
    return sorted(name for name in names if before.get(name) != after.get(name))


def only(given: Mapping[str, Any], names: set[str], where: str) -> None:
    """Raise AwsError for members of a nested property beyond these."""
    unknown = sorted(set(given) - names)
    if unknown:
        raise invalid(f"the local cloud does not support {', '.join(unknown)} of {where}")


def document(given: Any) -> str:
    """Return a policy or pattern as the JSON text that its API takes."""
    return given if isinstance(given, str) else json.dumps(given)


def tag_map(given: Any) -> dict[str, str]:
    """Return tags as a map, from the list that most types have or the map that some have."""
    if isinstance(given, dict):
        return {key: str(value) for key, value in given.items()}
    return {tag["Key"]: str(tag["Value"]) for tag in given or []}


def tag_list(given: Any) -> list[dict[str, str]]:
    """Return tags as a list, from either form."""
    return [{"Key": key, "Value": value} for key, value in tag_map(given).items()]


def is_true(value: Any) -> bool:
    """Whether a property is true, which templates write as a boolean or as text."""
    return str(value).lower() == "true"


def tag_changes(before: Any, after: Any) -> tuple[dict[str, str], list[str]]:
    """Return tags to set and keys to remove."""
    old, new = tag_map(before), tag_map(after)
    return {k: v for k, v in new.items() if old.get(k) != v}, sorted(set(old) - set(new))


def picked(given: Mapping[str, Any], names: Any) -> dict[str, Any]:
    return {name: given[name] for name in names if given.get(name) is not None}


def _fitted(shape: Any, value: Any) -> Any:
    """Turn texts into numbers and truths, and back, where the API's shape wants the other."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        return {
            name: _fitted(shape.members[name], item) if name in shape.members else item
            for name, item in value.items()
        }
    if kind == "list" and isinstance(value, list):
        return [_fitted(shape.member, item) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {name: _fitted(shape.value, item) for name, item in value.items()}
    if kind in ("integer", "long") and isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    if kind in ("float", "double") and isinstance(value, str | int) and not isinstance(value, bool):
        try:
            return float(value)
        except ValueError:
            return value
    if kind == "boolean" and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if kind == "string" and isinstance(value, bool):
        return "true" if value else "false"
    if kind == "string" and isinstance(value, int | float):
        return str(value)
    return value
