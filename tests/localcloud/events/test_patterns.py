"""Event patterns beyond the recorded cases: arrays of objects, $or, addresses, refusals."""

import fnmatch
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everloop_localcloud.events.patterns import InvalidPattern, matches

ORDERS = {"orders": [{"item": "pen", "count": 1}, {"item": "ink", "count": 9}], "tags": ["a", "b"]}


@pytest.mark.parametrize(
    ("pattern", "event", "answer"),
    [
        pytest.param(
            {"orders": {"item": ["ink"], "count": [9]}}, ORDERS, True, id="one element has both"
        ),
        pytest.param(
            {"orders": {"item": ["pen"], "count": [9]}}, ORDERS, False, id="two elements have both"
        ),
        pytest.param(
            {"orders": {"item": ["pen"]}, "tags": ["b"]}, ORDERS, True, id="arrays are independent"
        ),
        pytest.param(
            {"orders": {"count": [9], "gift": [{"exists": False}]}}, ORDERS, True, id="absent"
        ),
        pytest.param(
            {"a": {"b": ["x"]}}, {"a": [[{"b": "y"}], [{"b": "x"}]]}, True, id="nested arrays"
        ),
        pytest.param({"a": [{"exists": True}]}, {"a": {"b": 1}}, False, id="objects do not exist"),
        pytest.param({"a": [{"exists": True}]}, {"a": None}, True, id="null exists"),
        pytest.param({"a": [{"exists": False}]}, {"a": []}, True, id="an empty array is absent"),
        pytest.param({"a": [1]}, {"a": True}, False, id="true is not one"),
        pytest.param({"a": [300.0]}, {"a": 3.0e2}, True, id="numbers compare by value"),
        pytest.param({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "10.0.0.255"}, True, id="cidr"),
        pytest.param({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "10.0.1.0"}, False, id="not in cidr"),
        pytest.param({"a": ["2001:db8::1"]}, {"a": "2001:0db8:0::1"}, True, id="same address"),
        pytest.param(
            {"$or": [{"a": [1]}, {"b": {"$or": [{"c": [2]}, {"d": [3]}]}}]},
            {"b": {"d": 3}},
            True,
            id="or in or",
        ),
        pytest.param(
            {"$or": [{"a": [1]}, {"b": [2]}], "c": [3]}, {"a": 1, "c": 4}, False, id="or, and"
        ),
        pytest.param(
            {"a": [{"prefix": {"equals-ignore-case": "AB"}}]}, {"a": "abc"}, True, id="any case"
        ),
        pytest.param(
            {"a": [{"anything-but": {"prefix": ["x", "y"]}}]},
            {"a": ["xa", "za"]},
            True,
            id="one of several values is enough",
        ),
    ],
)
def test_what_matches(pattern: dict[str, Any], event: dict[str, Any], answer: bool) -> None:
    assert matches(pattern, event) is answer


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("{}", "Empty objects are not allowed"),
        ('{"a": []}', "Empty arrays are not allowed"),
        ('{"a": 1}', '"a" must be an object or an array'),
        ('{"a": [[1]]}', "Match value must be String, number, true, false, or null"),
        ('{"a": [{"prefix": "x", "suffix": "y"}]}', "Only one key allowed in match expression"),
        ('{"a": [{"exists": "yes"}]}', "exists match pattern must be either true or false."),
        ('{"a": [{"numeric": [">"]}]}', "Value of > must be numeric"),
        ('{"a": [{"numeric": ["~", 1]}]}', "Unrecognized numeric range operator: ~"),
        ('{"a": [{"numeric": ["<", 1, ">", 0]}]}', "Too many elements in numeric expression"),
        ('{"a": [{"wildcard": "a**b"}]}', "Consecutive wildcard characters at pos 2"),
        ('{"a": [{"wildcard": "a\\\\b"}]}', "Invalid escape character at pos 2"),
        ('{"a": [{"cidr": "10.0.0.0"}]}', "Malformed CIDR, one '/' required"),
        ('{"a": [{"cidr": "10.0.0.0/32"}]}', "IPv4 mask bits must be < 32"),
        (
            '{"a": [{"anything-but": ["x", 1]}]}',
            "Inside anything but list, either all values are number or string, "
            "mixed type is not supported",
        ),
        ('{"$or": [{"a": [1]}]}', "There must have at least 2 Objects in $or relationship."),
        (
            '{"$or": [{"prefix": [1]}, {"b": [1]}]}',
            "prefix is Ruler reserved fieldName which cannot be used inside $or.",
        ),
    ],
)
def test_what_aws_refuses(pattern: str, reason: str) -> None:
    with pytest.raises(InvalidPattern, match=re.escape(f"Reason: {reason}")):
        matches(pattern, {})


@given(st.text("ab*", max_size=8).filter(lambda text: "**" not in text), st.text("ab", max_size=10))
def test_wildcards_match_like_globs(pattern: str, text: str) -> None:
    found = matches({"a": [{"wildcard": pattern}]}, {"a": text})
    assert found is fnmatch.fnmatchcase(text, pattern)
