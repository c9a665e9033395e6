"""CORS: which web pages a bucket's rules let in, and what the browser is told of it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html
"""

import re
from collections.abc import Sequence
from typing import Any

Rule = dict[str, Any]


def asked_headers(text: str) -> list[str]:
    """Return the names in Access-Control-Request-Headers, in lower case."""
    return [name.strip().lower() for name in text.split(",") if name.strip()]


def rule_for(
    rules: Sequence[Rule], origin: str, method: str, headers: Sequence[str] = ()
) -> Rule | None:
    """Return the first rule that takes a page's request; None where none does.

    A page that hides its origin ("") is one of "*".
    """
    for rule in rules:
        if (
            method in rule.get("AllowedMethods", ())
            and any(_fits(pattern, origin) for pattern in rule.get("AllowedOrigins", ()))
            and all(
                any(_fits(pattern.lower(), name) for pattern in rule.get("AllowedHeaders", ()))
                for name in headers
            )
        ):
            return rule
    return None


def response_headers(rule: Rule, origin: str, headers: Sequence[str] = ()) -> dict[str, str]:
    """Return the headers that have the browser show the answer to the page."""
    answer = {
        "Access-Control-Allow-Origin": "*" if "*" in rule["AllowedOrigins"] else origin,
        "Access-Control-Allow-Methods": ", ".join(rule["AllowedMethods"]),
        "Vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
    }
    if "*" not in rule["AllowedOrigins"]:
        answer["Access-Control-Allow-Credentials"] = "true"
    if headers:
        answer["Access-Control-Allow-Headers"] = ", ".join(headers)
    if rule.get("ExposeHeaders"):
        answer["Access-Control-Expose-Headers"] = ", ".join(rule["ExposeHeaders"])
    if rule.get("MaxAgeSeconds") is not None:
        answer["Access-Control-Max-Age"] = str(rule["MaxAgeSeconds"])
    return answer


def _fits(pattern: str, value: str) -> bool:
    """Tell whether a value is what a rule names; `*` is for any characters, once."""
    before, star, after = pattern.partition("*")
    if not star:
        return pattern == value
    return re.fullmatch(f"{re.escape(before)}.*{re.escape(after)}", value) is not None
