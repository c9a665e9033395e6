"""What the template's roles may do, beside what was demanded of them: missing, unused, wildcards.

A grant is one action on one resource of one statement: nothing smaller can be left out of a policy.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from everloop_localcloud.kernel.access.demands import Demand
from everloop_localcloud.kernel.access.evaluation import Statement, evaluate, listed
from proofs.audit import key
from proofs.audit.reasons import Key
from proofs.stack import Stack
from proofs.template import ACCOUNT, REGION

# What holds for every call, as the local cloud has it.
_KNOWN = {
    "aws:securetransport": "true",
    "aws:principalaccount": ACCOUNT,
    "aws:requestedregion": REGION,
}


@dataclass(frozen=True, eq=False)
class Grant:
    """One action on one resource; `reason` is why the resource is a wildcard."""

    statement: Statement
    action: str
    resource: str
    reason: str | None

    def covers(self, demand: Demand) -> bool:
        return evaluate([self.statement], demand, _KNOWN).allowed


@dataclass
class Finding:
    """What is to be said of one role."""

    role: str
    grants: list[Grant]
    used: set[Grant] = field(default_factory=set)
    missing: list[Demand] = field(default_factory=list)

    @property
    def unused(self) -> list[Grant]:
        return [grant for grant in self.grants if grant not in self.used]

    @property
    def wildcards(self) -> list[Grant]:
        return [grant for grant in self.grants if "*" in grant.resource]

    @property
    def unexplained(self) -> list[Grant]:
        return [grant for grant in self.wildcards if grant.reason is None]

    @property
    def good(self) -> bool:
        return not (self.missing or self.unused or self.unexplained)


@dataclass
class Evidence:
    """The demands of each role, by logical id, and how many each kind of run told."""

    demands: dict[str, set[str]] = field(default_factory=dict)  # as JSON: a demand has dicts
    runs: Counter[str] = field(default_factory=Counter)

    def of(self, role: str) -> list[Demand]:
        found = []
        for text in sorted(self.demands.get(role, ())):
            told = json.loads(text)
            found.append(Demand(told["action"], told["resource"], told["context"]))
        return found


def evidence(stack: Stack, folders: Iterable[Path]) -> Evidence:
    """Read what runs recorded (access.record). Raises ValueError for a broken line."""
    found = Evidence()
    for path in sorted(path for folder in folders for path in folder.glob("*.jsonl")):
        run = path.stem.rpartition("-")[0]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            try:
                told = json.loads(line)
                role = stack.role_named(told["role"])
                demand = {name: told[name] for name in ("action", "resource", "context")}
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path}, line {number} is no demand: {error!r}") from error
            if role is not None:
                found.demands.setdefault(role, set()).add(json.dumps(demand, sort_keys=True))
                found.runs[run] += 1
    return found


def compare(stack: Stack, role: str, demands: Iterable[Demand], why: Mapping[Key, str]) -> Finding:
    """Lay a role's grants beside its demands."""
    finding = Finding(role, list(grants(stack, role, why)))
    demands = list(demands)
    for demand in [*demands, *key.demands(demands)]:
        covering = [grant for grant in finding.grants if grant.covers(demand)]
        if demand.resource is not None:  # else it is not known which of them was used
            finding.used.update(covering)
        if not covering:
            finding.missing.append(demand)
    return finding


def grants(stack: Stack, role: str, why: Mapping[Key, str]) -> Iterator[Grant]:
    """Yield each grant of a role."""
    for document in stack.documents(role):
        for index, content in enumerate(listed(document.content["Statement"])):
            for place, resource in enumerate(listed(content["Resource"])):
                for action in listed(content["Action"]):
                    single = {**content, "Action": action, "Resource": resource}
                    reason = why.get((document.holder, document.name, index, place))
                    yield Grant(Statement(document.name, index, single), action, resource, reason)
