"""What the model sees of an airline's day at an airport, shared by training and serving."""

import pandas as pd

SERIES = ["origin", "carrier"]
AHEAD = ["flights", "weekday", "holiday"]
FEATURES = [*AHEAD, "share", "lately"]


def features(rows: pd.DataFrame, past: pd.DataFrame) -> pd.DataFrame:
    """Add what is known of each series when the forecast is made: its share of late flights."""
    made = rows[[*SERIES, *AHEAD]].merge(past, on=SERIES, how="left")
    return made[FEATURES].astype(float)
