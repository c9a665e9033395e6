"""What goes wrong in a history: drawn once from its seed, struck at calls, events and jobs."""

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from proofs.sim.kernel import Kernel

# At a call of a function. The effect of the second half happens; the caller does not learn of it.
CALL_KINDS = ("throttle", "busy", "fault", "crash-before", "slow", "lost", "crash-after")
# At a call that a state machine makes by itself.
MACHINE_KINDS = ("throttle", "fault", "lost")
_RATES: dict[str, tuple[float, ...]] = {
    "throttle": (0.0, 0.0, 0.03, 0.15),
    "busy": (0.0, 0.0, 0.005, 0.02),
    "fault": (0.0, 0.0, 0.02, 0.1),
    "lost": (0.0, 0.0, 0.02, 0.1),
    "crash-before": (0.0, 0.0, 0.01, 0.06),
    "crash-after": (0.0, 0.0, 0.01, 0.06),
    "slow": (0.0, 0.0, 0.005, 0.02),
    "stall": (0.0, 0.0, 0.02, 0.1),
    "machine": (0.0, 0.0, 0.03, 0.15),
    "duplicate": (0.0, 0.2, 0.5),
    "delay": (0.0, 0.1, 0.3),
    "lose": (0.0, 0.1, 0.5, 1.0),
    "job fails": (0.0, 0.1, 0.4),
    "job hangs": (0.0, 0.1, 0.3),
    "update fails": (0.0, 0.1, 0.5),
}
_NO_ROOM = (0.0, 0.0, 0.1, 0.4)  # AWS lacks a quota or capacity, or breaks a job
# Without the tick nothing may be lost for good, as nothing would ever look again.
_WITHOUT_TICK = {
    "lose": (0.0,),
    "crash-before": (0.0, 0.01),
    "crash-after": (0.0, 0.01),
    "slow": (0.0,),
    "busy": (0.0,),
    "machine": (0.0, 0.03),
    "fault": (0.0, 0.02),
    "lost": (0.0, 0.02),
    "stall": (0.0, 0.02),
}
_BUSY_SECONDS = 150.0  # longer than a function tries
_STALLS = 6  # of one call site, where a history aims at it
_TARGETS = 12  # call sites are dealt to that many histories of each kind
_SERVICES = ("dynamodb", "s3", "sagemaker", "stepfunctions", "events", "sns")
_LENGTHS = (60.0, 600.0, 2400.0)  # of an outage, in seconds
# Their events come again, or die where a person redrives them: they may fail without a tick, too.
_IN_MACHINES = ("freeze_dataset", "start_training", "finish_training", "judge_candidate",
                "plan_release", "start_rollout", "probe_endpoint", "finish_release")  # fmt: skip
_HEARD_AGAIN = ("collect_data", "on_package_changed", "on_violation", "resume_execution")


# Call sites, and what goes wrong there the first time that they are reached.
Strikes = tuple[tuple[str, str], ...]
History = tuple[int, Strikes]  # a seed, and what is struck in it on purpose


@dataclass(frozen=True)
class Outage:
    """A service answers nobody, or one function alone: a hot partition, a lost route, a quota."""

    service: str
    function: str  # empty for all
    start: float
    end: float

    def holds(self, service: str, function: str, now: float) -> bool:
        here = service == self.service and self.function in ("", function)
        return here and self.start <= now < self.end


class Faults:
    """The faults of one history. `on` ends with the quiet period, and all faults with it."""

    def __init__(
        self,
        kernel: Kernel,
        *,
        tick: bool,
        functions: Sequence[str] = (),
        strikes: Strikes = (),
    ) -> None:
        self._kernel = kernel
        self._dice = kernel.chance("faults")
        self.on = True
        self.tick = tick
        # Half of the histories leave out what releases rarely survive: they get further.
        self.mild = kernel.chance("mild").random() < 0.5
        self.rates: dict[str, float] = {}
        for kind, choices in _RATES.items():
            rate = self._dice.choice(choices if tick else _WITHOUT_TICK.get(kind, choices))
            self.rates[kind] = 0.0 if kind == "busy" and self.mild else rate
        self._room = kernel.chance("room")
        self.rates["no room"] = self._room.choice(_NO_ROOM)
        self.outages: list[Outage] = []
        if tick and self._dice.random() < 0.2:
            self._plan_outage(_SERVICES, ("",))
        if self._dice.random() < 0.4:
            self._plan_outage(_SERVICES[:4], functions if tick else _HEARD_AGAIN)
        if tick and self._dice.random() < 0.3:
            self._plan_outage(("dynamodb", "sagemaker"), _IN_MACHINES)
        self._busy_until: dict[str, float] = {}
        self._strikes = dict(strikes)
        # Rare call sites would hardly ever be struck by chance: each history aims at a few of them.
        self._aim = kernel.seed % (_TARGETS * len(CALL_KINDS))
        self._aimed: Counter[str] = Counter()
        self._stalled: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()
        self.sites: set[str] = set()
        self.covered: set[tuple[str, str]] = set()

    def _plan_outage(self, services: Sequence[str], functions: Sequence[str]) -> None:
        service, function = self._dice.choice(services), self._dice.choice(functions)
        start = self._dice.uniform(0, 4000)
        end = start + self._dice.choice(_LENGTHS)
        self.outages.append(Outage(service, function, start, end))

    def strikes(self, kind: str) -> bool:
        """Tell whether a fault of this kind strikes now."""
        if not self.on or self._dice.random() >= self.rates[kind]:
            return False
        self.struck[kind] += 1
        return True

    def lacks_room(self) -> bool:
        """Tell whether AWS has no room for something now."""
        if not self.on or self._room.random() >= self.rates["no room"]:
            return False
        self.struck["no room"] += 1
        return True

    def at_call(self, service: str, site: str) -> str | None:
        """Return what goes wrong with this call of a function, if anything does."""
        self.sites.add(site)
        if site in self._strikes:
            wanted = self._strikes.pop(site)
            return self._struck(site, wanted)
        if not self.on:
            return None
        if self._kernel.now < self._busy_until.get(site, 0.0):
            return "throttle"
        kind = self._aimed_at(site)
        if kind is None and self._out(service, site.partition(" ")[0]):
            self.struck["outage"] += 1
            kind = "fault"
        if kind is None:
            for each in CALL_KINDS:
                if self._dice.random() < self.rates[each]:
                    kind = each
                    break
        return self._struck(site, kind) if kind else None

    def _struck(self, site: str, kind: str) -> str:
        """Note what strikes, and return what the call sees of it."""
        self.struck[kind] += 1
        self.covered.add((site, kind))
        if kind != "busy":
            return kind
        self._busy_until[site] = self._kernel.now + _BUSY_SECONDS
        return "throttle"

    def break_down(self, service: str, start: float, end: float) -> None:
        """Let a service answer no function between these moments."""
        self.outages.append(Outage(service, "", start, end))

    def at_machine(self, service: str) -> str | None:
        """Return what goes wrong with a call that a state machine makes, if anything does."""
        if not self.on:
            return None
        if self._out(service, ""):
            self.struck["outage"] += 1
            return "fault"
        if self._dice.random() < self.rates["machine"]:
            kind = self._dice.choice(MACHINE_KINDS)
            self.struck[f"machine {kind}"] += 1
            return kind
        return None

    def stalls(self, site: str) -> bool:
        """Tell whether this call takes long, and goes well: whatever others do comes before it."""
        share = self._share(f"stall {site}")
        aimed = self.on and share == self._kernel.seed % _TARGETS
        if aimed and self._stalled[site] < _STALLS and self._dice.random() < 0.5:
            self._stalled[site] += 1
            self.struck["stall"] += 1
            return True
        return self.strikes("stall")

    def _out(self, service: str, function: str) -> bool:
        return any(o.holds(service, function, self._kernel.now) for o in self.outages)

    def _share(self, site: str) -> int:
        """Return whose a call site is, whatever its line: a line more is no other history."""
        return zlib.crc32(site.partition(".py:")[0].encode()) % _TARGETS

    def _aimed_at(self, site: str) -> str | None:
        kind = CALL_KINDS[self._aim % len(CALL_KINDS)]
        share = self._aim // len(CALL_KINDS)
        if self._share(site) != share or (kind == "busy" and not self.tick):
            return None  # a machine that dies of it is nobody's to repair without a tick
        whose = site if self.tick else site.partition(" ")[0]
        if self._aimed[whose] >= 2 or self._dice.random() < 0.3:
            return None
        self._aimed[whose] += 1
        return kind
