"""A bad day: what the doctor says, dead letters handed over again, a pause and its end."""

import json
from pathlib import Path
from typing import Any

import pytest
from e2e.laptop import ACCOUNT, Laptop, prices, variant

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]
ANA = f"arn:aws:iam::{ACCOUNT}:user/ana"


def wrong(findings: list[dict[str, Any]], check: str) -> list[str]:
    return [f["fix"] for f in findings if f["check"] == check and f["state"] == "wrong"]


def test_a_pause_holds_back_what_arrives_until_it_ends(laptop: Laptop, tmp_path: Path) -> None:
    model = "resting"
    by_the_clock = {'"violation"]': '"violation", "schedule"]\nschedule = "rate(5 minutes)"'}
    laptop.everloop("push", str(variant(tmp_path, model, {}, **by_the_clock)))
    laptop.decided(model, "install")
    early = laptop.everloop("train", model, "--because", "impatience", code=1)
    assert "no data has arrived yet" in early
    laptop.everloop("pause", model, "--reason", "the source is being moved")
    told = laptop.decided(model, "pause")
    assert (told["actor"], told["reason"]) == (ANA, "the source is being moved")
    laptop.put(f"data/{model}/one.csv", prices(1, 200))

    def ticked() -> list[str] | None:
        told = [d for d in laptop.decisions(model, "request") if d["facts"]["cause"] == "schedule"]
        return [d["reason"] for d in told if "is being moved" in d["reason"]] or None

    assert laptop.wait(model, "a tick of its own schedule in the pause", ticked)
    _, findings = laptop.doctor()
    assert [f["fix"] for f in findings if "the source is being moved" in f["found"]] == [
        f"everloop resume {model}"
    ]
    assert laptop.executions("train", model) == []

    laptop.everloop("resume", model)
    assert laptop.decided(model, "train")["go"]


def test_the_doctor_finds_what_has_silently_stopped_and_says_how_to_mend_it(
    laptop: Laptop,
) -> None:
    events = laptop.client("events")
    events.disable_rule(Name="everloop-data-arrived")
    code, findings = laptop.doctor()
    repair = "aws events enable-rule --event-bus-name default --name everloop-data-arrived"
    assert code == 1
    assert wrong(findings, "rules") == [repair]
    laptop.aws(*repair.split()[1:])
    assert wrong(laptop.doctor()[1], "rules") == []


def test_dead_letters_are_told_and_handed_over_again(laptop: Laptop) -> None:
    laptop.client("lambda").invoke(
        FunctionName="everloop-plan-monitoring",
        InvocationType="Event",
        Payload=json.dumps({"model": "ghost", "scheduled_at": "whenever"}),
    )

    def dead() -> dict[str, Any] | None:
        told: dict[str, Any] = json.loads(laptop.everloop("redrive", "--json"))
        mine = [letter for letter in told["letters"] if "'whenever'" in letter["why"]]
        return mine[0] if mine else None

    letter = laptop.wait("ghost", "the dead letter", dead)
    assert (letter["queue"], letter["target"]) == ("failed", "lambda:everloop-plan-monitoring")
    assert wrong(laptop.doctor()[1], "dead letters")

    done = json.loads(laptop.everloop("redrive", "failed", "--json"))
    assert [told["done"] for told in done if "'whenever'" in told["why"]] == [True]
    # It is still no time: the function refuses it again, and it is not lost.
    assert laptop.wait("ghost", "the dead letter again", dead) == letter
