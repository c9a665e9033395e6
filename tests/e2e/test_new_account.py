"""A new account's quotas: what the doctor finds enough before a push gets the loop through.

Training on demand and the preferred endpoints have a quota of 0 there.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from e2e.laptop import ROOT, Laptop, prices, variant

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(900)]
MODEL = "fresh"


def before(laptop: Laptop, folder: Path) -> tuple[int, list[dict[str, Any]]]:
    words = [sys.executable, "-m", "everloop_cli.main", "doctor", "--before", str(folder), "--json"]
    done = subprocess.run(words, env=laptop.env, cwd=ROOT, capture_output=True, check=False)
    return done.returncode, json.loads(done.stdout)


def test_a_loop_gets_through_on_what_a_new_account_has(tmp_path: Path) -> None:
    options = ("--quotas", "new-account")
    with Laptop(tmp_path / "state", speed=300, options=options, minutes=30) as laptop:
        folder = variant(tmp_path, MODEL, {})
        code, findings = before(laptop, folder)
        assert code == 0, [each for each in findings if each["state"] == "wrong"]
        assert "ml.t2.medium for endpoint usage: 2 there, 2 needed" in [
            each["found"] for each in findings
        ]

        laptop.everloop("push", str(folder))
        laptop.decided(MODEL, "install")
        laptop.put(f"data/{MODEL}/one.csv", prices(1, 300))
        laptop.decided(MODEL, "judge", limit=240)
        laptop.approve(MODEL, 1)
        laptop.serves(MODEL, 1, limit=240)
        laptop.put(f"data/{MODEL}/two.csv", prices(3, 1500, shift=6))
        laptop.decided(MODEL, "judge", 2, limit=240)
        laptop.approve(MODEL, 2)
        laptop.serves(MODEL, 2, limit=240)
        served = laptop.decided(MODEL, "serve", 2)
        assert served["facts"]["instances"] == ["ml.t2.medium"]
        jobs = laptop.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
        describe = laptop.client("sagemaker").describe_training_job
        for each in jobs:
            job = describe(TrainingJobName=each["TrainingJobName"])
            assert job["EnableManagedSpotTraining"] is True
        told = json.loads(laptop.everloop("why", MODEL, "--json"))
        assert told["version"]["instances"] == {
            "prepare": "ml.t3.large",
            "train": "ml.m5.large (spot)",
            "evaluate": "ml.t3.large",
            "production": "ml.t2.medium",
        }
        assert laptop.denied() == []
