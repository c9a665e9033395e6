"""Event patterns as AWS judged them."""

import json
from pathlib import Path
from typing import Any

import pytest

from everloop_localcloud.events.patterns import InvalidPattern, matches

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "event_patterns.json").read_text()
)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_pattern_is_judged_as_aws_judges_it(case: dict[str, Any]) -> None:
    pattern = case.get("pattern_text", case.get("pattern"))
    if case["expect"] == "invalid":
        with pytest.raises(InvalidPattern) as refused:
            matches(pattern, case["event"])
        assert refused.value.code == case["error"]["code"]
        assert refused.value.message == case["error"]["message"]
    elif case["expect"] != "invalid_event":  # refused by the API: tests/localcloud/events
        event = case.get("event") or json.loads(case["event_text"])
        assert matches(pattern, event) == (case["expect"] == "match")
