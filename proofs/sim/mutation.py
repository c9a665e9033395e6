"""`python -m proofs.sim.mutation`: plant each flaw in a copy of the product; how many see it?

What none of the first seeds sees is played with more of them, until one does; but for flaws whose
`why` says that hardly any could.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

from proofs.sim.mutants import MUTANTS, Mutant
from proofs.template import ROOT

_COPIED = ("functions", "layers", "jobs", "statemachines", "template.yaml")
_LONGEST_SECONDS = 1800


@dataclass(frozen=True)
class Caught:
    mutant: Mutant
    seeds: int
    of: int
    by: str  # the invariant that most of them broke


def main() -> int:
    parser = argparse.ArgumentParser(prog="proofs.sim.mutation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=24, help="histories for each flaw")
    parser.add_argument(
        "--most",
        type=int,
        default=160,
        help="histories for those that none of the first sees, and no `why` explains",
    )
    parser.add_argument("--start", type=int, default=1, help="the first of their seeds")
    parser.add_argument(
        "--only", action="append", help="flaws whose name holds this; may be given again"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--first", action="store_true", help="end at the first history that sees it"
    )
    parser.add_argument("--count", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    seeds = range(given.start, given.start + given.seeds)
    if given.count:
        return _count(seeds, first=given.first)
    only = given.only or [""]
    chosen = [mutant for mutant in MUTANTS if any(part in mutant.name for part in only)]
    if not chosen:
        parser.error(f"--only: no flaw is called {', '.join(only)}")
    clean = _played(ROOT, seeds, first=False)
    if clean["by"]:
        print(f"the product itself breaks: {clean}", file=sys.stderr)
        return 2
    more = range(seeds.stop, given.start + given.most)
    with multiprocessing.get_context("spawn").Pool(given.workers) as pool:
        found = _tell(pool, [(mutant, seeds, given.first) for mutant in chosen])
        unseen = [c.mutant for c in found if not c.seeds and not c.mutant.why]
        if unseen and more:
            print(f"\nseen by none of these; now with seeds up to {more.stop - 1}, to the first:")
            found = [caught for caught in found if caught.mutant not in unseen]
            found += _tell(pool, [(mutant, more, True) for mutant in unseen])
    killed = sum(1 for caught in found if caught.seeds)
    explained = sum(1 for caught in found if not caught.seeds and caught.mutant.why)
    share = killed / len(found)
    print(f"\n{killed} of {len(found)} flaws are seen ({share:.0%}), {explained} explained")
    return 0 if share >= 0.85 and killed + explained == len(found) else 1


def _tell(pool: Pool, work: list[tuple[Mutant, range, bool]]) -> list[Caught]:
    """Plant flaws, and tell of each as it is known."""
    found = []
    for caught in pool.imap(_plant, work):
        found.append(caught)
        word = f"{caught.seeds:>3} of {caught.of}"
        told = caught.by or f"SURVIVES {caught.mutant.why}"
        print(f"{word:<10} {caught.mutant.name:<52} {told}", flush=True)
    return found


def _plant(work: tuple[Mutant, range, bool]) -> Caught:
    mutant, seeds, first = work
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder))
        mutant.plant(copy)
        answer = _played(copy, seeds, first=first)
    return Caught(mutant, answer["bad"], answer["of"], answer["by"])


def copied(folder: Path) -> Path:
    """Copy to a folder what flaws are planted in."""
    for name in _COPIED:
        if (ROOT / name).is_dir():
            unwanted = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
        else:
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def _played(product: Path, seeds: range, *, first: bool) -> dict[str, Any]:
    """Play seeds of a product in a process of their own."""
    command = [sys.executable, "-m", "proofs.sim.mutation", "--count"]
    command += ["--start", str(seeds.start), "--seeds", str(len(seeds))]
    command += ["--first"] if first else []
    environment = {**os.environ, "SIM_PRODUCT": str(product), "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"bad": len(seeds), "of": len(seeds), "by": f"no end within {_LONGEST_SECONDS} s"}
    if done.returncode:  # nobody has judged: no flaw is seen by that
        last = done.stderr.strip().splitlines()[-1:] or [""]
        return {"bad": 0, "of": len(seeds), "by": f"the simulator stops: {last[0][:80]}"}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _count(seeds: range, *, first: bool) -> int:
    from collections import Counter

    from proofs.sim.history import play

    bad, played, invariants = 0, 0, Counter[str]()
    for seed in seeds:
        played += 1
        broken = {violation.invariant for violation in play(seed).violations}
        bad += bool(broken)
        invariants.update(broken)
        if bad and first:
            break
    by = invariants.most_common(1)[0][0] if invariants else ""
    print(json.dumps({"bad": bad, "of": played, "by": by}))
    return 0


if __name__ == "__main__":
    began = time.monotonic()
    code = main()
    print(f"({time.monotonic() - began:.0f} s)", file=sys.stderr)
    sys.exit(code)
