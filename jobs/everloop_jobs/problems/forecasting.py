"""Forecasting: how series go on, a number for each step of each, or several quantiles of it.

A row is named by its series and its time. A model is sent these and what is known ahead, and
nothing else: whatever else a drop knows of the time to come cannot help it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd

import charts
import row_names
import steps
from container import JobError
from metrics import LEAST_UNITS, Array, Metric, Units, ratio
from problems import ERROR, Measure
from problems._series import Layout, blocks, shifted_targets
from problems.regression import Regression
from steps import NoSteps

ORDER = 4
_STEP = "horizon_step"
_MOST_SERIES = 10_000  # whose scales are kept with a version
_DRAWN = 6  # series, in the report


class Forecasting(Regression):
    measures: ClassVar = {
        "mae": ERROR,
        "rmse": ERROR,
        "mape": ERROR,
        "smape": Measure(False, 0.0, 2.0),
        "wape": ERROR,
        "mase": ERROR,
        "pinball": Measure(False, 0.0, needs="quantiles"),
        "coverage_error": Measure(False, 0.0, 1.0, needs="quantiles"),
    }
    section = "forecast"
    named_by = ("forecast.series", "data.timestamp")
    split_by = ("series",)
    derived = (_STEP,)
    sends_some = True
    reads = ("baseline",)
    fairness = None  # series are no people

    def __init__(self, spec: Any, kept: Any) -> None:
        super().__init__(spec, kept)
        self._kept: dict[str, Any] = kept.get("forecast") or {}
        self._asked: dict[str, Any] = spec.get("forecast") or {}

    @property
    def needed(self) -> list[str]:
        return [*self.row_names.columns, *(self._asked.get("known_ahead") or [])]

    def sent(self, columns: Sequence[str]) -> list[str]:
        return [name for name in columns if name in self.needed]

    def laid_out(self, rows: Callable[[str], Iterator[pd.DataFrame]]) -> dict[str, Any]:
        """Check the backtest, and return step, season and each series' scale."""
        layout = Layout(self._asked.get("frequency"))
        ahead: list[str] = list(self._asked.get("known_ahead") or [])
        target = self.spec["data"]["target"]
        for part in ("train", "validation", "holdout"):
            for frame in rows(part):
                columns = frame[ahead] if part == "holdout" else frame[[]]
                layout.add(
                    part, self.row_names.of_frame(frame), self.target_of(frame[target]), columns
                )
        try:
            layout.settle()
        except NoSteps as error:
            raise JobError(f"the times of the prepared rows have no steps: {error}") from error
        layout.check(int(self._asked["horizon"]))
        if known := shifted_targets(layout, int(self._asked["horizon"])):
            raise JobError(known)
        season = int(self._asked.get("season") or layout.steps.season)
        scales = layout.scales(season)
        kept = {name: scale for name, scale in scales.items() if scale > 0}
        few = len(kept) <= _MOST_SERIES
        return {
            "forecast": {
                "frequency": str(layout.steps),
                "season": season,
                "series": len(layout.series),
                "scales": kept if few else {},
                "mean_scale": float(np.mean(list(kept.values()))) if kept else None,
            }
        }

    def decided(self) -> dict[str, Any]:
        return {"forecast": self._kept} if self._kept else {}

    def notes(self) -> list[str]:
        told = []
        if self._kept:
            back = f"{self._kept['season']} steps ({self._kept['frequency']}) back"
            told.append(f"MASE is scaled by the seasonal naive forecast of train, {back}.")
        if self.keys:
            units, by = self._units()
            count = int(units.max()) + 1
            told.append(
                f"Intervals are of {count} {by} that are drawn together."
                if count >= LEAST_UNITS
                else f"Intervals are not known: rows depend on each other, and there are {count} "
                f"{by} that can be drawn; {LEAST_UNITS} are needed."
            )
        return told

    def _series(self) -> list[str]:
        return row_names.first_parts(self.keys)

    def _places(self) -> Any:
        """Return in which step of the calendar each row is."""
        moments, _ = steps.moments_of([row_names.parts(name)[-1] for name in self.keys])
        told = self._kept.get("frequency") or self._asked.get("frequency")
        if told:
            return steps.read(told).places(moments)
        return np.unique(moments, return_inverse=True)[1]

    def _steps_ahead(self) -> Any:
        """Return the step of the horizon of each row: the first of its series is 1."""
        places, codes = self._places(), pd.factorize(pd.Series(self._series()))[0]
        first = np.full(codes.max() + 1, places.max())
        np.minimum.at(first, codes, places)
        return places - first[codes] + 1

    def units(self) -> Units | None:
        """Return series, or blocks of time where these are more: errors of a series depend on each
        other, and so do those of following steps."""
        if not self.keys:
            return None
        return self._units()[0]

    def _units(self) -> tuple[Units, str]:
        series = pd.factorize(pd.Series(self._series()))[0].astype(np.int64)
        places = self._places()
        by_time = blocks(places)
        if series.max() >= by_time.max():
            return series, "series"
        return by_time, "blocks of following steps over all series"

    def with_derived(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(**{_STEP: self._steps_ahead().astype(str)}) if self.keys else rows

    def standard(self, target: Array, score: Array) -> dict[str, Metric]:
        measured = super().standard(target, score)
        error = np.abs(score[:, self.main] - target)
        whole = np.abs(target)
        scale = self._scale(len(target))
        known = scale > 0
        scaled = np.where(known, error / np.where(known, scale, 1.0), 0.0)
        measured["wape"] = lambda w: ratio(w * error, w * whole)
        measured["mase"] = lambda w: ratio(w * scaled, w * known)
        return {name: measured[name] for name in self.measures if name in measured}

    def _scale(self, rows: int) -> Array:
        """Return the scale of each row's series; 0 where it is not known."""
        scales = self._kept.get("scales") or {}
        if not self.keys or not scales:
            return np.zeros(rows)
        codes, series = pd.factorize(pd.Series(self._series()))
        return np.array([float(scales.get(name) or 0.0) for name in series])[codes]

    def pictures(self, target: Array, score: Array) -> list[str]:
        parts = super().pictures(target, score)
        if not self.keys:
            return parts
        places, series = self._places(), np.array(self._series(), dtype=object)
        shown = list(dict.fromkeys(series.tolist()))[:_DRAWN]
        drawn = []
        for name in shown:
            own = np.flatnonzero(series == name)
            own = own[np.argsort(places[own], kind="stable")]
            told = " / ".join(row_names.parts(name))
            drawn.append(
                charts.lines(
                    told,
                    [("actual", target[own], "plain"), ("forecast", score[own, self.main], "main")],
                    [row_names.parts(self.keys[at])[-1][:16] for at in own[[0, -1]].tolist()],
                )
            )
        ahead = self._steps_ahead()
        error = np.abs(score[:, self.main] - target)
        by_step = [error[ahead == step].mean() for step in np.unique(ahead)]
        ends = [f"step {step}" for step in (int(ahead.min()), int(ahead.max()))]
        return [
            "<h2>Forecast and actual</h2>",
            *drawn,
            "<h2>Error by step of the horizon</h2>",
            charts.lines("mean absolute error", [("error", np.array(by_step), "main")], ends),
            *parts,
        ]


KIND = Forecasting
