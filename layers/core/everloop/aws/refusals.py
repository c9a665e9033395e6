"""Instances that AWS refused to a model, in the ledger."""

from everloop.aws import table
from everloop.records import refusal as records
from everloop.records.refusal import Refusal


def of(model: str) -> list[Refusal]:
    """Return what was refused, the last answer for each instance and use."""
    found = (records.of(model, item) for item in table.query(records.all_of(model)))
    return [refusal for refusal in found if refusal is not None]


def put(refusal: Refusal) -> None:
    table.write(records.put(refusal))


def forget(model: str) -> None:
    """Let all instances of a model be tried again."""
    for refusal in of(model):
        table.write(records.forget(refusal))
