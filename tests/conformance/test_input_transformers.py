"""What targets received from AWS."""

import fnmatch
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from everloop_localcloud.events.patterns import matches
from everloop_localcloud.events.transformer import body, check
from everloop_localcloud.kernel.errors import AwsError

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "input_transformers.json").read_text()
)
RULE = "arn:aws:events:us-east-1:111111111111:rule/some-rule"


def _like(expected: str, text: str) -> bool:
    return fnmatch.fnmatchcase(text, expected.replace("[", "[[]").replace("<*>", "*"))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_target_receives_what_it_received_from_aws(case: dict[str, Any]) -> None:
    target = {"Id": "target", "Arn": "arn", **case["target_input"]}
    expect = case["expect"]
    if "put_targets_error" in expect:
        with pytest.raises(AwsError) as refused:
            check(target)
        assert refused.value.code == expect["put_targets_error"]["code"]
        assert _like(expect["put_targets_error"]["message"], refused.value.message)
        return
    check(target)
    assert matches(case["pattern"], case["event"])
    text = body(target, case["event"], RULE, datetime.now(UTC))
    if expect.get("delivered") is False:
        assert text is None
    elif "text" in expect:
        assert text is not None
        assert _like(expect["text"], text)
    else:
        assert text is not None
        assert json.loads(text) == expect["json"]
