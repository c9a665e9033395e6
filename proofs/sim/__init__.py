"""The fault simulator: the whole product against a fake AWS, in virtual time, one seed a history.

Real are the product's handlers, decisions and state machines, boto3 with its parsing and retries,
and of the local cloud its interpreter, event patterns, wire protocols and roles. Ours are the wire
(where faults strike), the clock, the scheduler, and the AWS that remembers what it saw.
"""

import os
import sys
from pathlib import Path

from proofs.template import ROOT

PRODUCT = Path(os.environ.get("SIM_PRODUCT", ROOT))  # a copy of it, where a flaw was planted

# Importable as it is in Lambda, before anything of it is imported.
for _path in ("functions", "layers/core", "jobs"):
    if str(PRODUCT / _path) not in sys.path:
        sys.path.insert(0, str(PRODUCT / _path))
