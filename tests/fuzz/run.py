"""The long run, `python tests/fuzz/run.py CASES [TARGET…]`: cases and findings of each target."""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:1] = [str(ROOT / part) for part in ("layers/core", "functions", "jobs", ".", "tests")]

from fuzz.target import Finding, Outcome, run  # noqa: E402
from fuzz.targets import TARGETS, divided  # noqa: E402

from everloop.flows.report import logger  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzz")
    parser.add_argument("cases", type=int)
    parser.add_argument("targets", nargs="*", help="names of targets; all of them if none")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    chosen = [target for target in TARGETS if not given.targets or target.name in given.targets]
    findings: list[tuple[str, Finding]] = []
    logger.setLevel("CRITICAL")  # refusals are what is looked for, thousands of them
    total, began = 0, time.monotonic()
    print(f"{'target':24} {'cases':>7} {'findings':>8} {'seconds':>8}", flush=True)
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as quiet:
        for target, count in divided(chosen, given.cases).items():
            outcome, started = Outcome(), time.monotonic()
            sys.stdout = quiet  # what functions log
            try:
                for outcome in run(target, count, Path(folder), given.seed):
                    print(f"\r{target.name}: {outcome.cases} of {count}", end="", file=sys.stderr)
            finally:
                sys.stdout = sys.__stdout__
            print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
            seconds, found = time.monotonic() - started, len(outcome.findings)
            print(f"{target.name:24} {outcome.cases:7} {found:8} {seconds:8.1f}", flush=True)
            findings += [(target.name, finding) for finding in outcome.findings.values()]
            total += outcome.cases
    print(f"{'':24} {total:7} {len(findings):8} {time.monotonic() - began:8.1f}")
    for name, finding in findings:
        print(f"\n{name}, {finding.times} times: {finding.what}\n  first case: {finding.case}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
