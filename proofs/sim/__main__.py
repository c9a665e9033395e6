"""`python -m proofs.sim`: play seeds on all cores and report, or one with its history to read."""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator

from proofs.sim.faults import CALL_KINDS, History, Strikes
from proofs.sim.history import Result, play, play_struck
from proofs.sim.report import Report

_ROUNDS = 3  # what is struck on purpose may come to call sites that nobody has seen


def main() -> int:
    parser = argparse.ArgumentParser(prog="proofs.sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many histories")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, nargs="+", help="play these, and no others")
    parser.add_argument("--trace", action="store_true", help="print the history of --seed")
    parser.add_argument(
        "--strike",
        action="append",
        default=[],
        help="with --seed: a call site and a kind of fault, as a report names them",
    )
    parser.add_argument("--twice", action="store_true", help="play each twice, and compare")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    if given.seed is not None:
        aims = tuple((aim.rpartition(" ")[0], aim.rpartition(" ")[2]) for aim in given.strike)
        for site, kind in aims:
            if not site or kind not in CALL_KINDS:
                parser.error(
                    f"--strike: {site} {kind}: a call site and one of {', '.join(CALL_KINDS)}"
                )
        return max(_one(seed, aims, trace=given.trace) for seed in given.seed)
    report = Report(given.seeds, colours=sys.stdout.isatty())
    began = time.monotonic()
    seeds = range(given.first, given.first + given.seeds)
    for result in _played([(seed, ()) for seed in seeds], given.workers):
        report.add(result)
    for _ in range(_ROUNDS):
        struck = report.to_strike()
        if not struck:
            break
        for result in _played(struck, given.workers):
            report.add(result)
    if given.twice:
        for result in _played([(seed, ()) for seed in reversed(seeds)], given.workers):
            report.compare(result)
    print(report.text(time.monotonic() - began))
    return 0 if report.passed else 1


def _played(histories: list[History], workers: int) -> Iterator[Result]:
    """Yield results as they come, in the order of the histories."""
    context = multiprocessing.get_context("spawn")  # each worker with its own hash seed
    with context.Pool(workers) as pool:
        yield from pool.imap(play_struck, histories, chunksize=4)


def _one(seed: int, aims: Strikes, *, trace: bool) -> int:
    colours = trace and sys.stdout.isatty()
    result = play(seed, lines=trace, colours=colours, strikes=aims)
    for line in result.lines:
        print(line)
    print(
        f"seed {seed}{'' if result.tick else ' (no tick)'}: {result.calls.total()} calls, "
        f"{sum(result.struck.values())} faults, quiet after {result.converged_after / 60:.0f} min, "
        f"trace {result.digest[:16]}"
    )
    for violation in result.violations:
        print(f"  VIOLATION at {violation.time:.0f} s: {violation.invariant}: {violation.text}")
    missed = [aim for aim in aims if aim not in result.covered]
    for site, kind in missed:
        print(f"  seed {seed} does not come by {site}: no {kind} there")
    return 1 if result.violations or missed else 0


if __name__ == "__main__":
    sys.exit(main())
