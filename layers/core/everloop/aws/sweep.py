"""Where the sweep over the data bucket is, in the ledger."""

from everloop.aws import table
from everloop.records import sweep as records
from everloop.records.sweep import Sweep


def read() -> Sweep:
    return records.of(table.get(records.KEY) or {})


def write(sweep: Sweep) -> None:
    table.write(records.put(sweep))
