"""Rules of EventBridge, as somebody looks at them: are they enabled, and do they reach anybody?"""

from dataclasses import dataclass
from typing import Any

from everloop.aws.clients import events, translated


@dataclass(frozen=True)
class Rule:
    name: str
    bus: str
    enabled: bool
    has_target: bool


def beginning(prefix: str, bus: str) -> list[Rule]:
    """Return the rules of a bus whose names begin so."""
    rules: list[Rule] = []
    with translated(f"rules of {bus}"):
        pages = events().get_paginator("list_rules").paginate(NamePrefix=prefix, EventBusName=bus)
        for rule in (rule for page in pages for rule in page["Rules"]):
            name: Any = rule["Name"]
            targets = events().list_targets_by_rule(Rule=name, EventBusName=bus, Limit=1)
            enabled = rule.get("State") != "DISABLED"
            rules.append(Rule(name, bus, enabled, bool(targets["Targets"])))
    return rules
