"""JSONata as Step Functions has it: nulls, nothing, its own functions, and limits."""

from datetime import UTC, datetime
from typing import Any

import pytest

from everloop_localcloud.states import jsonata

NOW = datetime(2026, 11, 23, 12, 30, 0, 250000, tzinfo=UTC)
FUNCTIONS = jsonata.functions(lambda: NOW, lambda: 0.25, lambda: "an-id")
INPUT = {"a": 1, "nothing": None, "list": [1, 2], "one": [7], "nested": {"b": [1, None]}}


def evaluate(source: str) -> Any:
    return jsonata.evaluate(source, {"states": {"input": INPUT}, "given": "x"}, FUNCTIONS)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        pytest.param("null", None, id="null is a value"),
        pytest.param("$states.input.nothing", None, id="null in the input is a value"),
        pytest.param("$exists($states.input.nothing)", True, id="null exists"),
        pytest.param("$states.input.nothing = null", True, id="null equals null"),
        pytest.param("{'a': $nope, 'b': null}", {"b": None}, id="undefined drops its key"),
        pytest.param("[$nope, 1]", [1], id="undefined drops its item"),
        pytest.param("$map([1], function($v) {$v})", 1, id="one result is unwrapped"),
        pytest.param("[$map([1], function($v) {$v})]", [1], id="brackets keep a list"),
        pytest.param("$states.input.one", [7], id="a list of one stays as it came"),
        pytest.param("[1..4]", [1, 2, 3, 4], id="range operator"),
        pytest.param("$given & '!'", "x!", id="variable"),
        pytest.param("$now()", "2026-11-23T12:30:00.250Z", id="now is the cloud's"),
        pytest.param("$now('[Y0001]')", "2026", id="now by a picture"),
        pytest.param("$millis()", 1795437000250, id="millis is the cloud's"),
        pytest.param("$random()", 0.25, id="random is the world's"),
        pytest.param("$random(7) = $random(7)", True, id="a seed repeats"),
        pytest.param("$uuid()", "an-id", id="uuid is the world's"),
        pytest.param("$hash('a', 'SHA-1')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8", id="hash"),
        pytest.param("$partition([1, 2, 3], 2)", [[1, 2], [3]], id="partition"),
        pytest.param("$range(0, 10, 5)", [0, 5, 10], id="range takes its end in"),
        pytest.param("$range(3, 1, -1)", [3, 2, 1], id="range goes down"),
        pytest.param("$parse('{\"a\": [null]}')", {"a": [None]}, id="parse"),
        pytest.param("$parse($nope) ? 1 : 2", 2, id="parse of nothing is nothing"),
        pytest.param("4 / 2", 2, id="whole numbers are whole"),
    ],
)
def test_an_expression_gives(source: str, value: Any) -> None:
    found = evaluate(source)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("source", ["$nope", "$states.input.nope", "$states.result"])
def test_nothing_is_no_value(source: str) -> None:
    with pytest.raises(jsonata.Undefined):
        evaluate(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("$nope(1)", "T1006: Attempted to invoke a non-function", id="no function"),
        pytest.param("$eval('1')", "T1006: Attempted to invoke a non-function", id="no eval"),
        pytest.param("1 / 0", "D1001", id="division by zero"),
        pytest.param("'a' + 1", "T2001", id="wrong type"),
        pytest.param("$error('mine')", "mine", id="error of its own"),
        pytest.param("$number('x')", "D3030", id="no number"),
        pytest.param("$parse('x')", "parse", id="no JSON"),
        pytest.param("$hash('a', 'CRC')", "T0410", id="unknown algorithm"),
        pytest.param("$partition([1], 0)", "T0410", id="no partition of nothing"),
        pytest.param("$range(1, 5000, 1)", "D2014", id="range too long"),
        pytest.param("($f := function($x) {1 + $f($x)}; $f(1))", "D1011", id="endless recursion"),
        pytest.param("($f := function($x) {$f($x)}; $f(1))", "D1012", id="endless tail recursion"),
    ],
)
def test_an_expression_fails(source: str, message: str) -> None:
    with pytest.raises(jsonata.Failed, match=message):
        evaluate(source)


def test_a_function_is_no_value() -> None:
    with pytest.raises(jsonata.Unsupported):
        evaluate("$sum")


def test_an_expression_can_be_used_again_after_it_ran_out_of_bounds() -> None:
    source = "($f := function($n) {$n = 0 ? 0 : $f($n - 1)}; $f($depth))"
    for _ in range(3):
        assert jsonata.evaluate(source, {"depth": 20}, FUNCTIONS) == 0


def test_a_result_shares_nothing_with_what_it_was_made_from() -> None:
    found = evaluate("$states.input.nested")
    found["b"].append(3)
    assert INPUT["nested"] == {"b": [1, None]}


@pytest.mark.parametrize("source", ["(", "$x[", "1 +", "'abc"])
def test_what_is_no_jsonata_does_not_compile(source: str) -> None:
    with pytest.raises(jsonata.InvalidExpression):
        jsonata.compiled(source)
