"""The resource types that stacks may hold, by name."""

from everloop_localcloud.cloudformation.errors import invalid
from everloop_localcloud.cloudformation.resources import (
    buckets,
    custom,
    events,
    functions,
    identity,
    machines,
    messaging,
    storage,
    watching,
)
from everloop_localcloud.cloudformation.resources.kind import Kind, Made, Site

KINDS: dict[str, Kind] = {
    kind.type: kind
    for module in (
        *(buckets, storage, messaging, events, functions, machines, identity, watching),
        custom,
    )
    for kind in module.KINDS
}


def kind_of(logical_id: str, type_name: str) -> Kind:
    """Return a resource type. Raises AwsError naming one that this cloud does not have."""
    if type_name.startswith(custom.ALIASES):
        return custom.kind_called(type_name)
    if type_name not in KINDS:
        raise invalid(f"{logical_id}: the local cloud does not support resource type {type_name}")
    return KINDS[type_name]


__all__ = ["KINDS", "Kind", "Made", "Site", "kind_of"]
