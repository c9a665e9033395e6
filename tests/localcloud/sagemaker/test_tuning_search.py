"""What a tuning job tries next."""

import math
from typing import Any

import pytest

from everloop_localcloud.sagemaker.tuning_ranges import read_space
from everloop_localcloud.sagemaker.tuning_search import Trial, propose


def number(name: str, low: str, high: str, scale: str = "Auto") -> dict[str, str]:
    return {"Name": name, "MinValue": low, "MaxValue": high, "ScalingType": scale}


SPACE = read_space(
    {
        "ContinuousParameterRanges": [number("rate", "0.0001", "1", "Logarithmic")],
        "IntegerParameterRanges": [number("depth", "2", "12")],
        "CategoricalParameterRanges": [{"Name": "loss", "Values": ["squared", "absolute"]}],
    }
)


def score(values: dict[str, str]) -> float:
    """Be best, 0, at rate 0.01, depth 7 and squared loss."""
    rate, depth = math.log10(float(values["rate"])) + 2, (int(values["depth"]) - 7) / 5
    return -(rate**2) - depth**2 - (values["loss"] != "squared")


def search(strategy: str, count: int, seed: int) -> list[Trial]:
    trials: list[Trial] = []
    for _ in range(count):
        values = propose(SPACE, strategy, trials, seed)
        assert values is not None
        trials.append(Trial(values, score(values)))
    return trials


def test_every_proposal_lies_in_its_ranges() -> None:
    for trial in search("Random", 200, 1):
        assert 0.0001 <= float(trial.values["rate"]) <= 1
        assert trial.values["depth"] in [str(depth) for depth in range(2, 13)]
        assert trial.values["loss"] in ("squared", "absolute")


def test_a_logarithmic_range_is_searched_by_magnitude() -> None:
    rates = [float(trial.values["rate"]) for trial in search("Random", 400, 1)]
    assert 0.4 < sum(rate < 0.01 for rate in rates) / len(rates) < 0.6


def test_the_same_seed_and_the_same_trials_give_the_same_proposal() -> None:
    assert search("Bayesian", 6, 3) == search("Bayesian", 6, 3)
    assert search("Random", 2, 3) != search("Random", 2, 4)


def test_a_bayesian_search_finds_more_than_a_random_one() -> None:
    def best(strategy: str) -> float:
        found = [max(t.score or -9 for t in search(strategy, 12, seed)) for seed in range(3)]
        return sum(found)

    assert best("Bayesian") > best("Random")


def test_trials_that_run_side_by_side_differ() -> None:
    trials = search("Bayesian", 5, 1)
    first = propose(SPACE, "Bayesian", trials, 1)
    assert first is not None
    second = propose(SPACE, "Bayesian", [*trials, Trial(first)], 1)
    assert second != first


def test_a_grid_ends() -> None:
    space = read_space({"CategoricalParameterRanges": [{"Name": "a", "Values": ["1", "2"]}]})
    trials: list[Trial] = []
    while (values := propose(space, "Grid", trials, 0)) is not None:
        trials.append(Trial(values))
    assert [trial.values for trial in trials] == [{"a": "1"}, {"a": "2"}]


@pytest.mark.parametrize(
    ("low", "high", "scale"),
    [
        pytest.param("0.5", "0.999", "ReverseLogarithmic", id="reverse"),
        pytest.param("1", "100000", "Auto", id="auto"),
        pytest.param("-3", "3", "Linear", id="linear"),
        pytest.param("2", "2", "Linear", id="one"),
    ],
)
def test_a_value_is_found_again_at_its_point(low: str, high: str, scale: str) -> None:
    ranges: dict[str, Any] = {"ContinuousParameterRanges": [number("x", low, high, scale)]}
    space = read_space(ranges)
    for share in (0.0, 0.25, 1.0):
        value = float(space.values([share])["x"])
        assert float(low) <= value <= float(high)
        again = space.values(space.point({"x": str(value)}))
        assert float(again["x"]) == pytest.approx(value)


def test_a_warm_start_goes_on_where_others_found_the_best() -> None:
    space = read_space({"ContinuousParameterRanges": [number("x", "0", "10", "Linear")]})
    known = [Trial({"x": str(x)}, -((x - 3.0) ** 2)) for x in (0, 1, 2, 3, 4, 6, 8, 10)]
    near = [propose(space, "Bayesian", [], seed, known) for seed in range(5)]
    assert all(found is not None and abs(float(found["x"]) - 3) < 1.5 for found in near), near
