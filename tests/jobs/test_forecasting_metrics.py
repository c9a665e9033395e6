"""Metrics of forecasts and of rankings against scikit-learn, and against their formulas."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobs.conftest import job_module
from sklearn.metrics import (
    average_precision_score,
    mean_absolute_percentage_error,
    mean_pinball_loss,
    ndcg_score,
    root_mean_squared_error,
)

SHARES = [0.1, 0.5, 0.9]
FORECAST = {"series": ["shop"], "horizon": 6, "frequency": "day", "season": None, "known_ahead": []}


def forecasting(kept: Any = None, **asked: Any) -> Any:
    spec = {
        "problem": "forecasting",
        "data": {"target": "sold", "key": None, "timestamp": "day"},
        "forecast": {**FORECAST, **asked},
        "evaluate": {"quantiles": SHARES},
    }
    return job_module("problems").of(spec, kept)


def ranking() -> Any:
    spec = {
        "problem": "ranking",
        "data": {"target": "relevance", "key": "doc", "timestamp": None},
        "rank": {"query": "query"},
        "evaluate": {},
    }
    return job_module("problems").of(spec)


def name(*parts: Any) -> str:
    return json.dumps([str(each) for each in parts], separators=(",", ":"))


def table(seed: int, shops: int = 4, days: int = 40) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        [(f"s{shop}", day) for shop in range(shops) for day in range(days)], columns=["shop", "n"]
    )
    frame["day"] = (pd.Timestamp("2026-01-01") + pd.to_timedelta(frame["n"], "D")).dt.strftime(
        "%Y-%m-%d"
    )
    frame["sold"] = random.gamma(3, 4, len(frame)).round(2)
    return frame


def laid_out(frame: pd.DataFrame, problem: Any, horizon: int = 6) -> Any:
    parts = {}
    last = frame.groupby("shop")["n"].transform("max")
    parts["holdout"] = frame[frame["n"] > last - horizon]
    parts["validation"] = frame[(frame["n"] <= last - horizon) & (frame["n"] > last - 2 * horizon)]
    parts["train"] = frame[frame["n"] <= last - 2 * horizon]
    texts = {part: rows.astype(str) for part, rows in parts.items()}
    return problem.laid_out(lambda part: iter([texts[part]])), parts


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), season=st.integers(1, 9))
def test_metrics_of_forecasts_are_what_their_authors_say(seed: int, season: int) -> None:
    random = np.random.default_rng(seed)
    kept, parts = laid_out(table(seed), forecasting(season=season))
    held = parts["holdout"]
    truth = held["sold"].to_numpy()
    score = np.sort(truth[:, None] + random.normal(0, 3, (len(truth), 3)), axis=1)
    days = held["day"] + "T00:00:00+00:00"
    keys = [name(shop, day) for shop, day in zip(held["shop"], days, strict=True)]
    problem = forecasting(kept).among(keys)
    ours = {n: of(np.ones(len(truth))) for n, of in problem.measured(truth, score).items()}

    error = np.abs(score[:, 1] - truth)
    scaled = []
    for shop, rows in held.assign(error=error).groupby("shop"):
        past = parts["train"].loc[parts["train"]["shop"] == shop, "sold"].to_numpy()
        naive = np.mean([abs(past[t] - past[t - season]) for t in range(season, len(past))])
        scaled.append(rows["error"].mean() / naive)
    theirs = {
        "mae": error.mean(),
        "rmse": root_mean_squared_error(truth, score[:, 1]),
        "mape": mean_absolute_percentage_error(truth, score[:, 1]),
        "smape": np.mean(2 * error / (np.abs(truth) + np.abs(score[:, 1]))),
        "wape": error.sum() / np.abs(truth).sum(),
        "mase": np.mean(scaled),
        "pinball": np.mean(
            [mean_pinball_loss(truth, score[:, at], alpha=q) for at, q in enumerate(SHARES)]
        ),
        "coverage_error": abs(((score[:, 0] <= truth) & (truth <= score[:, 2])).mean() - 0.8),
    }
    assert list(ours) == list(theirs)
    assert ours == pytest.approx(theirs)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), ties=st.booleans())
def test_metrics_of_rankings_are_scikit_learns(seed: int, ties: bool) -> None:
    random = np.random.default_rng(seed)
    sizes = random.integers(2, 15, 12)
    query = np.repeat(np.arange(12), sizes)
    truth = np.where(random.random(len(query)) < 0.4, random.integers(1, 4, len(query)), 0.0)
    score = random.normal(0, 1, len(query)) + truth / 3
    score = score.round(1) if ties else score
    order = random.permutation(len(query))
    query, truth, score = query[order], truth[order].astype(float), score[order]
    problem = ranking().among([name(q, n) for n, q in enumerate(query)])
    ours = {n: of(np.ones(len(query))) for n, of in problem.measured(truth, score[:, None]).items()}

    told: dict[str, list[float]] = {each: [] for each in ours}
    for each in range(12):
        own, value = truth[query == each], score[query == each]
        if not own.any():
            continue
        relevant = own > 0
        told["ndcg"].append(ndcg_score([own], [value]))
        for k in (1, 3, 5, 10, 20):
            told[f"ndcg_at_{k}"].append(ndcg_score([own], [value], k=k))
        told["map"].append(average_precision_score(relevant, value))
        drawn = random.random((1 if not ties else 4000, len(own)))  # who comes first among equals
        placed = relevant[np.lexsort((drawn, np.broadcast_to(-value, drawn.shape)))]
        told["mrr"].append(np.mean(1 / (np.argmax(placed, axis=1) + 1)))
        hits = np.cumsum(placed, axis=1)
        for k in (1, 3, 5, 10, 20):
            found = np.mean(hits[:, min(k, len(own)) - 1])
            told[f"recall_at_{k}"].append(found / relevant.sum())
            told[f"precision_at_{k}"].append(found / k)
    theirs = {n: np.mean(values) for n, values in told.items()}
    exact = [n for n in theirs if n.startswith("ndcg") or n == "map"]
    assert {n: ours[n] for n in exact} == pytest.approx({n: theirs[n] for n in exact})
    assert ours == pytest.approx(theirs, abs=1e-9 if not ties else 0.01)


def test_a_query_without_a_relevant_row_says_nothing_and_each_other_counts_once() -> None:
    keys = [name("a", 1), name("a", 2), name("b", 1), name("b", 2), name("b", 3), name("c", 1)]
    problem = ranking().among(keys)
    truth = np.array([1.0, 0, 0, 0, 1, 0])
    measured = problem.measured(truth, np.array([[2.0], [1], [3], [2], [1], [0]]))
    assert measured["mrr"](np.ones(6)) == pytest.approx((1 + 1 / 3) / 2)
    twice_a = np.array([2.0, 2, 1, 1, 1, 0])
    assert measured["mrr"](twice_a) == pytest.approx((2 + 1 / 3) / 3)
    assert problem.units().tolist() == [0, 0, 1, 1, 1, 2]
    assert np.isnan(measured["map"](np.array([0.0, 0, 0, 0, 0, 1])))


@pytest.mark.parametrize(
    ("step", "name_of_it"),
    [("h", "hour"), ("15min", "15 minutes"), ("D", "day"), ("7D", "week"), ("MS", "month"),
     ("ME", "month"), ("QS", "quarter"), ("YS", "year")],
)  # fmt: skip
def test_the_frequency_is_found(step: str, name_of_it: str) -> None:
    steps = job_module("steps")
    times = pd.date_range("2024-01-31", periods=30, freq=step)
    moments, numbers = steps.moments_of([str(each.isoformat()) for each in times])
    known = steps.found(np.delete(moments, [7, 8]), np.zeros(28, dtype=int), numbers=numbers)
    assert str(known) == name_of_it
    assert str(steps.read(str(known))) == name_of_it
    assert steps.read(str(known)) == known
    assert np.diff(known.places(moments)).tolist() == [1] * 29


@pytest.mark.parametrize(("step", "name_of_it"), [("28D", "4 weeks"), ("30D", "30 days")])
def test_as_many_days_each_time_are_no_months(step: str, name_of_it: str) -> None:
    steps = job_module("steps")
    times = pd.date_range("2024-02-15", periods=100, freq=step)
    moments, numbers = steps.moments_of([str(each.isoformat()) for each in times])
    known = steps.found(moments, np.zeros(100, dtype=int), numbers=numbers)
    assert str(known) == name_of_it
    assert np.diff(known.places(moments)).tolist() == [1] * 99


@pytest.mark.parametrize("step", [1234567, 0.25, 86_400_000])
def test_a_step_of_plain_numbers_is_kept_to_the_last_digit(step: float) -> None:
    steps = job_module("steps")
    moments, numbers = steps.moments_of([str(step * each) for each in range(1, 2000)])
    known = steps.found(moments, np.zeros(len(moments), dtype=int), numbers=numbers)
    assert steps.read(str(known)).places(moments).tolist() == [*range(1, 2000)]


def test_a_row_is_named_alike_in_a_table_and_by_itself() -> None:
    names = job_module("row_names")
    of = names.RowNames(("shop", "item", "day"), "day")
    rows = [
        ("a,b", '["x"]', "2026-01-02"),
        ("a", 'b,["x"]', "2026-01-02T00:00:00Z"),
        ("7.0", "", "2026-01-02"),
        (7, 'a"b\\', 20260102.0),
    ]
    frame = pd.DataFrame(rows, columns=of.columns, dtype=object)
    made = of.of_frame(frame)
    alone = [of.of_row(row) for row in frame.to_dict("records")]
    assert alone == [*made[:2], None, made[3]]  # what a request does not say has no name
    assert len(set(made)) == 4
    assert names.parts(made[0]) == ["a,b", '["x"]', "2026-01-02T00:00:00+00:00"]
    assert names.parts(made[3]) == ["7", 'a"b\\', "20260102"]
