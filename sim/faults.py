"""What goes wrong in a history: drawn once from its seed, struck at calls, events and jobs."""

import zlib
from collections import Counter
from dataclasses import dataclass

from sim.kernel import Kernel

# At a call of a function. The effect of the second half happens; the caller does not learn of it.
CALL_KINDS = ("throttle", "fault", "crash-before", "slow", "lost", "crash-after")
# At a call that a state machine makes by itself.
MACHINE_KINDS = ("throttle", "fault", "lost")
_RATES: dict[str, tuple[float, ...]] = {
    "throttle": (0.0, 0.0, 0.03, 0.15),
    "fault": (0.0, 0.0, 0.02, 0.1),
    "lost": (0.0, 0.0, 0.02, 0.1),
    "crash-before": (0.0, 0.0, 0.01, 0.06),
    "crash-after": (0.0, 0.0, 0.01, 0.06),
    "slow": (0.0, 0.0, 0.005, 0.02),
    "machine": (0.0, 0.0, 0.03, 0.15),
    "duplicate": (0.0, 0.2, 0.5),
    "delay": (0.0, 0.1, 0.3),
    "lose": (0.0, 0.1, 0.5, 1.0),
    "job fails": (0.0, 0.1, 0.4),
    "job hangs": (0.0, 0.1, 0.3),
    "update fails": (0.0, 0.1, 0.5),
}
KINDS = frozenset((*_RATES, "outage", "aim"))  # what can be left out of a history
# Without the tick nothing may be lost for good, as nothing would ever look again.
_WITHOUT_TICK = {"lose": (0.0,), "crash-before": (0.0, 0.01), "crash-after": (0.0, 0.01),
                 "slow": (0.0,), "machine": (0.0, 0.03), "fault": (0.0, 0.02)}  # fmt: skip
_TARGETS = 12  # call sites are dealt to that many histories of each kind
_SERVICES = ("dynamodb", "s3", "sagemaker", "stepfunctions", "events", "sns")


@dataclass(frozen=True)
class Outage:
    service: str
    start: float
    end: float


class Faults:
    """The faults of one history. `on` ends with the quiet period, and all faults with it."""

    def __init__(self, kernel: Kernel, *, tick: bool, off: frozenset[str] = frozenset()) -> None:
        self._kernel = kernel
        self._dice = kernel.chance("faults")
        self.on = True
        self.tick = tick
        self.rates: dict[str, float] = {}
        for kind, choices in _RATES.items():
            rate = self._dice.choice(choices if tick else _WITHOUT_TICK.get(kind, choices))
            self.rates[kind] = 0.0 if kind in off else rate
        self.outages: list[Outage] = []
        if tick and self._dice.random() < 0.25 and "outage" not in off:
            start = self._dice.uniform(0, 4000)
            length = self._dice.choice((60.0, 600.0, 2400.0))
            self.outages.append(Outage(self._dice.choice(_SERVICES), start, start + length))
        # Rare call sites would hardly ever be struck by chance: each history aims at a few of them.
        self._aim = kernel.seed % (_TARGETS * len(CALL_KINDS))
        self._aimed: Counter[str] = Counter()
        self._aims = "aim" not in off
        self.struck: Counter[str] = Counter()
        self.sites: set[str] = set()
        self.covered: set[tuple[str, str]] = set()

    def strikes(self, kind: str) -> bool:
        """Tell whether a fault of this kind strikes now."""
        if not self.on or self._dice.random() >= self.rates[kind]:
            return False
        self.struck[kind] += 1
        return True

    def at_call(self, service: str, site: str) -> str | None:
        """Return what goes wrong with this call of a function, if anything does."""
        self.sites.add(site)
        if not self.on:
            return None
        kind = self._aimed_at(site)
        if kind is None and self._out(service):
            self.struck["outage"] += 1
            kind = "fault"
        if kind is None:
            for each in CALL_KINDS:
                if self._dice.random() < self.rates[each]:
                    kind = each
                    break
        if kind is not None:
            self.struck[kind] += 1
            self.covered.add((site, kind))
        return kind

    def at_machine(self, service: str) -> str | None:
        """Return what goes wrong with a call that a state machine makes, if anything does."""
        if not self.on:
            return None
        if self._out(service):
            self.struck["outage"] += 1
            return "fault"
        if self._dice.random() < self.rates["machine"]:
            kind = self._dice.choice(MACHINE_KINDS)
            self.struck[f"machine {kind}"] += 1
            return kind
        return None

    def _out(self, service: str) -> bool:
        now = self._kernel.now
        return any(o.service == service and o.start <= now < o.end for o in self.outages)

    def _aimed_at(self, site: str) -> str | None:
        kind = CALL_KINDS[self._aim % len(CALL_KINDS)]
        share = self._aim // len(CALL_KINDS)
        if not self._aims or zlib.crc32(site.encode()) % _TARGETS != share:
            return None
        if self._aimed[site] >= 2 or self._dice.random() < 0.3:
            return None
        self._aimed[site] += 1
        return kind
