"""A new account's quotas: the loop ends where the first is 0, and with exactly what the doctor asks
for it gets through, the second release with both fleets included.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from e2e.laptop import ROOT, Laptop, prices, variant

from everloop.aws.items import plain_item

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(900)]
MODEL = "fresh"


def before(laptop: Laptop, folder: Path) -> tuple[int, list[dict[str, Any]]]:
    words = [sys.executable, "-m", "everloop_cli.main", "doctor", "--before", str(folder), "--json"]
    done = subprocess.run(words, env=laptop.env, cwd=ROOT, capture_output=True, check=False)
    return done.returncode, json.loads(done.stdout)


def test_the_loop_gets_through_with_exactly_what_the_doctor_asks_for(tmp_path: Path) -> None:
    options = ("--quotas", "new-account")
    with Laptop(tmp_path / "state", speed=300, options=options) as laptop:
        folder = variant(tmp_path, MODEL, {})
        laptop.everloop("push", str(folder))
        laptop.decided(MODEL, "install")
        laptop.put(f"data/{MODEL}/one.csv", prices(1, 300))

        def lacked() -> dict[str, Any] | None:
            key = {"pk": {"S": f"MODEL#{MODEL}"}, "sk": {"S": "SHORTAGE#training"}}
            found = laptop.client("dynamodb").get_item(TableName="everloop-ledger", Key=key)
            return plain_item(found["Item"])["trouble"] if "Item" in found else None

        trouble = laptop.wait(MODEL, "a quota that is 0", lacked, 240)
        code, findings = before(laptop, folder)
        wrong = [each for each in findings if each["state"] == "wrong"]
        assert code == 1 and any(trouble["quota"] in each["found"] for each in wrong)
        for each in wrong:
            laptop.aws(*each["fix"].split()[1:])
        assert before(laptop, folder)[0] == 0

        laptop.everloop("resume", MODEL)
        laptop.decided(MODEL, "judge", limit=240)
        laptop.approve(MODEL, 1)
        laptop.serves(MODEL, 1, limit=240)
        laptop.put(f"data/{MODEL}/two.csv", prices(3, 1500, shift=6))
        laptop.decided(MODEL, "judge", 2, limit=240)
        laptop.approve(MODEL, 2)
        laptop.serves(MODEL, 2, limit=240)
        assert laptop.denied() == []
