"""The loop as one story: data in, a version in production, a better one after it, and back."""

import json
import shlex
from pathlib import Path

import pytest
from e2e.laptop import Laptop, package_arn, prices, variant

from everloop.billing import usage

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]
MODEL = "mean-price"


def test_the_loop_turns(laptop: Laptop, tmp_path: Path) -> None:
    # A busy machine needs longer than usual for two objects of one burst.
    longer = {"quiet_minutes = 2": "quiet_minutes = 8"}
    laptop.everloop("push", str(variant(tmp_path, MODEL, {}, **longer)))
    assert laptop.decided(MODEL, "install")["go"]

    # A burst becomes one window and one training run; a person is asked.
    laptop.put(f"data/{MODEL}/one.csv", prices(1, 300))
    laptop.put(f"data/{MODEL}/two.csv", prices(2, 300))
    assert laptop.decided(MODEL, "train")["go"]
    judged = laptop.decided(MODEL, "judge")
    assert "person" in judged["reason"]
    assert len(laptop.executions("train", MODEL)) == 1

    def priced() -> float | None:  # the run ends a moment after its version is judged
        (run,) = json.loads(laptop.everloop("runs", MODEL, "--json"))["runs"]
        return run["cost"] or None

    assert 0 < laptop.wait(MODEL, "a run that says what it cost", priced) < 1

    def asked() -> bool | None:
        mails = [path.read_text() for path in (laptop.state / "mail").glob("*.txt")]
        return any("update-model-package" in mail for mail in mails) or None

    laptop.wait(MODEL, "a mail that asks for approval", asked)

    laptop.aws(
        "sagemaker", "update-model-package", "--model-package-arn", package_arn(MODEL, 1),
        "--model-approval-status", "Approved",
    )  # fmt: skip
    laptop.serves(MODEL, 1)
    runtime = laptop.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(
        EndpointName=MODEL, ContentType="text/csv", Body=b"colour\nred\nblue\n"
    )
    red, blue = (float(line) for line in answer["Body"].read().split())
    assert 8 < red < 12
    assert 28 < blue < 32

    # The version's own card was written before a person was asked; its copy knows what came since.
    sagemaker = laptop.client("sagemaker")
    package = sagemaker.describe_model_package(ModelPackageName=package_arn(MODEL, 1))
    assert "metric_groups" in package["ModelCard"]["ModelCardContent"]

    def copied() -> bool | None:
        card = sagemaker.describe_model_card(ModelCardName=f"{MODEL}-v1")
        told = json.loads(card["Content"])["additional_information"]["custom_details"]
        known = card["ModelCardStatus"] == "Approved" and "came into production" in told
        return known or None

    laptop.wait(MODEL, "a card that says it is in production", copied)

    # A release and its training end as the estimate of costs counts; there is no champion yet.
    states = {**usage.STATES, "evaluate": usage.STATES["evaluate"] - 1}
    del states["monitor"]

    def entered() -> dict[str, int] | None:
        now = {machine: laptop.states_entered(machine, MODEL) for machine in states}
        return now if all(now.values()) else None

    assert laptop.wait(MODEL, "the ends of its machines", entered) == states

    # The same bytes again train nothing, and the ledger says so.
    laptop.put(f"data/{MODEL}/two.csv", prices(2, 300))
    refused = laptop.decided(MODEL, "train", 2)
    assert not refused["go"]
    assert "same data" in refused["reason"]

    # Version 1 is trained again meanwhile: the same members, and no version of the registry more.
    laptop.everloop("reproduce", MODEL, "--version", "1")

    # Prices rose: a new version beats the champion on the same rows.
    laptop.put(f"data/{MODEL}/three.csv", prices(3, 1500, shift=6))
    laptop.decided(MODEL, "judge", 2)
    deleted = _delete_what_serves(laptop)  # a clean-up, by hand: the release makes it again
    laptop.approve(MODEL, 2)
    laptop.serves(MODEL, 2)
    assert deleted.startswith(f"{MODEL}-v1-")

    # Rejecting what serves brings back the version before.
    laptop.approve(MODEL, 2, "Rejected")
    laptop.serves(MODEL, 1)
    laptop.decided(MODEL, "serve", 3)
    again = laptop.decided(MODEL, "reproduce", 2)
    assert (again["go"], again["facts"]["outcome"]) == (True, "identical"), again["reason"]
    told = json.loads(laptop.everloop("why", MODEL, "--json"))
    assert told["serving"]["version"] == 1
    assert told["version"]["reproduced"][-1]["outcome"] == "identical"
    # Its run is in SageMaker's experiment, with what Everloop adds.
    run = json.loads(laptop.everloop("runs", MODEL, "--json"))["runs"][-1]
    assert (run["warnings"], bool(run["metrics"])) == ([], True)
    component = laptop.client("sagemaker").describe_trial_component(
        TrialComponentName=f"{run['job']}-aws-training-job"
    )
    assert component["Parameters"]["everloop.dataset-digest"]["StringValue"] == run["dataset"]
    listed = json.loads(laptop.everloop("versions", MODEL, "--json"))["versions"]
    assert [each["version"] for each in listed] == [2, 1]
    assert told["chain"]["problems"] == []
    assert told["chain"]["anchors"], "no head was anchored at a release"
    assert told["version"]["decided_by"]["by"].endswith(":user/ana")
    told = json.loads(laptop.everloop("why", MODEL, "--version", "2", "--json"))
    assert told["version"]["decided_by"]["words"] == "no words given"
    assert [each["by"] for each in told["version"]["service"]] == [
        None,
        1,
    ]  # it served; v1 came back

    # Rejecting that too leaves nothing to go back to: it serves on, and people are told so.
    laptop.approve(MODEL, 1, "Rejected")
    laptop.wait(MODEL, "a decision that version 1 serves on", lambda: _serves_on(laptop))
    code, findings = laptop.doctor()
    assert code == 1
    found = [f for f in findings if f["check"] == f"model {MODEL}" and f["state"] == "wrong"]
    assert [f["found"] for f in found] == ["version 1 serves and is Rejected"]
    command, *words = shlex.split(found[0]["fix"])
    assert command == "everloop"
    laptop.everloop(*words)  # what fixes it does
    found = [f for f in laptop.doctor()[1] if "serves and is Rejected" in f["found"]]
    assert found == []


def _delete_what_serves(laptop: Laptop) -> str:
    sagemaker = laptop.client("sagemaker")
    config: str = sagemaker.describe_endpoint(EndpointName=MODEL)["EndpointConfigName"]
    found = sagemaker.describe_endpoint_config(EndpointConfigName=config)
    sagemaker.delete_endpoint_config(EndpointConfigName=config)
    sagemaker.delete_model(ModelName=found["ProductionVariants"][0]["ModelName"])
    return config


def _serves_on(laptop: Laptop) -> bool | None:
    told = laptop.decisions(MODEL, "reconcile")
    return any("version 1 serves and is Rejected" in each["reason"] for each in told) or None
