"""Alarms: what is stored, when each is evaluated, and what follows when its state changes."""

import json
import logging
import threading
from datetime import datetime
from typing import Any

from everloop_localcloud.cloudwatch import queries
from everloop_localcloud.cloudwatch.actions import act
from everloop_localcloud.cloudwatch.evaluation import Condition, judge
from everloop_localcloud.cloudwatch.metrics import Metric, Metrics
from everloop_localcloud.cloudwatch.rules import parse
from everloop_localcloud.cloudwatch.telling import configuration, noted, reason_data, told, written
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.clock import Signal
from everloop_localcloud.kernel.errors import AwsError

log = logging.getLogger(__name__)

Row = dict[str, Any]
_HISTORY = 100  # entries kept per alarm
# Statistics that more data can only push further over the threshold: (statistic, operator begins).
_ONLY_WORSE = {
    ("Sum", "Greater"),
    ("SampleCount", "Greater"),
    ("Maximum", "Greater"),
    ("Minimum", "Less"),
}


class Alarms:
    """One thread evaluates: each alarm at the end of its period, and soon after data arrives."""

    def __init__(self, cloud: Account, metrics: Metrics) -> None:
        self._cloud = cloud
        self._metrics = metrics
        self.lock = threading.RLock()
        self.rows = cloud.store.table("cloudwatch.alarms")
        self._history = cloud.store.table("cloudwatch.history")
        self._by_metric: dict[Metric, set[str]] = {}
        self._touched: set[str] = set()
        self._due: dict[str, float] = {}
        self._signal: Signal = cloud.clock.signal()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="alarms", daemon=True)
        for name in self.rows:
            self._index(name)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        with self.lock:
            self._signal.set()
        if self._thread.is_alive():
            self._thread.join(10)

    # What is stored

    def get(self, name: str) -> Row:
        """Return an alarm. Raises AwsError ResourceNotFound."""
        row = self.rows.get(name)
        if row is None:
            raise AwsError("ResourceNotFound", f"Unknown alarm {name}", 404)
        return row

    def put(self, row: Row, now: datetime) -> None:
        """Store a new or changed alarm; a changed one keeps its state until it is evaluated."""
        name = row["name"]
        with self.lock:
            known = self.rows.get(name)
            row["arn"] = self._cloud.arn("cloudwatch", f"alarm:{name}")
            row["configured"] = now
            if known:
                row |= {key: known[key] for key in ("state", "tags")}
            else:
                row["state"] = _state("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation", now)
            self.rows[name] = row
            self._index(name)
            self._touch(name)
        verb = "updated" if known else "created"
        self.note(name, "ConfigurationUpdate", f'Alarm "{name}" {verb}', {"type": verb}, now)

    def save(self, row: Row) -> None:
        with self.lock:
            self.rows[row["name"]] = row

    def remove(self, name: str) -> None:
        with self.lock:
            self.rows.pop(name, None)
            self._history.pop(name, None)
            self._due.pop(name, None)
            for names in self._by_metric.values():
                names.discard(name)

    def history(self, name: str) -> list[Row]:
        found = self._history.get(name)
        return list(found["items"]) if found else []

    def note(self, name: str, kind: str, summary: str, data: Row, now: datetime) -> None:
        item = {"time": now, "kind": kind, "summary": summary, "data": json.dumps(data)}
        with self.lock:
            known = self._history.get(name) or {"items": []}
            self._history[name] = {"items": [item, *known["items"]][:_HISTORY]}

    def _index(self, name: str) -> None:
        row = self.rows[name]
        for names in self._by_metric.values():
            names.discard(name)
        for metric in _read(row):
            self._by_metric.setdefault(metric, set()).add(name)
        self._due[name] = 0.0 if row["kind"] == "metric" else float("inf")

    # When alarms are evaluated

    def heard(self, metric: Metric) -> None:
        """A metric got data: its alarms are evaluated soon."""
        with self.lock:
            for name in self._by_metric.get(metric, ()):
                self._touch(name)

    def _touch(self, name: str) -> None:
        self._touched.add(name)
        self._signal.set()

    def _watch(self) -> None:
        self._cloud.started.wait()
        while not self._stopping.is_set():
            with self.lock:
                signal = self._signal
                now = self._cloud.clock.now().timestamp()
                chosen = self._touched | {name for name, due in self._due.items() if due <= now}
                self._touched = set()
                for name in chosen:
                    self._due[name] = float("inf")
                if chosen:
                    pause: float | None = 0.0
                else:
                    self._signal = signal = self._cloud.clock.signal()
                    soonest = min(self._due.values(), default=float("inf"))
                    pause = None if soonest == float("inf") else soonest - now
                    if self._stopping.is_set():
                        return
            for name in sorted(chosen):
                still = False
                try:
                    still = self._evaluate(name)
                except Exception:
                    if not self._stopping.is_set():
                        log.exception("alarm %s could not be evaluated", name)
                if not still:
                    self._again(name, now)
            if not chosen:
                signal.wait(pause)

    def _again(self, name: str, now: float) -> None:
        """Evaluate an alarm at the end of its period, too, whatever it hears until then."""
        with self.lock:
            row = self.rows.get(name)
            if row is None or row["kind"] != "metric":
                return
            period: int = min(row["period"], 60)
            self._due[name] = min(self._due[name], float((now // period + 1) * period))

    # What state an alarm is in

    def _evaluate(self, name: str) -> bool:
        """Judge an alarm; tell whether time alone can change nothing: then it waits for data."""
        row = self.rows.get(name)
        if row is None:
            return True
        if row["kind"] == "composite":
            self._evaluate_composite(row)
            return True
        now = self._cloud.clock.now()
        newest = max((self._metrics.newest(metric) for metric in _read(row)), default=0)
        condition = Condition(**row["condition"])
        points = self.datapoints(row, now.timestamp(), condition)
        verdict = judge(condition, points)
        if verdict.state is None or verdict.state == row["state"]["value"]:
            return newest < self._start(row, now.timestamp(), condition)
        self.change(name, verdict.state, verdict.reason, reason_data(row, verdict.points, now), now)
        return False

    @staticmethod
    def _start(row: Row, now: float, condition: Condition) -> int:
        """Return where the first period begins that an alarm looks at."""
        period: int = row["period"]
        return (int(now // period) - condition.periods_back) * period

    def datapoints(self, row: Row, now: float, condition: Condition) -> dict[int, float]:
        """Return the datapoints that an alarm is judged by.

        The running period counts only where it breaches already and more data cannot undo that.
        """
        period = row["period"]
        running = int(now // period) * period
        start = self._start(row, now, condition)
        found = queries.run(self._metrics, row["queries"], start, running + period)
        points = found[row["returned"]]
        if running in points:
            statistic = row["queries"][0].get("MetricStat", {}).get("Stat", "")
            begins = condition.comparison[: 7 if condition.comparison.startswith("G") else 4]
            settled = len(row["queries"]) == 1 and (statistic, begins) in _ONLY_WORSE
            if not (settled and condition.breaches(points[running])):
                del points[running]
        if running in points:
            points.pop(start, None)
        return points

    def _evaluate_composite(self, row: Row) -> None:
        rule, children = parse(row["rule"])

        def state_of(name: str) -> str | None:
            child = self.rows.get(name)
            return child["state"]["value"] if child else None

        value = "ALARM" if rule(state_of) else "OK"
        if value == row["state"]["value"]:
            return
        now = self._cloud.clock.now()
        known = [self.rows[name] for name in children if name in self.rows]
        latest = max(known, key=lambda child: child["state"]["updated"], default=None)
        reason = f'AlarmRule "{row["rule"]}" evaluated to {"TRUE" if value == "ALARM" else "FALSE"}'
        data: Row = {"triggeringAlarms": []}
        if latest:
            shown = latest["state"]
            data["triggeringAlarms"].append(
                {
                    "arn": latest["arn"],
                    "state": {"value": shown["value"], "timestamp": written(shown["updated"])},
                }
            )
            reason = f"{latest['arn']} transitioned to {shown['value']}: {reason}"
        self.change(row["name"], value, reason, data, now)

    def change(self, name: str, value: str, reason: str, data: Row, now: datetime) -> None:
        """Put an alarm into a state; if it is another one, events and actions follow."""
        with self.lock:
            row = self.rows.get(name)
            if row is None:
                return
            before = row["state"]
            state = _state(value, reason, now, json.dumps(data))
            if before["value"] == value:
                state["changed"] = before["changed"]
            row = {**row, "state": state}
            self.rows[name] = row
            self._again(name, now.timestamp())  # a person's word holds until it is judged again
            self._signal.set()
            for parent in self.rows.values():
                if parent["kind"] == "composite" and name in parse(parent["rule"])[1]:
                    self._touch(parent["name"])
        if before["value"] == value:
            return
        summary = f"Alarm updated from {before['value']} to {value}"
        change = {"oldState": noted(before), "newState": noted(state), "version": "1.0"}
        self.note(name, "StateUpdate", summary, change, now)
        self._cloud.emit(
            "aws.cloudwatch",
            "CloudWatch Alarm State Change",
            {
                "alarmName": name,
                "state": told(state),
                "previousState": told(before),
                "configuration": configuration(row),
            },
            [row["arn"]],
            now,
        )
        if row["actions_enabled"]:
            for arn in row["actions"][value]:
                self._act(row, before, arn)

    def _act(self, row: Row, before: Row, arn: str) -> None:
        now = self._cloud.clock.now()
        summary = f"Successfully executed action {arn}"
        error = ""
        try:
            act(self._cloud, row, before, arn)
        except AwsError as failure:
            error = str(failure)
            summary = f"Failed to execute action {arn}. Received error: {failure.message}"
            log.warning("alarm %s: %s", row["name"], summary)
        data = {"actionState": "Failed" if error else "Succeeded", "error": error or None}
        self.note(row["name"], "Action", summary, {"notificationResource": arn, **data}, now)


def _read(row: Row) -> set[Metric]:
    """Return the metrics that an alarm reads."""
    found = (query for query in row.get("queries", ()) if "MetricStat" in query)
    return {queries.metric_of(query) for query in found}


def _state(value: str, reason: str, now: datetime, data: str = "{}") -> Row:
    return {"value": value, "reason": reason, "data": data, "updated": now, "changed": now}
