"""Schedule expressions of EventBridge: rate, cron and at; and the timers that follow them."""

import calendar
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from everloop_localcloud.kernel.clock import Clock, Timer

_UNITS = {"minute": 60, "hour": 3600, "day": 86_400}
_MONTHS = {
    **{"JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAY": 5, "JUN": 6},
    **{"JUL": 7, "AUG": 8, "SEP": 9, "OCT": 10, "NOV": 11, "DEC": 12},
}
_DAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}


class InvalidExpression(ValueError):
    """An expression that AWS refuses."""


@dataclass(frozen=True)
class Rate:
    """Every period, counted from an anchor."""

    period: timedelta

    def after(self, moment: datetime, anchor: datetime) -> datetime | None:
        """Return the first run later than `moment`; the anchor itself is the first of all."""
        if moment < anchor:
            return anchor
        return anchor + self.period * ((moment - anchor) // self.period + 1)


@dataclass(frozen=True)
class At:
    """Once."""

    when: datetime

    def after(self, moment: datetime, anchor: datetime) -> datetime | None:
        return self.when if self.when > moment else None


@dataclass(frozen=True)
class Cron:
    """Six fields: minutes, hours, day of month, month, day of week, year; in a time zone."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Callable[[int, int], list[int]]
    months: tuple[int, ...]
    years: tuple[int, ...]
    zone: ZoneInfo | timezone

    def after(self, moment: datetime, anchor: datetime) -> datetime | None:
        """Return the first run later than `moment`, or None; times the clocks skip never run."""
        local = moment.astimezone(self.zone)
        for year in (year for year in self.years if year >= local.year):
            for month in self.months:
                if (year, month) < (local.year, local.month):
                    continue
                for day in self.days(year, month):
                    if (year, month, day) < (local.year, local.month, local.day):
                        continue
                    found = self._on(year, month, day, moment)
                    if found:
                        return found
        return None

    def _on(self, year: int, month: int, day: int, moment: datetime) -> datetime | None:
        for hour in self.hours:
            for minute in self.minutes:
                wall = datetime(year, month, day, hour, minute, tzinfo=self.zone)
                found = wall.astimezone(UTC)
                exists = found.astimezone(self.zone).replace(tzinfo=None) == wall.replace(
                    tzinfo=None
                )
                if exists and found > moment:
                    return found
        return None


Expression = Rate | Cron | At


def parse(text: str, zone: str = "UTC", *, strict_units: bool = False) -> Expression:
    """Parse an expression. Raises InvalidExpression saying what is wrong.

    With `strict_units`, as in rules, 1 takes the singular and all else the plural.
    """
    tz = _zone(zone)
    match = re.fullmatch(r"\s*(rate|cron|at)\(\s*(.*?)\s*\)\s*", text)
    if not match:
        raise InvalidExpression(f"{text!r} is neither rate(...), cron(...) nor at(...)")
    kind, inner = match[1], match[2]
    if kind == "rate":
        return _rate(text, inner, strict_units)
    if kind == "cron":
        return _cron(inner, tz)
    try:
        return At(datetime.strptime(inner, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=tz).astimezone(UTC))
    except ValueError as error:
        raise InvalidExpression(f"{text!r}: use at(yyyy-mm-ddThh:mm:ss)") from error


def _zone(name: str) -> ZoneInfo | timezone:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidExpression(f"{name!r} is no time zone") from error


def _rate(text: str, inner: str, strict_units: bool) -> Rate:
    match = re.fullmatch(r"([1-9][0-9]*)\s+(minute|hour|day)(s?)", inner)
    if not match:
        raise InvalidExpression(f"{text!r}: use rate(n minutes), rate(n hours) or rate(n days)")
    number = int(match[1])
    if strict_units and (number == 1) == bool(match[3]):
        raise InvalidExpression(f"{text!r}: 1 takes the singular, all else the plural")
    return Rate(timedelta(seconds=number * _UNITS[match[2]]))


def _cron(inner: str, tz: ZoneInfo | timezone) -> Cron:
    fields = inner.upper().split()
    if len(fields) != 6:
        raise InvalidExpression(f"cron({inner}) has {len(fields)} fields; it needs 6")
    minutes, hours, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        raise InvalidExpression(f"cron({inner}): one of the two day fields must be ?, and only one")
    days = _days_of_week(weekday) if day == "?" else _days_of_month(day)
    return Cron(
        _numbers("minutes", minutes, 0, 59),
        _numbers("hours", hours, 0, 23),
        days,
        _numbers("month", month, 1, 12, _MONTHS),
        _numbers("year", year, 1970, 2199),
        tz,
    )


def _numbers(
    field: str, text: str, low: int, high: int, names: dict[str, int] | None = None
) -> tuple[int, ...]:
    def number(part: str) -> int:
        value = (names or {}).get(part)
        if value is None and part.isdigit():
            value = int(part)
        if value is None or not low <= value <= high:
            raise InvalidExpression(f"{part!r} is no value for {field} ({low} to {high})")
        return value

    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = low, high
        elif "-" in span:
            start, _, end = span.partition("-")
            first, last = number(start), number(end)
        else:
            first = number(span)
            last = high if step else first
        if "/" in part and (not step.isdigit() or int(step) < 1):
            raise InvalidExpression(f"{part!r} is no value for {field}: the step must be above 0")
        chosen = list(range(first, last + 1))
        if first > last:  # FRI-MON goes around the end
            chosen = [*range(first, high + 1), *range(low, last + 1)]
        found.update(chosen[:: int(step or 1)])
    return tuple(sorted(found))


def _last(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _weekday(year: int, month: int, day: int) -> int:
    return (calendar.weekday(year, month, day) + 1) % 7 + 1  # SUN is 1


def _days_of_month(text: str) -> Callable[[int, int], list[int]]:
    if text == "L":
        return lambda year, month: [_last(year, month)]
    nearest = re.fullmatch(r"(L|[0-9]{1,2})W", text)
    if nearest:
        wanted = nearest[1]
        if wanted != "L":
            _numbers("day of month", wanted, 1, 31)

        def working(year: int, month: int) -> list[int]:
            last = _last(year, month)
            day = last if wanted == "L" else int(wanted)
            if day > last:
                return []
            weekday = _weekday(year, month, day)
            if weekday == 7:
                day += -1 if day > 1 else 2
            elif weekday == 1:
                day += 1 if day < last else -2
            return [day]

        return working
    chosen = _numbers("day of month", text, 1, 31)
    return lambda year, month: [day for day in chosen if day <= _last(year, month)]


def _days_of_week(text: str) -> Callable[[int, int], list[int]]:
    nth = re.fullmatch(r"([A-Z]{3}|[1-7])#([1-5])", text)
    final = re.fullmatch(r"([A-Z]{3}|[1-7])?L", text)
    if nth:
        day, number = _numbers("day of week", nth[1], 1, 7, _DAYS)[0], int(nth[2])
        return lambda year, month: _all_of(year, month, (day,))[number - 1 : number]
    if final:
        day = _numbers("day of week", final[1] or "7", 1, 7, _DAYS)[0]
        return lambda year, month: _all_of(year, month, (day,))[-1:]
    chosen = _numbers("day of week", text, 1, 7, _DAYS)
    return lambda year, month: _all_of(year, month, chosen)


def _all_of(year: int, month: int, weekdays: tuple[int, ...]) -> list[int]:
    return [
        day for day in range(1, _last(year, month) + 1) if _weekday(year, month, day) in weekdays
    ]


class Timetable:
    """At most one timer per key."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._timers: dict[str, Timer] = {}
        self._lock = threading.Lock()

    def set(self, key: str, when: datetime, action: Callable[[], None]) -> None:
        with self._lock:
            known = self._timers.pop(key, None)
            if known:
                known.cancel()
            self._timers[key] = self._clock.at(when, action)

    def cancel(self, key: str) -> None:
        with self._lock:
            known = self._timers.pop(key, None)
            if known:
                known.cancel()
