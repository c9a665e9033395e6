"""Requests to an endpoint that says who gets a mortgage: fair ones, and with a bias planted."""

import io
from functools import cache
from typing import Final

import numpy as np
import pandas as pd

from tools import mortgages

_REQUESTS: Final = 12
_ROWS: Final = 100  # of each
_SEED: Final = 3


@cache
def applications() -> pd.DataFrame:
    """Return every application, with the race and what the bank decided."""
    tables = [pd.read_csv(io.BytesIO(data)) for _, data in mortgages.drops()]
    return pd.concat(tables, ignore_index=True)


def fair() -> list[bytes]:
    """Return requests in which the race says nothing: it was drawn."""
    drawn = _drawn()
    drawn["race"] = np.random.default_rng(_SEED).choice(["white", "black"], len(drawn))
    return _bodies(drawn)


def planted() -> list[bytes]:
    """Return requests in which black people have what the model refuses: bankruptcies, debts."""
    drawn = _drawn()
    drawn["race"] = np.random.default_rng(_SEED).choice(["white", "black"], len(drawn))
    black = drawn["race"] == "black"
    drawn.loc[black, ["bankruptcy", "late_often"]] = 1
    drawn.loc[black, "meets_guidelines"] = 0
    drawn.loc[~black, "meets_guidelines"] = 1
    return _bodies(drawn)


def _drawn() -> pd.DataFrame:
    found = applications().sample(_REQUESTS * _ROWS, random_state=_SEED, replace=True)
    return found.drop(columns=["approved"]).reset_index(drop=True)


def _bodies(rows: pd.DataFrame) -> list[bytes]:
    parts = [rows.iloc[at : at + _ROWS] for at in range(0, len(rows), _ROWS)]
    return [part.to_csv(index=False).encode() for part in parts]
