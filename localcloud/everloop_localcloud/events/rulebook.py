"""Buses and rules: what is stored, and the index that publishing reads."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from everloop_localcloud.delivery.schedules import InvalidExpression, Timetable, parse
from everloop_localcloud.events.patterns import Pattern, compiled
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError, validation

Row = dict[str, Any]


class Rulebook:
    """`on_schedule(rule)` is called when a rule's schedule is due."""

    def __init__(self, cloud: Account, on_schedule: Callable[[Row], None]) -> None:
        self._cloud = cloud
        self._on_schedule = on_schedule
        self._timetable = Timetable(cloud.clock)
        self.lock = threading.RLock()
        self.buses = cloud.store.table("events.buses")
        self.rules = cloud.store.table("events.rules")
        if "default" not in self.buses:
            self.add_bus("default", cloud.clock.now(), {})
        # Replaced as a whole, never changed in place: publishing reads it without the lock.
        self._active: dict[str, tuple[tuple[Row, Pattern], ...]] = {}
        for name in self.buses:
            self._index(name)

    def start(self) -> None:
        for row in list(self.rules.values()):
            self._plan(row)

    def active(self, bus: str) -> tuple[tuple[Row, Pattern], ...]:
        """Return the enabled rules of a bus that have a pattern."""
        return self._active.get(bus, ())

    # Buses

    def add_bus(self, name: str, now: datetime, members: Row) -> Row:
        arn = self._cloud.arn("events", f"event-bus/{name}")
        row = {"name": name, "arn": arn, "created": now, "modified": now, "tags": {}, **members}
        self.buses[name] = row
        return row

    def bus(self, name: str | None) -> Row:
        """Return the bus of this name or ARN. Raises AwsError ResourceNotFoundException."""
        name = bus_name(name)
        row = self.buses.get(name)
        if row is None:
            raise AwsError("ResourceNotFoundException", f"Event bus {name} does not exist.")
        return row

    def remove_bus(self, name: str) -> None:
        with self.lock:
            if any(row["bus"] == name for row in self.rules.values()):
                raise validation("Cannot delete event bus with existing rules.")
            self.buses.pop(name, None)
            self._active.pop(name, None)

    # Rules

    def rule(self, name: str, bus: str | None) -> Row:
        """Return a rule. Raises AwsError ResourceNotFoundException."""
        known = self.bus(bus)["name"]
        row = self.rules.get(f"{known}/{name}")
        if row is None:
            raise AwsError(
                "ResourceNotFoundException", f"Rule {name} does not exist on EventBus {known}."
            )
        return row

    def rules_of(self, bus: str) -> list[Row]:
        return sorted(
            (row for row in self.rules.values() if row["bus"] == bus), key=lambda row: row["name"]
        )

    def save(self, row: Row) -> None:
        """Store a rule and let it take effect, by and by where it had none before."""
        known = self.rules.get(f"{row['bus']}/{row['name']}")
        with self.lock:
            if _works(row) and not (known and _works(known)):
                self._cloud.propagation.made("rule", row["arn"])
            self.rules[f"{row['bus']}/{row['name']}"] = row
            self._index(row["bus"])
            self._plan(row)

    def remove(self, row: Row) -> None:
        with self.lock:
            self.rules.pop(f"{row['bus']}/{row['name']}", None)
            self._index(row["bus"])
            self._timetable.cancel(row["arn"])

    def _index(self, bus: str) -> None:
        active = tuple(
            (row, compiled(row["pattern"]))
            for row in self.rules_of(bus)
            if row["pattern"] and row["state"] != "DISABLED"
        )
        self._active = {**self._active, bus: active}

    def _plan(self, row: Row) -> None:
        if not row["schedule"] or row["state"] == "DISABLED":
            self._timetable.cancel(row["arn"])
            return
        when = row.get("next")
        if when is None:
            when = check_schedule(row["schedule"]).after(row["anchor"], row["anchor"])
        if when is not None:
            self._timetable.set(row["arn"], when, lambda: self._fire(row["arn"], when))

    def _fire(self, arn: str, when: datetime) -> None:
        with self.lock:
            row = next((one for one in self.rules.values() if one["arn"] == arn), None)
            if row is None or row["state"] == "DISABLED" or not row["schedule"]:
                return
            # Runs that were missed, by a restart or a busy machine, are not caught up one by one.
            now = self._cloud.clock.now()
            later = check_schedule(row["schedule"]).after(max(now, when), row["anchor"])
            self._on_schedule({**row, "time": when})  # stored before the next run is
            if later is not None:
                self.save({**row, "next": later})


def _works(row: Row) -> bool:
    return bool(row["targets"]) and row["state"] != "DISABLED"


def bus_name(name: str | None) -> str:
    return (name or "default").rpartition("event-bus/")[2]


def check_schedule(text: str) -> Any:
    """Parse a rule's schedule. Raises AwsError ValidationException."""
    try:
        if text.lstrip().startswith("at("):
            raise InvalidExpression("rules have no at()")
        return parse(text, strict_units=True)
    except InvalidExpression as error:
        raise validation(f"Parameter ScheduleExpression is not valid. Reason: {error}.") from error
