"""Drift: what changed is seen by the test that fits its kind, and what did not change is not."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from jobs.conftest import job_module

RULES = {"threshold": 0.1, "max_missing": 0.1, "max_unknown": 0.05, "columns": {}}
TOWNS = [f"town-{n:03d}" for n in range(200)]


def table(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "town": random.choice(TOWNS, rows),
            "colour": random.choice(["red", "blue", "green"], rows, p=[0.6, 0.3, 0.1]),
            "fahrenheit": random.normal(60, 15, rows).round(1),
            "rain": np.where(random.random(rows) < 0.85, 0.0, random.exponential(2, rows)),
            "weight": random.lognormal(1, 0.5, rows),
            "height": random.normal(170, 10, rows),
            "wet": random.random(rows) < 0.3,
            "age": pd.Series(random.integers(18, 90, rows)).where(random.random(rows) < 0.9),
        }
    )


def judged(train: pd.DataFrame, traffic: pd.DataFrame, **rules: Any) -> Any:
    statistics = job_module("baseline").statistics_of(train)
    return job_module("drift").judge(statistics, traffic, {**RULES, **rules}, set())


def violated(found: Any) -> set[tuple[str, str]]:
    return {(c["feature"], c["statistic"]) for c in found.checks if c["violated"]}


TRAIN = table(20_000, 1)


def now(rows: int = 2_000, **changed: Any) -> pd.DataFrame:
    return table(rows, 2).assign(**changed)


def test_a_complete_recoding_of_200_categories_is_seen() -> None:
    recoded = now().assign(town=lambda t: t["town"].str.upper())
    found = judged(TRAIN, recoded)
    assert violated(found) == {
        ("town", "categorical_values_check"),
        ("town", "baseline_drift_check"),
    }
    (unknown,) = [
        c
        for c in found.checks
        if c["statistic"] == "categorical_values_check" and c["feature"] == "town"
    ]
    assert unknown["value"] == 1.0


def test_half_of_200_categories_that_no_longer_come_are_seen() -> None:
    fewer = now().assign(town=lambda t: "town-0" + t["town"].str[-2:])
    assert violated(judged(TRAIN, fewer)) == {("town", "baseline_drift_check")}


def test_another_unit_is_seen() -> None:
    celsius = now().assign(fahrenheit=lambda t: (t["fahrenheit"] - 32) / 1.8)
    assert ("fahrenheit", "baseline_drift_check") in violated(judged(TRAIN, celsius))
    grams = now().assign(weight=lambda t: t["weight"] * 1000)
    assert ("weight", "range_check") in violated(judged(TRAIN, grams, threshold=1.0))


def test_another_unit_of_some_clients_is_seen() -> None:
    some = now().assign(weight=lambda t: t["weight"].where(t.index % 12 > 0, t["weight"] * 1000))
    assert violated(judged(TRAIN, some)) == {("weight", "range_check")}


def test_another_sign_of_some_clients_is_seen() -> None:
    some = now().assign(weight=lambda t: t["weight"].where(t.index % 12 > 0, -t["weight"]))
    assert ("weight", "range_check") in violated(judged(TRAIN, some))


@pytest.mark.parametrize("value", [60.0, 0.0, 1e9])
def test_a_constant_column_is_seen_also_where_half_of_it_may_move(value: float) -> None:
    found = judged(TRAIN, now(fahrenheit=value), threshold=0.5)
    assert ("fahrenheit", "repeated_value_check") in violated(found)


def test_a_constant_category_or_boolean_is_seen() -> None:
    assert violated(judged(TRAIN, now(colour="red", wet=True))) == {
        ("colour", "baseline_drift_check"),
        ("wet", "baseline_drift_check"),
    }


def test_swapped_columns_are_seen_and_called_so() -> None:
    usual = now()
    swapped = usual.assign(weight=usual["height"], height=usual["weight"])
    found = judged(TRAIN, swapped)
    moved = {c["feature"]: c for c in found.checks if c["statistic"] == "baseline_drift_check"}
    assert (
        "like those of height, and the other way round: are the two swapped?"
        in (moved["weight"]["description"])
    )
    assert "like those of weight" in moved["height"]["description"]
    assert "swapped" not in moved["town"]["description"]


@pytest.mark.parametrize(
    ("word", "statistic"),
    [
        pytest.param("?", "data_type_check", id="a word among numbers"),
        pytest.param("-999", "range_check", id="a number that none was"),
        pytest.param("0", "range_check", id="nought"),
        pytest.param("", None, id="as in training"),
        pytest.param("#N/A N/A", None, id="another word that pandas knows"),
    ],
)
def test_missing_under_another_word(word: str, statistic: str | None) -> None:
    train = TRAIN.assign(age=TRAIN["age"].where(TRAIN["age"] < 80))
    traffic = now().assign(age=lambda t: t["age"].where(t["age"] < 80).astype(object))
    traffic.loc[traffic["age"].isna(), "age"] = word
    found = violated(judged(train, traffic))
    if statistic is None:
        assert found == set()
    elif word == "0":
        assert ("age", "baseline_drift_check") in found
    else:
        assert ("age", statistic) in found


@pytest.mark.parametrize("value", [np.inf, -np.inf, "inf", "-Infinity", "1e999"])
@pytest.mark.parametrize("every", [1, 2, 12])
def test_infinities_are_seen(value: Any, every: int) -> None:
    usual = now()["weight"].astype(object)
    some = now(weight=usual.where(usual.index % every > 0, value))
    assert violated(judged(TRAIN, some)) == {("weight", "range_check")}


@pytest.mark.parametrize("every", [2, 12])
def test_infinities_as_in_training_are_to_be_expected(every: int) -> None:
    def some(frame: pd.DataFrame, every: int) -> pd.DataFrame:
        weight = frame["weight"].where(frame.index % every > 0, np.inf)
        return frame.assign(weight=weight)

    train = some(TRAIN, every)
    strict = {"threshold": 1e-9, "max_missing": 1e-9, "max_unknown": 0.0}
    assert violated(judged(train, train, **strict)) == set()
    assert violated(judged(train, some(now(), every))) == set()
    assert violated(judged(train, some(now(), 1))) == {("weight", "range_check")}


def test_missing_categories_under_another_word_are_seen() -> None:
    train = TRAIN.assign(colour=TRAIN["colour"].where(TRAIN["colour"] != "green"))
    word = now().assign(colour=lambda t: t["colour"].replace("green", "unknown"))
    assert ("colour", "categorical_values_check") in violated(judged(train, word))


def test_a_new_category_that_is_rare_is_allowed() -> None:
    rare = now().assign(colour=lambda t: t["colour"].where(t.index % 25 > 0, "mauve"))
    assert violated(judged(TRAIN, rare)) == set()
    assert violated(judged(TRAIN, rare, max_unknown=0.0)) == {
        ("colour", "categorical_values_check")
    }


def test_each_column_may_have_its_own_limits() -> None:
    moved = now().assign(height=lambda t: t["height"] + 5, weight=lambda t: t["weight"] * 1.5)
    both = {("height", "baseline_drift_check"), ("weight", "baseline_drift_check")}
    assert violated(judged(TRAIN, moved)) == both
    own = {"height": {"threshold": 0.5, "max_missing": None, "max_unknown": None}}
    assert violated(judged(TRAIN, moved, columns=own)) == {("weight", "baseline_drift_check")}


def test_specs_of_before_have_neither_columns_nor_unknown_values() -> None:
    statistics = job_module("baseline").statistics_of(TRAIN)
    rules = {"threshold": 0.1, "max_missing": 0.1}
    assert violated(job_module("drift").judge(statistics, now(), rules, set())) == set()


def test_values_that_are_all_different_are_no_unknown_ones() -> None:
    random = np.random.default_rng(3)
    train = TRAIN.assign(town=[f"id-{n}" for n in random.permutation(len(TRAIN))])
    traffic = now().assign(town=[f"id-{n}" for n in range(10**6, 10**6 + 2000)])
    assert violated(judged(train, traffic)) == set()


def test_a_column_without_values_is_not_judged_and_named() -> None:
    found = judged(TRAIN.assign(age=np.nan), now(height=None))
    assert [(each["feature"], each["description"]) for each in found.not_judged] == [
        ("height", "height has no values in the traffic"),
        ("age", "age has no values in training"),
    ]
    assert violated(found) == {("height", "completeness_check")}


def test_single_precision_moves_nothing() -> None:
    tenths = TRAIN.assign(height=np.random.default_rng(4).choice([0.1, 0.2, 0.7], len(TRAIN)))
    short = tenths.assign(height=tenths["height"].astype(np.float32).astype(float))
    found = judged(tenths, short)
    (drift,) = [
        c
        for c in found.checks
        if (c["feature"], c["statistic"]) == ("height", "baseline_drift_check")
    ]
    assert drift["value"] < 0.001


@pytest.mark.parametrize("rows", [200, 1000])
def test_chance_alone_violates_nothing_however_strict_the_owner(rows: int) -> None:
    strict = {"threshold": 1e-6, "max_missing": 1e-6, "max_unknown": 0.0}
    train = table(3_000, 1)
    wrong = [
        seed for seed in range(100, 140) if violated(judged(train, table(rows, seed), **strict))
    ]
    assert wrong == []
