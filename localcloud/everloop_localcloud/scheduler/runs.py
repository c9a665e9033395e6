"""When schedules run: the next time of each is stored, so that a restart misses at most repeats."""

import json
import random
import threading
from datetime import datetime, timedelta
from typing import Any

from everloop_localcloud.delivery.attempts import Deliveries, Delivery, Outcome
from everloop_localcloud.delivery.schedules import At, Rate, Timetable, parse
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.clock import stamp
from everloop_localcloud.scheduler import targets

Row = dict[str, Any]
_INSTANT = timedelta(microseconds=1)
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html
_COUNTED: dict[Outcome, tuple[str, ...]] = {
    "delivered": ("InvocationAttemptCount",),
    "to be tried again": ("InvocationAttemptCount",),
    "given up": ("InvocationAttemptCount", "InvocationDroppedCount"),
    "dead letter": ("InvocationsSentToDeadLetterCount",),
    "no dead letter": ("InvocationsFailedToBeSentToDeadLetterCount",),
}


class Runs:
    """Follows the schedules of a table and delivers their runs."""

    def __init__(self, cloud: Account) -> None:
        self._cloud = cloud
        self._timetable = Timetable(cloud.clock)
        self._random = random.Random()
        self.lock = threading.RLock()
        self.schedules = cloud.store.table("scheduler.schedules")
        self.deliveries = Deliveries(
            cloud,
            "scheduler.deliveries",
            "scheduler.amazonaws.com",
            lambda delivery: targets.hand_over(cloud, delivery),
            _letter,
            self._count,
        )

    def _count(self, outcome: Outcome, delivery: Delivery, code: str) -> None:
        group = delivery["owner"].rpartition("schedule/")[2].partition("/")[0]
        names = _COUNTED[outcome]
        if outcome in ("to be tried again", "given up"):
            throttled = code in ("THROTTLING", "RESOURCE_LIMIT_EXCEEDED")
            names += ("TargetErrorThrottledCount" if throttled else "TargetErrorCount",)
        for metric in names:
            self._cloud.measure("AWS/Scheduler", metric, {"ScheduleGroup": group})

    def start(self) -> None:
        self.deliveries.start()
        for key in self.schedules:
            self._plan(key)

    def stop(self) -> None:
        self.deliveries.stop()

    def put(self, key: str, row: Row) -> None:
        """Store a new or changed schedule and plan its next run."""
        with self.lock:
            now = self._cloud.clock.now()
            self.schedules[key] = {**row, "next": self._next(row, now)}
            self._plan(key)

    def remove(self, key: str) -> None:
        with self.lock:
            self.schedules.pop(key, None)
            self._timetable.cancel(key)

    def _next(self, row: Row, after: datetime) -> datetime | None:
        """Return the first run later than `after`.

        A rate counts from its start date, and runs then for the first time; without a start date
        that is at once.
        """
        expression = parse(row["expression"], row["zone"])
        if isinstance(expression, At):
            return expression.after(after, after)
        start = row["start"] or row["anchor"]
        if isinstance(expression, Rate) and not row["ran"]:
            found: datetime | None = max(start, row["anchor"])
        else:
            found = expression.after(max(after, start - _INSTANT), start)
        return None if found and row["end"] and found > row["end"] else found

    def _plan(self, key: str) -> None:
        row = self.schedules[key]
        when = row["next"]
        if row["state"] != "ENABLED" or when is None:
            self._timetable.cancel(key)
            return
        window = row["window"].get("MaximumWindowInMinutes", 0) * 60
        wait = timedelta(seconds=self._random.random() * window)
        self._timetable.set(key, when + wait, lambda: self._run(key, when))

    def _run(self, key: str, when: datetime) -> None:
        with self.lock:
            row = self.schedules.get(key)
            if row is None or row["state"] != "ENABLED" or row["next"] != when:
                return
            if not self._is_behind(row):
                delivery = self.deliveries.add(
                    row["arn"],
                    row["target"].get("RetryPolicy") or {},
                    (row["target"].get("DeadLetterConfig") or {}).get("Arn", ""),
                    {
                        "target": row["target"],
                        "role": row["target"]["RoleArn"],
                        "scheduled": stamp(when),
                    },
                )
                row = {**row, "ran": True, "last": delivery}
            # Runs that were missed, by a restart or a busy machine, are not caught up one by one.
            later = self._next(row, max(self._cloud.clock.now(), when))
            if later is None and row["after"] == "DELETE":
                self.remove(key)
                return
            self.schedules[key] = {**row, "next": later}
            self._plan(key)

    def _is_behind(self, row: Row) -> bool:
        """Whether the run before still runs, at a clock that is faster than what computes.

        On AWS a Lambda's time-out bounds how many runs of a schedule there are at a time. Here it
        counts real seconds and the schedule does not: runs would pile up until none of them ends.
        """
        last = row.get("last")
        if last is None or self._cloud.clock.speed <= 1:
            return False
        return self.deliveries.waits(last["id"]) or targets.is_running(self._cloud, last)


def _letter(
    delivery: Delivery, code: str, message: str, exhausted: str
) -> tuple[str, dict[str, str]]:
    attributes = {
        "SCHEDULE_ARN": delivery["owner"],
        "TARGET_ARN": delivery["target"]["Arn"],
        "SCHEDULED_TIME": delivery["scheduled"],
        "EXECUTION_ID": delivery["id"],
        "ERROR_CODE": code,
        "ERROR_MESSAGE": message,
        "RETRY_ATTEMPTS": str(delivery["attempts"]),
        "IS_PAYLOAD_TRUNCATED": "false",
    }
    if exhausted:
        attributes["EXHAUSTED_RETRY_CONDITION"] = exhausted
    return targets.filled(delivery) or json.dumps({}), attributes
