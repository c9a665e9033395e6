"""What many histories came to: faults struck, call sites covered, violations, pace."""

import sys
import time
from collections import Counter, defaultdict
from statistics import median

from proofs.sim.faults import CALL_KINDS, History
from proofs.sim.history import Result

_LEAST_FOR_STRIKES = 100  # seeds: a few say nothing about what chance leaves out


class Report:
    def __init__(self, total: int, *, colours: bool) -> None:
        self._total = total
        self._colours = colours
        self._results = 0
        self._on_purpose = 0
        # Which came by a call site first: of those with a tick, and of those without.
        self._seen_by: dict[str, History] = {}
        self._seen_without_tick: dict[str, History] = {}
        self._struck: Counter[str] = Counter()
        self._moments: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        self._sites: set[str] = set()
        self._covered: set[tuple[str, str]] = set()
        self._violations: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
        self._quiet: list[float] = []
        self._unapproved = 0
        self._gone_after: list[float] = []
        self._digests: dict[int, str] = {}
        self._differ: list[int] = []
        self._compared = 0
        self._last_shown = 0.0

    @property
    def passed(self) -> bool:
        return not self._violations and not self._differ

    def add(self, result: Result) -> None:
        aims = "".join(f" --strike '{site} {kind}'" for site, kind in result.strikes)
        if result.strikes:
            self._on_purpose += 1
        else:
            self._results += 1
            self._digests[result.seed] = result.digest
        seen_by = self._seen_by if result.tick else self._seen_without_tick
        for site in result.sites:
            seen_by.setdefault(site, (result.seed, result.strikes))
        self._struck += result.struck
        self._moments += result.moments
        self._calls += result.calls
        self._sites |= result.sites
        self._covered |= result.covered
        self._quiet.append(result.converged_after)
        self._unapproved += result.unapproved_updates
        self._gone_after += result.gone_after
        for violation in result.violations:
            self._violations[violation.invariant].append((result.seed, aims, violation.text))
            said = f"seed {result.seed}{aims}: {violation.invariant}: {violation.text[:200]}"
            print(f"\x1b[2K{said}" if self._colours else said, file=sys.stderr, flush=True)
        self._progress()

    def to_strike(self) -> list[History]:
        """Return which seeds to play again, and how: what chance has left out is struck on purpose.

        Up to the strike such a history is the one that its seed alone is, so it gets there. Those
        without a tick are asked where no other came by: one fault more is retried there, too, but
        a function that chance has already struck may be lost for good.
        """
        if self._total < _LEAST_FOR_STRIKES:
            return []
        found = []
        for site, kind in self.uncovered():
            seed, strikes = self._seen_by.get(site) or self._seen_without_tick[site]
            found.append((seed, (*strikes, (site, kind))))
        return found

    def compare(self, result: Result) -> None:
        """Take a second play of a seed: its trace must be the first one's."""
        self._compared += 1
        if self._digests[result.seed] != result.digest:
            self._differ.append(result.seed)

    def uncovered(self) -> list[tuple[str, str]]:
        return sorted({(s, k) for s in self._sites for k in CALL_KINDS} - self._covered)

    def text(self, seconds: float) -> str:
        pairs = len(self._sites) * len(CALL_KINDS)
        covered = len(self._covered)
        quiet, gone = sorted(self._quiet), self._gone_after
        bad = {seed for found in self._violations.values() for seed, *_ in found}
        lines = [
            "",
            f"{self._results} seeds in {seconds:.0f} s "
            f"({(self._results + self._on_purpose) / seconds * 60:.0f} a minute), "
            f"{self._calls.total():,} calls of AWS, {self._struck.total():,} faults",
            "",
            *_table(self._struck),
            "",
            "worst moments",
            *_table(self._moments),
            "",
            f"call sites x kinds of fault   {covered} of {pairs} ({covered / pairs:.1%})",
            f"  seeds played again for one of them   {self._on_purpose}",
            f"quiet until all had converged median {median(quiet) / 60:.0f} min, "
            f"99 % within {quiet[int(len(quiet) * 0.99)] / 60:.0f} min",
            f"withdrawn between last look and update  {self._unapproved}",
        ]
        if gone:
            lines.append(
                f"withdrawn in quiet            {len(gone)}, gone after "
                f"{median(gone) / 60:.0f} min (median), {max(gone) / 60:.0f} at most"
            )
        if self._compared:
            same = self._compared - len(self._differ)
            lines.append(f"same trace when played again  {same} of {self._compared}")
            lines += [f"  seed {seed} differs" for seed in self._differ[:5]]
        lines += [f"  not covered: {kind} at {site}" for site, kind in self.uncovered()[:15]]
        lines.append(f"seeds with a violation        {len(bad)}")
        for invariant, found in sorted(self._violations.items(), key=lambda item: -len(item[1])):
            lines.append(f"  {self._red(invariant)}: {len({s for s, *_ in found})} seeds")
            lines += [f"    seed {seed}{aims}: {text[:200]}" for seed, aims, text in found[:3]]
        return "\n".join(lines)

    def _red(self, text: str) -> str:
        return f"\x1b[1;31m{text}\x1b[0m" if self._colours else text

    def _progress(self) -> None:
        now = time.monotonic()
        last = self._results == self._total and not self._on_purpose
        if not last and now - self._last_shown < (0.2 if sys.stderr.isatty() else 30):
            return
        self._last_shown = now
        bad = len({seed for found in self._violations.values() for seed, *_ in found})
        share = self._results / self._total
        again = f", {self._on_purpose} played again" if self._on_purpose else ""
        bar = "#" * round(share * 30) + "." * (30 - round(share * 30))
        end = "\n" if last or not sys.stderr.isatty() else "\r"
        text = f"sim [{bar}] {self._results}/{self._total} seeds{again}, {bad} with a violation"
        print(text, end=end, file=sys.stderr, flush=True)


def _table(counts: Counter[str]) -> list[str]:
    width = max(map(len, counts), default=0)
    return [f"  {name:<{width}}  {count:>9,}" for name, count in counts.most_common()]
