"""Deploy windows and freezes: when a release of something new may begin, by the clock on a wall.

A release that has begun goes to its end. `decisions.releases` knows what need not wait.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from typing import Final

from everloop.decisions.judgement import Freeze

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EXAMPLE: Final = "Mon-Thu 09:00-16:00 Europe/Lisbon"
_WINDOW = re.compile(r"(\S+) (\d\d):(\d\d)-(\d\d):(\d\d) (\S+)")
_DAY = 24 * 60
_GAP = 3 * 60  # minutes; no clock was ever put forward by more
_MOST = 50  # openings in a row that a freeze may cover


@dataclass(frozen=True)
class Window:
    """A time of the week: `start` and `end` in minutes of a day; it ends the day after where it
    would end before its start.
    """

    text: str
    days: tuple[int, ...]
    start: int
    end: int
    zone: str

    def holds(self, now: datetime) -> bool:
        """Whether a clock on a wall there shows a time of this window."""
        there = now.astimezone(_zone(self.zone))
        minute = there.hour * 60 + there.minute
        return self._has(there.weekday(), minute) or self._has(there.weekday() - 1, minute + _DAY)

    def _has(self, day: int, minute: int) -> bool:
        return day % 7 in self.days and self.start <= minute < self.end

    def next_start(self, now: datetime) -> datetime | None:
        """Return when it begins next; None where clocks put forward leave nothing of it."""
        zone = _zone(self.zone)
        today = now.astimezone(zone).date()
        for days in range(15):
            date = today + timedelta(days=days)
            if date.weekday() not in self.days:
                continue
            hour, minute = divmod(self.start, 60)
            shown = datetime(date.year, date.month, date.day, hour, minute, tzinfo=zone)
            begins = min(shown.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
            missing = 0  # where clocks are put forward, it begins with the first minute that is
            while missing < _GAP and not self.holds(begins):
                begins, missing = begins + timedelta(minutes=1), missing + 1
            if begins > now and missing < _GAP:
                return begins
        return None


@dataclass(frozen=True)
class Calendar:
    """When releases may begin: in one of these windows (any time without), and in no freeze."""

    windows: tuple[Window, ...] = ()
    freezes: tuple[Freeze, ...] = ()


@dataclass(frozen=True)
class Closed:
    """Why nothing new is released now, and when that is over, as far as it ever is."""

    reason: str
    opens: datetime | None


def parsed(text: str) -> Window:
    """Read a window as model.toml has it. Raises ValueError with what is wrong, and its fix."""
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise ValueError(f"write days, times and a zone: {EXAMPLE!r}")
    days, zone = _days(match[1]), match[6]
    start, end = _minutes(match[2], match[3]), _minutes(match[4], match[5])
    if start in (_DAY, end):
        raise ValueError("it begins when it ends; a whole day is 00:00-24:00")
    try:
        _zone(zone)
    except (KeyError, ValueError, OSError):  # as zoneinfo raises it for names that are none
        raise ValueError(
            f"there is no time zone {zone!r}; give one of the IANA's, Europe/Lisbon or UTC"
        ) from None
    return Window(text, days, start, end if end > start else end + _DAY, zone)


def closed(calendar: Calendar, now: datetime) -> Closed | None:
    """Say why nothing new may be released now; None while it may."""
    frozen = _frozen(calendar.freezes, now)
    if frozen is None and _in_window(calendar.windows, now):
        return None
    opens = _opens(calendar, now)
    if frozen is not None:
        why = f" ({frozen.why})" if frozen.why else ""
        later = opens is not None and opens > frozen.end
        when = f"; the next window opens {shown(calendar, opens)}" if opens and later else ""
        return Closed(f"frozen until {shown(calendar, frozen.end)}{why}{when}", opens)
    of = "; ".join(window.text for window in calendar.windows)
    when = f"; the next opens {shown(calendar, opens)}" if opens else ""
    return Closed(f"outside of its deploy windows ({of}){when}", opens)


def shown(calendar: Calendar, moment: datetime) -> str:
    """Write a moment with its weekday, in the zone of the first window; UTC without one."""
    zone = calendar.windows[0].zone if calendar.windows else "UTC"
    there = moment.astimezone(_zone(zone))
    return f"{DAYS[there.weekday()]} {there:%Y-%m-%d %H:%M} {zone}"


def _opens(calendar: Calendar, now: datetime) -> datetime | None:
    """Return the first moment from now on that is in a window and in no freeze."""
    for _ in range(_MOST):
        frozen = _frozen(calendar.freezes, now)
        if frozen is not None:
            now = frozen.end
        elif _in_window(calendar.windows, now):
            return now
        else:
            starts = [start for w in calendar.windows if (start := w.next_start(now)) is not None]
            if not starts:
                return None
            now = min(starts)
    return None


def _in_window(windows: Sequence[Window], now: datetime) -> bool:
    return not windows or any(window.holds(now) for window in windows)


def _frozen(freezes: Sequence[Freeze], now: datetime) -> Freeze | None:
    holding = [freeze for freeze in freezes if freeze.start <= now < freeze.end]
    return max(holding, key=lambda freeze: freeze.end, default=None)


def _days(text: str) -> tuple[int, ...]:
    if text == "daily":
        return tuple(range(7))
    days: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(
                f"{part!r} is no day: write {', '.join(DAYS)}, as Mon-Thu, Mon,Wed or daily"
            )
        begin, end = DAYS.index(first), DAYS.index(last or first)
        days += [day % 7 for day in range(begin, end + (7 if end < begin else 0) + 1)]
    return tuple(sorted(set(days)))


def _minutes(hours: str, minutes: str) -> int:
    made = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or made > _DAY:
        raise ValueError(f"{hours}:{minutes} is no time of day; write 00:00 to 24:00")
    return made


@cache
def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # a function of models without windows needs none of it

    return ZoneInfo(name)
