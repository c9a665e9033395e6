"""The ledger as the judge reads it: what lies in the fake table, through the product's records."""

from collections.abc import Iterator
from typing import Any

from everloop.aws.items import plain_item
from everloop.records import arrival, decision, installation, lease, run, window
from everloop.records.keys import Key, Range
from everloop.records.lease import Lease
from everloop.records.run import Run
from everloop.records.window import ClosedWindow, Window
from proofs.sim.aws.dynamodb import DynamoDb


class Ledger:
    def __init__(self, table: DynamoDb) -> None:
        self._table = table

    def find(self, key: Key) -> dict[str, Any] | None:
        item = self._table.items.get((key.pk, key.sk))
        return plain_item(item) if item is not None else None

    def all(self, place: Range) -> Iterator[dict[str, Any]]:
        """Yield the items of a place, the first first."""
        for item in self._table.within(place.pk, place.prefix):
            yield plain_item(item)

    def installed(self, model: str) -> installation.Installation | None:
        item = self.find(installation.key(model))
        return installation.of(model, item) if item is not None else None

    def lease(self, model: str, kind: str) -> Lease:
        return lease.of(self.find(lease.key(model, kind)) or {})

    def runs(self, model: str) -> list[Run]:
        return [run.of(item) for item in self.all(run.all_of(model))]

    def window(self, model: str) -> Window:
        return window.of(self.find(window.key(model)) or {})

    def closed(self, model: str) -> list[ClosedWindow]:
        return [window.closed_of(item) for item in self.all(window.all_closed(model))]

    def arrived(self, model: str) -> Iterator[tuple[int, arrival.Arrival]]:
        """Yield every arrival with the number of the window that it came into."""
        for number in range(1, self.window(model).number + 1):
            for item in self.all(arrival.of_window(model, number)):
                yield number, arrival.of(item)

    def decisions(self, model: str, *kinds: str) -> list[dict[str, Any]]:
        """Return the decisions of some kinds, or all, as their hashes were taken of them."""
        found = (decision.of(item) for item in self.all(decision.all_of(model)))
        return [each for each in found if not kinds or each["kind"] in kinds]
