"""Resource policies: may this service of AWS do this, on behalf of that rule, topic or bucket?"""

import fnmatch
import json
from functools import lru_cache
from typing import Any


def allows(
    policy: str | None, service: str, action: str, resource: str, source_arn: str = ""
) -> bool:
    """Tell whether a resource's policy lets `service` (`events.amazonaws.com`) do `action`.

    Conditions on aws:SourceArn, aws:SourceAccount and what holds for every service of AWS are
    judged; a statement with a condition on anything else never allows, and always denies.
    """
    if not policy:
        return False
    allowed = False
    for statement in _statements(policy):
        denies = statement.get("Effect") == "Deny"
        if not (
            _principal(statement.get("Principal"), service)
            and _any(statement.get("Action"), action.lower(), lower=True)
            and _any(statement.get("Resource", "*"), resource)
        ):
            continue
        holds = _conditions(statement.get("Condition") or {}, source_arn)
        if denies and holds is not False:
            return False
        if not denies and holds:
            allowed = True
    return allowed


@lru_cache(maxsize=1024)
def _statements(policy: str) -> list[dict[str, Any]]:
    found = json.loads(policy).get("Statement") or []
    return [found] if isinstance(found, dict) else list(found)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _any(patterns: Any, value: str, *, lower: bool = False) -> bool:
    return any(
        fnmatch.fnmatchcase(value, _literal(str(one).lower() if lower else str(one)))
        for one in _listed(patterns)
        if one is not None
    )


def _literal(pattern: str) -> str:
    return pattern.replace("[", "[[]")  # only * and ? are wildcards in IAM


def _principal(principal: Any, service: str) -> bool:
    if principal == "*":
        return True
    if not isinstance(principal, dict):
        return False
    return service in _listed(principal.get("Service")) or "*" in _listed(principal.get("AWS"))


def _conditions(conditions: dict[str, dict[str, Any]], source_arn: str) -> bool | None:
    """True or False as far as it can be judged; None where a condition is on something else."""
    parts = source_arn.split(":")
    known = {
        "aws:sourcearn": source_arn,
        "aws:sourceaccount": parts[4] if len(parts) > 4 else "",
        "aws:securetransport": "true",  # services of AWS call each other over TLS
        "aws:principalisawsservice": "true",
    }
    unknown = False
    for kind, keys in conditions.items():
        for key, wanted in keys.items():
            value = known.get(key.lower())
            if value is None or kind.removesuffix("IfExists") not in _JUDGED:
                unknown = True
            elif kind.startswith(("ArnLike", "ArnEquals", "StringLike")):
                if not _any(wanted, value):
                    return False
            elif value not in [_as_text(one) for one in _listed(wanted)]:
                return False
    return None if unknown else True


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_JUDGED = ("ArnLike", "ArnEquals", "StringLike", "StringEquals", "Bool")
