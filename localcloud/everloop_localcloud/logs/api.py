"""CloudWatch Logs: groups, streams and events; metrics that lines carry go to CloudWatch."""

import logging
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar
from zlib import crc32

from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.logs.embedded_metrics import metrics_in
from everloop_localcloud.logs.files import Event
from everloop_localcloud.logs.groups import LogGroups, invalid, milliseconds, row_name
from everloop_localcloud.logs.patterns import compiled
from everloop_localcloud.logs.reads import READS

log = logging.getLogger(__name__)

_MOST_EVENTS = 10_000
_PAST = timedelta(days=14)
_FUTURE = timedelta(hours=2)
_METRICS_AT_ONCE = 1000


class Logs(LogGroups):
    """Log groups whose events lie in readable files below the state's folder."""

    reads = READS

    partial: ClassVar[dict[str, str]] = {
        "AssociateKmsKey": "log groups only; the key is kept, without effect",
        "CreateLogGroup": "kmsKeyId and logGroupClass are kept, without effect",
        "DisassociateKmsKey": "log groups only",
        "FilterLogEvents": "terms and JSON comparisons; no regular expressions, no parentheses",
        "PutRetentionPolicy": "expired events are not answered any more; their bytes stay",
    }
    without_effect: ClassVar[dict[str, str]] = {
        "unmask": "nothing is masked",
        "interleaved": "events of streams are always interleaved, as on AWS",
        "sequenceToken": "AWS ignores it, too",
        "entity": "entities are not kept",
    }

    def has_group(self, name: str) -> bool:
        return name in self._groups

    def append(self, group: str, stream: str, lines: Iterable[str]) -> None:
        """Write lines of text with the cloud's time, and make group and stream where missing."""
        now = self.cloud.clock.now()
        with self._lock:
            if group not in self._groups:
                self._groups[group] = {"created": milliseconds(now), "tags": {}}
            if row_name(group, stream) not in self._streams:
                self._make_stream(group, stream, now)
        # An empty line is no event, as with the log drivers of AWS's containers.
        events = [(milliseconds(now), line) for line in lines if line]
        self._write(group, stream, events, now)

    @operation
    def put_log_events(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        group, stream = request["logGroupName"], request["logStreamName"]
        events = request["logEvents"]
        if len(events) > _MOST_EVENTS:
            raise invalid(f"logEvents has {len(events)} events; at most {_MOST_EVENTS} are taken")
        stamps = [event["timestamp"] for event in events]
        if stamps != sorted(stamps):
            raise invalid("Log events in a single PutLogEvents request must be in order.")
        with self._lock:
            self._stream(group, stream)
        now = self.cloud.clock.now()
        old = sum(stamp < milliseconds(now - _PAST) for stamp in stamps)
        new = len(stamps) - sum(stamp > milliseconds(now + _FUTURE) for stamp in stamps)
        taken = [(event["timestamp"], event["message"]) for event in events[old:new]]
        self._write(group, stream, taken, now)
        answer: dict[str, Any] = {"nextSequenceToken": str(milliseconds(now))}
        rejected = {}
        if old:
            rejected["tooOldLogEventEndIndex"] = old
        if new < len(stamps):
            rejected["tooNewLogEventStartIndex"] = new
        return {**answer, "rejectedLogEventsInfo": rejected} if rejected else answer

    @operation
    def get_log_events(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        group, stream = self._named(request), request["logStreamName"]
        events = self._events(group, stream, request)
        limit = request.get("limit", _MOST_EVENTS)
        token = request.get("nextToken", "")
        way, _, place = token.partition("/")
        if token and (way not in ("f", "b") or not place.isdigit()):
            raise invalid("The specified nextToken is invalid.")
        if way == "f":
            start, end = int(place), int(place) + limit
        elif way == "b":
            start, end = max(0, int(place) - limit), int(place)
        elif request.get("startFromHead"):
            start, end = 0, limit
        else:
            start, end = max(0, len(events) - limit), len(events)
        page = events[start:end]
        return {
            "events": page,
            "nextForwardToken": f"f/{start + len(page)}",
            "nextBackwardToken": f"b/{start}",
        }

    @operation
    def filter_log_events(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        group, matches = self._named(request), compiled(request.get("filterPattern", ""))
        with self._lock:
            self._group(group)
            names = self._names(group)
        wanted, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix", "")
        if wanted and prefix:
            raise invalid("logStreamNames and logStreamNamePrefix exclude each other.")
        found = []
        for name in names:
            if name.startswith(prefix) and (not wanted or name in wanted):
                # The same for ever, whatever is asked for: place among those of its millisecond.
                places: Counter[int] = Counter()
                for event in self._events(group, name, request):
                    at = event["timestamp"]
                    places[at] += 1
                    if matches(event["message"]):
                        number = f"{at:020d}{crc32(name.encode()):010d}{places[at]:010d}"
                        found.append({**event, "logStreamName": name, "eventId": number})
        found.sort(key=lambda event: (event["timestamp"], event["logStreamName"], event["eventId"]))
        start = request.get("nextToken", "0")
        if not start.isdigit():
            raise invalid("The specified nextToken is invalid.")
        end = int(start) + request.get("limit", _MOST_EVENTS)
        answer: dict[str, Any] = {"events": found[int(start) : end], "searchedLogStreams": []}
        if end < len(found):
            answer["nextToken"] = str(end)
        return answer

    def _write(self, group: str, stream: str, events: list[tuple[int, str]], now: datetime) -> None:
        if not events:
            return
        ingested = milliseconds(now)
        lines = [{"timestamp": t, "ingestionTime": ingested, "message": m} for t, m in events]
        with self._lock:
            row = self._stream(group, stream)
            self._files.append(group, stream, lines)
            row["first"] = min(row.get("first", events[0][0]), events[0][0])
            row["last"] = max(row.get("last", 0), events[-1][0])
            row["ingested"] = ingested
            self._streams.save(row_name(group, stream))
        self._put_metrics([message for _, message in events], now)

    def _put_metrics(self, messages: list[str], now: datetime) -> None:
        if "cloudwatch" not in self.cloud.apis:
            return
        for namespace, data in metrics_in(messages, now):
            for first in range(0, len(data), _METRICS_AT_ONCE):
                chunk = data[first : first + _METRICS_AT_ONCE]
                request = {"Namespace": namespace, "MetricData": chunk}
                try:
                    self.cloud.call("cloudwatch", "PutMetricData", request)
                except AwsError as error:  # a bad metric must not cost the one who logged it
                    log.warning("metrics of %s were refused: %s", namespace, error)

    def _events(self, group: str, stream: str, request: dict[str, Any]) -> list[Event]:
        """Return the events of a stream that are in the request's time and not expired."""
        with self._lock:
            self._stream(group, stream)
            days = self._group(group).get("retention")
            events = self._files.read(group, stream)
        start, end = request.get("startTime", 0), request.get("endTime")
        if days is not None:
            start = max(start, milliseconds(self.cloud.clock.now() - timedelta(days=days)))
        return [
            e for e in events if e["timestamp"] >= start and (end is None or e["timestamp"] < end)
        ]
