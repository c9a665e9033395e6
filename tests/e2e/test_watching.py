"""What serves is watched: a shift in what is asked for is found, and answered or refused."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from e2e.laptop import Laptop, prices, variant

from everloop.moments import moment

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]
MODEL = "watched"


def test_a_shift_in_what_is_asked_for_is_found_and_answered(laptop: Laptop, tmp_path: Path) -> None:
    by_policy = {'by = "person"': 'by = "policy"\nfirst = "policy"'}
    laptop.everloop("push", str(variant(tmp_path, MODEL, {}, **by_policy)))
    laptop.decided(MODEL, "install")
    laptop.put(f"data/{MODEL}/one.csv", prices(1, 300))
    laptop.put(f"data/{MODEL}/_SUCCESS", b"")  # the drop is whole: nobody waits for quiet
    laptop.serves(MODEL, 1, limit=240)

    laptop.put(f"labels/{MODEL}/late.csv", b"id,price\n1-0,10.0\n1-1,20.0\n")
    runtime = laptop.client("sagemaker-runtime")
    for _ in range(5):
        runtime.invoke_endpoint(
            EndpointName=MODEL, ContentType="text/csv", Body=b"colour\n" + b"red\n" * 20
        )

    def violated() -> bool | None:
        return any(look["go"] for look in laptop.decisions(MODEL, "monitor")) or None

    laptop.wait(MODEL, "a violation", violated, limit=240)
    answered = laptop.decided(MODEL, "retrain")
    assert not answered["go"]
    assert "no data has arrived" in answered["reason"]
    _labels_come_late(laptop)
    assert set(_drawn(laptop)) >= {"drift", "released", "violations", "blind"}


def _drawn(laptop: Laptop) -> list[str]:
    """Return which searches of the stack's dashboard find what was measured."""
    watch, ended = laptop.client("cloudwatch"), laptop.decisions(MODEL, "monitor")[-1]["time"]
    body = json.loads(watch.get_dashboard(DashboardName="everloop")["DashboardBody"])
    metrics = [one for widget in body["widgets"] for one in widget["properties"]["metrics"]]
    searches = [one[0] for one in metrics if isinstance(one[0], dict)]
    found = watch.get_metric_data(
        MetricDataQueries=[{"Id": one["id"], "Expression": one["expression"]} for one in searches],
        StartTime=moment(ended) - timedelta(days=1),
        EndTime=moment(ended) + timedelta(days=1),
    )
    return [one["Id"] for one in found["MetricDataResults"] if one["Values"]]


def _labels_come_late(laptop: Laptop) -> None:
    """Labels that come after the look at their predictions, alone, are joined with them."""
    looks = len(laptop.decisions(MODEL, "monitor"))
    laptop.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=MODEL, ContentType="text/csv", Body=b"id,colour\n7000,red\n7001,red\n"
    )

    def looked() -> bool | None:
        return len(laptop.decisions(MODEL, "monitor")) > looks or None

    laptop.wait(MODEL, "a look at the predictions", looked, limit=240)
    laptop.put(f"labels/{MODEL}/later.csv", b"id,price\n7000.0,10.0\n9,9\n")

    def joined() -> dict[str, int] | None:
        found = [look["facts"].get("labels") or {} for look in laptop.decisions(MODEL, "monitor")]
        return next((labels for labels in found if labels.get("keys_joined")), None)

    counts = laptop.wait(MODEL, "a look that joins the labels", joined, limit=240)
    assert (counts["keys_joined"], counts["predictions_labelled"]) == (1, 1)
