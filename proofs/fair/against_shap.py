"""Holds the parts of `everloop explain` to the package shap, on random models and rows.

`make shap` runs it in an environment of its own, which has shap and nothing of the product: the
file is loaded by its path. Ends with 1 where they differ.
"""

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

_FILE = Path(__file__).parents[2] / "cli" / "everloop_cli" / "shapley.py"
_ROWS = 5
_MOST = 2000
_NEAR = 1e-6  # shap's trees reckon in single precision
_ERRORS = 4  # standard errors beside that: of hundreds of parts none is further by chance


def main() -> int:
    import numpy as np
    from sklearn.ensemble import GradientBoostingRegressor

    shap: Any = importlib.import_module("shap")  # which only this environment has
    warnings.simplefilter("ignore")
    shapley, random = _loaded(), np.random.default_rng(0)
    wrong = 0
    for width in (4, 8, 10, 14, 20):
        rows = random.normal(size=(500, width))
        truth = rows[:, 0] * rows[:, 1] + np.sin(rows[:, 2]) + 2 * rows[:, 3]
        model = GradientBoostingRegressor(random_state=0).fit(rows, truth)
        base = np.median(rows, axis=0)
        trees = shap.TreeExplainer(model, data=base[None])
        far = 0.0
        for row in rows[:_ROWS]:
            found = _parts(shapley, model, row, base)
            theirs = trees.shap_values(row[None])[0]
            for part, error, their in zip(*found, theirs, strict=True):
                far = max(far, abs(part - their) / (_ERRORS * error + _NEAR))
        print(f"{width:3} columns: {far:.3f} of what is allowed from shap's TreeExplainer")
        wrong += far > 1
    return 1 if wrong else 0


def _parts(
    shapley: ModuleType, model: Any, row: Any, base: Any
) -> tuple[Sequence[float], Sequence[float]]:
    """Return each column's part, and its standard error."""
    import numpy as np

    names = [f"c{at}" for at in range(len(row))]

    def ask(coalitions: Sequence[frozenset[str]]) -> list[float]:
        asked = [
            [row[at] if name in each else base[at] for at, name in enumerate(names)]
            for each in coalitions
        ]
        answers: list[float] = model.predict(np.array(asked)).tolist()
        return answers

    found = shapley.parts(names, ask, _MOST)
    left = found.answer - found.base - sum(found.values.values())
    if abs(left) > _NEAR:
        raise SystemExit(f"the parts do not sum to the answer: {left} is left")
    errors = [found.errors[name] or 0.0 for name in names]
    return [found.values[name] for name in names], errors


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("shapley", _FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["shapley"] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
