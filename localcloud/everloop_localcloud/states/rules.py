"""Judging Retry and Catch before a machine runs."""

from collections.abc import Callable
from typing import Any

from everloop_localcloud.states import fields

Wrong = Callable[[str, str], None]


def judge(state: dict[str, Any], location: str, wrong: Wrong) -> None:
    """Judge the retriers and catchers of a state; tell `wrong` what and where."""
    for field, known in (
        ("Retry", fields.RETRIER),
        ("Catch", fields.CATCHER | {"ResultPath", "Output"}),
    ):
        rules = state.get(field, [])
        if not isinstance(rules, list):
            wrong("Expected value of type Array", f"{location}/{field}")
            continue
        for index, rule in enumerate(rules):
            where = f"{location}/{field}[{index}]"
            if not isinstance(rule, dict):
                wrong("Expected value of type Object", where)
                continue
            for key in rule:
                if key not in known:
                    wrong(f"Field '{key}' is not supported", f"{where}/{key}")
            wanted = ["ErrorEquals"] if field == "Retry" else ["ErrorEquals", "Next"]
            missing = [name for name in wanted if name not in rule]
            if missing:
                wrong(f"These fields are required: [{', '.join(missing)}]", where)
            else:
                _names(rule["ErrorEquals"], f"{where}/ErrorEquals", index == len(rules) - 1, wrong)
            _numbers(rule, where, wrong)


def _names(names: Any, where: str, last: bool, wrong: Wrong) -> None:
    if not isinstance(names, list) or not names:
        wrong("Expected a non-empty Array", where)
    elif "States.ALL" in names and (len(names) > 1 or not last):
        wrong("'States.ALL' must appear alone, and in the last rule", where)


def _numbers(rule: dict[str, Any], where: str, wrong: Wrong) -> None:
    for field, least in (("IntervalSeconds", 1), ("MaxAttempts", 0), ("MaxDelaySeconds", 1)):
        value = rule.get(field, least)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            wrong(f"Expected value of type Integer, at least {least}", f"{where}/{field}")
    rate = rule.get("BackoffRate", 1)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or rate < 1:
        wrong("Expected value of type Number, at least 1.0", f"{where}/BackoffRate")
    if rule.get("JitterStrategy", "NONE") not in ("NONE", "FULL"):
        wrong("Value is not one of the supported values: [NONE, FULL]", f"{where}/JitterStrategy")
