"""The ledger's memory of objects that are in no dataset: withdrawn, set aside, or back again."""

from collections.abc import Collection

from everloop.aws import table
from everloop.records import object_state
from everloop.records.object_state import ObjectState


def states(model: str) -> dict[str, ObjectState]:
    """Return all that is remembered of a model's objects, by id."""
    known = map(object_state.of, table.query(object_state.all_of(model)))
    return {state.id: state for state in known}


def states_of(model: str, ids: Collection[str]) -> dict[str, ObjectState]:
    """Return what is remembered of these objects."""
    keys = [object_state.key(model, id) for id in ids]
    return {state.id: state for state in map(object_state.of, table.get_many(keys))}


def put(model: str, state: ObjectState) -> None:
    """Remember an object's state; it takes the place of what was known."""
    table.write(object_state.put(model, state))
