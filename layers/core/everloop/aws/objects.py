"""The ledger's memory of objects that are in no dataset: withdrawn, set aside, or back again."""

from collections.abc import Collection

from everloop.aws import table
from everloop.aws.items import Item
from everloop.decisions.objects import ObjectState
from everloop.moments import moment, text


def states(model: str) -> dict[str, ObjectState]:
    """Return all that is remembered of a model's objects, by id."""
    return {item["sk"]: _read(item) for item in table.query(_pk(model))}


def states_of(model: str, ids: Collection[str]) -> dict[str, ObjectState]:
    """Return what is remembered of these objects."""
    return {item["sk"]: _read(item) for item in table.get_many(_pk(model), ids)}


def put(model: str, state: ObjectState) -> None:
    """Remember an object's state; it takes the place of what was known."""
    table.put(
        {
            "pk": _pk(model),
            "sk": state.id,
            "key": state.key,
            "version_id": state.version_id,
            "state": state.state,
            "reason": state.reason,
            "at": text(state.at),
            "by": state.by,
            "marker": state.marker,
        }
    )


def _pk(model: str) -> str:
    return f"OBJECT#{model}"


def _read(item: Item) -> ObjectState:
    return ObjectState(
        key=item["key"],
        version_id=item["version_id"],
        state=item["state"],
        reason=item["reason"],
        at=moment(item["at"]),
        by=item.get("by") or "",
        marker=item.get("marker") or "",
    )
