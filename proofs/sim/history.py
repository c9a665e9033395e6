"""One seed, one history: faults and people for a while, then quiet, then the judgement."""

import gc
import io
import itertools
import random
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from proofs.sim.aws import functions
from proofs.sim.aws.account import Account
from proofs.sim.convergence import Convergence
from proofs.sim.endings import Endings
from proofs.sim.faults import Faults, History, Strikes
from proofs.sim.judge import Judge, Violation
from proofs.sim.kernel import Endless, Kernel
from proofs.sim.moments import Moments
from proofs.sim.people import FAULTY, People
from proofs.sim.secrecy import leaks
from proofs.sim.stack import stack
from proofs.sim.trace import Trace
from proofs.sim.watching import look_once_more
from proofs.sim.wire import Wire
from proofs.sim.withdrawal import withdraw

_QUIET = 6 * 3600.0  # seconds within which everything must have converged
_STEP = 300.0
_REPLAYED = 8  # events of each kind that come once more, when all is done


@dataclass
class Result:
    seed: int
    strikes: Strikes
    tick: bool
    violations: list[Violation]
    digest: str
    struck: Counter[str]
    moments: Counter[str]
    sites: set[str]
    covered: set[tuple[str, str]]
    calls: Counter[str]
    converged_after: float  # seconds of quiet
    unapproved_updates: int
    gone_after: list[float]  # seconds after its withdrawal that what served in quiet was gone
    lines: list[str] = field(default_factory=list)


_wire = Wire()
_ready = False
_KEPT = 8  # histories whose garbage may lie about: looking for it takes as long as a short one
_since = itertools.count()


def _prepare() -> None:
    """Make this process ready for histories: the product's modules, and botocore's wire."""
    global _ready
    if _ready:
        return
    functions.prepare(stack().environment)
    from everloop.aws import clients, endpoints

    _wire.plug_into(clients._session())
    endpoints.__dict__["time"] = _wire.time
    _ready = True
    # A history is garbage as a whole, once it is over: to look for it on the way is a fifth of the
    # time.
    gc.disable()


def _forget() -> None:
    """Forget the history before, and its clients: their rate limits remember it."""
    from everloop.aws import clients

    _wire.connect(None)
    for value in vars(clients).values():
        if hasattr(value, "cache_clear") and value is not clients._session:
            value.cache_clear()
    played = next(_since)
    if played % _KEPT == 0:
        gc.collect()
    if played == _KEPT:
        # What is left is modules and botocore's models: they stay. Once only, as whatever is frozen
        # while it is in use is looked for never again.
        gc.freeze()


def play(
    seed: int,
    *,
    lines: bool = False,
    colours: bool = False,
    strikes: Strikes = (),
) -> Result:
    """Play a seed to its end. One seed in four has no tick: the events alone must do it.

    `strikes` are call sites, and what goes wrong with the first call that is made there.
    """
    _prepare()
    _forget()
    random.seed(seed)  # botocore's jitter
    tick = seed % 4 != 3
    trace, kernel, judge = Trace(lines=lines, colours=colours), Kernel(seed), Judge()
    handlers = sorted(function.handler for function in stack().functions.values())
    faults = Faults(kernel, tick=tick, functions=handlers, strikes=strikes)
    account = Account(kernel, faults, judge, trace)
    _wire.connect(account)
    people = People(account)
    account.moments = Moments(account, people)
    judge.models = {model.name: model for model in people.models}
    convergence = Convergence(account, judge, people)
    converged = None
    gone_after: list[float] = []
    stdout, sys.stdout = sys.stdout, (log := io.StringIO())
    try:
        people.begin()
        if tick:
            kernel.spawn(lambda: _tick(account))
        kernel.run(FAULTY)
        faults.on = False
        account.note("quiet", "no more faults from here on")
        kernel.spawn(people.settle)
        kernel.run(FAULTY + _STEP / 2)  # looked at between two ticks
        converged = _converge(kernel, convergence, account, people)
        if converged is not None:
            Endings(account, judge, people, convergence).check()
            if tick:  # else an event that comes again may well be the first look in a while
                _replay(kernel, account, judge)
            gone_after = withdraw(account, judge, people, convergence)
            look_once_more(account, judge, people)
        else:
            for each in convergence.open():
                judge.violate("converges after quiet", each)
    except Endless as endless:
        judge.violate("comes to an end", str(endless))
    finally:
        sys.stdout = stdout
        kernel.close()
    for leak in leaks(account, log.getvalue()):
        judge.violate("nothing secret is logged", leak)
    result = Result(
        seed=seed,
        strikes=strikes,
        tick=tick,
        violations=judge.violations,
        digest=trace.digest(),
        struck=faults.struck,
        moments=account.moments.happened,
        sites=faults.sites,
        covered=faults.covered,
        calls=trace.calls,
        converged_after=converged if converged is not None else _QUIET,
        unapproved_updates=judge.releases.unapproved_updates,
        gone_after=gone_after,
        lines=trace.notes,
    )
    return result


def play_struck(history: History) -> Result:
    """Play a seed with its strikes; in a module of its own name, so that workers find it."""
    seed, strikes = history
    return play(seed, strikes=strikes)


def _tick(account: Account) -> None:
    reconcile = account.stack.function("reconcile").arn
    while True:
        account.kernel.pause(account.stack.tick)
        event: dict[str, Any] = {"time": account.kernel.moment().isoformat()}
        account.kernel.spawn(lambda e=event: account.bus.invoke_later(reconcile, e))


def _converge(
    kernel: Kernel, convergence: Convergence, account: Account, people: People
) -> float | None:
    """Let quiet pass until nothing is left to do; return how long that took."""
    calm = 0
    while kernel.now < FAULTY + _QUIET:
        kernel.spawn(account.bus.redrive)  # what died while people were busy
        people.heed_mails()
        kernel.run(kernel.now + _STEP)
        calm = 0 if any(True for _ in convergence.open()) else calm + 1
        if calm == 2:
            return kernel.now - FAULTY - _STEP
    return None


def _replay(kernel: Kernel, account: Account, judge: Judge) -> None:
    """Let old events come again: nothing may change."""
    before = len(judge.effects)
    sent = defaultdict[str, list[Any]](list)
    for bus, event in account.bus.sent:
        if event["id"] in account.bus.handled:
            sent[event["detail-type"]].append((bus, event))
    dice = kernel.chance("replay")
    chosen = [one for each in sent.values() for one in dice.sample(each, min(_REPLAYED, len(each)))]
    dice.shuffle(chosen)
    account.note("replay", f"{len(chosen)} old events come again")
    for bus, event in chosen:
        account.bus.put(event, bus)
    kernel.run(kernel.now + 1500.0)
    for effect in judge.effects[before:]:
        judge.violate("old events change nothing", effect)
