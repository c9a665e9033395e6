"""Which trials are stopped before their end."""

import pytest

from everloop_localcloud.sagemaker.tuning_stopping import Hyperband, Median, Run, read_rule


def ended(name: str, *scores: float) -> Run:
    return Run(name, scores, running=False)


def running(name: str, *scores: float) -> Run:
    return Run(name, scores, running=True)


GOOD, FAIR, BAD = ended("good", 3, 5), ended("fair", 2, 4), ended("bad", 1, 1)


@pytest.mark.parametrize(
    ("others", "scores", "losers"),
    [
        pytest.param((GOOD, FAIR), (0,), [], id="too few to compare with"),
        pytest.param((GOOD, FAIR, BAD), (), [], id="nothing told yet"),
        pytest.param((GOOD, FAIR, BAD), (1.9,), ["it"], id="worse than the median"),
        pytest.param((GOOD, FAIR, BAD), (2,), [], id="as good as the median"),
        pytest.param((GOOD, FAIR, BAD), (0, 3), [], id="the latest counts"),
        pytest.param((GOOD, FAIR, BAD), (9, 2.9), ["it"], id="against running averages"),
        pytest.param((GOOD, FAIR, BAD), (0, 0, 0), [], id="nobody came as far"),
        pytest.param((GOOD, FAIR, running("x", 9)), (0,), [], id="only ended ones count"),
    ],
)
def test_median(others: tuple[Run, ...], scores: tuple[float, ...], losers: list[str]) -> None:
    assert Median().losers([*others, running("it", *scores)]) == losers


@pytest.mark.parametrize(
    ("others", "scores", "losers"),
    [
        pytest.param((), (1, 1, 1), [], id="alone"),
        pytest.param((), (1,) * 9, ["it"], id="at the largest resource"),
        pytest.param((ended("a", 5, 5), ended("b", 4, 4)), (9,), [], id="below the first rung"),
        pytest.param((ended("a", 5, 5), ended("b", 4, 4)), (9, 3), ["it"], id="behind"),
        pytest.param((ended("a", 5, 5), ended("b", 4, 4)), (0, 6), [], id="in the best third"),
        pytest.param(
            (ended("a", 5, 5), ended("b", 4, 4)), (9, 9, 9, 9, 9, 0), [], id="alone at the second"
        ),
    ],
)
def test_hyperband(others: tuple[Run, ...], scores: tuple[float, ...], losers: list[str]) -> None:
    assert Hyperband(2, 9).losers([*others, running("it", *scores)]) == losers


@pytest.mark.parametrize("name", ["epochs", "n-epochs", "num_epochs"])
def test_the_largest_resource_is_what_a_hyperparameter_says(name: str) -> None:
    assert read_rule({"Strategy": "Hyperband"}, {name: '"27"'}) == Hyperband(1, 27)


def test_a_search_stops_nobody_unless_told() -> None:
    assert read_rule({"Strategy": "Bayesian"}, {}) is None
