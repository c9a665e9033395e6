"""A month as it is billed, of UTC."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Month:
    """A span of time that is counted: of a month that is not over, until now."""

    begin: datetime
    end: datetime

    def holds(self, when: datetime) -> bool:
        return self.begin <= when < self.end

    def hours(self, begin: datetime, end: datetime) -> float:
        """Return how many hours of a span lie within."""
        within = min(end, self.end) - max(begin, self.begin)
        return max(within, timedelta(0)) / timedelta(hours=1)


def month(name: str, now: datetime) -> Month:
    """Return a month of UTC, given as 2026-11. Raises ValueError for what is none."""
    begin = datetime.strptime(name, "%Y-%m").replace(tzinfo=now.tzinfo)
    following = (begin + timedelta(days=32)).replace(day=1)
    return Month(begin, max(begin, min(following, now)))
