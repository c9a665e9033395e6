"""`python -m sim`: play seeds on all cores and report; or one seed, with its history to read."""

import argparse
import sys
from sim.history import play

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=1)
a = parser.parse_args()
r = play(a.seed, lines=True, colours=sys.stdout.isatty())
print("\n".join(r.lines)); print(r.violations, r.digest[:12], r.converged_after, r.calls.total(), len(r.sites), len(r.covered))
