"""monitor.py: drift of data and predictions, quality, and what the files say about it."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from job_container import Container, bundle_with, spec_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ASKED = {
    "EVERLOOP_MODEL": "mean-price",
    "EVERLOOP_ENDPOINT": "mean-price",
    "EVERLOOP_VERSION": "3",
    "EVERLOOP_FROM": "2026-11-20T12:00:00Z",
    "EVERLOOP_TO": "2026-11-20T13:00:00Z",
}
NOTHING = "Completed: Job completed successfully with no violations."


def traffic(rows: int, seed: int = 1, **changed: Any) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "id": [f"{n:05d}" for n in range(rows)],
            "colour": random.choice(["red", "blue", "green"], rows),
            "size": random.normal(50, 10, rows).round(3),
            "loud": random.choice(["True", "False"], rows),
        }
    )
    return frame.assign(**changed)


def record(rows: pd.DataFrame, scores: Sequence[float], **meta: Any) -> dict[str, Any]:
    def part(mode: str, data: str) -> dict[str, str]:
        return {"observedContentType": "text/csv", "mode": mode, "data": data, "encoding": "CSV"}

    return {
        "captureData": {
            "endpointInput": part("INPUT", rows.to_csv(index=False)),
            "endpointOutput": part("OUTPUT", "".join(f"{score}\n" for score in scores)),
        },
        "eventMetadata": {
            "eventId": meta.pop("eventId", "e-1"),
            "inferenceTime": (NOON + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            **meta,
        },
        "eventVersion": "0",
    }


@pytest.fixture
def watched(container: Container, bundle: bytes) -> Container:
    """A model whose baseline is 600 rows of the usual traffic, with scores around 20."""
    container.code(bundle, spec_of(monitor={"min_rows": 100}))
    _baseline(container, traffic(600, seed=0))
    reference = container.input("reference")
    scores = np.random.default_rng(0).normal(20, 3, 400)
    pd.DataFrame({"row": range(400), "key": "", "target": scores + 1, "score": scores}).to_csv(
        reference / "predictions.csv", index=False
    )
    told = {"version": 1, "rows": 400, "metrics": {"rmse": {"value": 1.0}}}
    (reference / "evaluation.json").write_text(json.dumps(told))
    container.input("capture")
    return container


def _baseline(container: Container, train: pd.DataFrame) -> None:
    """Let prepare's own code describe the training rows."""
    from importlib.util import module_from_spec, spec_from_file_location

    from job_container import JOBS

    found = spec_from_file_location("everloop_baseline", JOBS / "baseline.py")
    assert found is not None
    assert found.loader is not None
    baseline = module_from_spec(found)
    found.loader.exec_module(baseline)
    features = train.drop(columns=["id"]).replace({"True": True, "False": False})
    features["loud"] = features["loud"].astype(bool)
    told = baseline.statistics_of(features)
    (container.input("baseline") / "statistics.json").write_text(json.dumps(told))


def capture(container: Container, *records: dict[str, Any] | str) -> None:
    folder = container.input("capture") / "12"
    folder.mkdir(exist_ok=True)
    lines = [line if isinstance(line, str) else json.dumps(line) for line in records]
    (folder / "05-00-000-ab.jsonl").write_text("\n".join(lines) + "\n")


def usual(rows: int = 300, **changed: Any) -> dict[str, Any]:
    return record(traffic(rows, **changed), np.random.default_rng(1).normal(20, 3, rows))


def violated(container: Container) -> set[tuple[str, str]]:
    found = container.read("findings/findings.json")["checks"]
    return {(check["feature"], check["statistic"]) for check in found if check["violated"]}


def test_usual_traffic_violates_nothing(watched: Container) -> None:
    capture(watched, usual())

    assert watched.succeed("monitor.py", ASKED) == NOTHING

    told = watched.read("findings/findings.json")
    assert {key: told[key] for key in ("version", "model", "endpoint", "from", "to", "rows")} == {
        "version": 1,
        "model": "mean-price",
        "endpoint": "mean-price",
        "from": "2026-11-20T12:00:00Z",
        "to": "2026-11-20T13:00:00Z",
        "rows": 300,
    }
    assert {(check["monitor"], check["feature"]) for check in told["checks"]} == {
        ("data", "colour"),
        ("data", "size"),
        ("data", "loud"),
        ("prediction", "score"),
        ("traffic", "records"),
    }
    assert watched.read("findings/constraint_violations.json") == {"violations": []}
    statistics = watched.read("findings/statistics.json")
    assert statistics["dataset"] == {"item_count": 300}
    kinds = {each["name"]: each["inferred_type"] for each in statistics["features"]}
    assert kinds == {"id": "String", "colour": "String", "size": "Fractional", "loud": "String"}
    size = next(each for each in statistics["features"] if each["name"] == "size")
    assert len(size["numerical_statistics"]["distribution"]["kll"]["buckets"]) == 10
    assert "Nothing violated" in (watched.output("findings") / "report.html").read_text()


def test_what_drifted_is_found_and_nothing_else(watched: Container) -> None:
    moved = traffic(300, colour="purple")
    moved["size"] += 20
    capture(watched, record(moved, np.random.default_rng(1).normal(30, 3, 300)))

    assert watched.succeed("monitor.py", ASKED) == (
        "CompletedWithViolations: Job completed successfully with 4 violations."
    )

    assert violated(watched) == {
        ("colour", "baseline_drift_check"),
        ("colour", "categorical_values_check"),
        ("size", "baseline_drift_check"),
        ("score", "prediction_drift_check"),
    }
    listed = watched.read("findings/constraint_violations.json")["violations"]
    assert {tuple(sorted(each)) for each in listed} == {
        ("constraint_check_type", "description", "feature_name")
    }
    page = watched.page("findings")
    assert "4 of 13 checks violated" in page
    assert page.index("<h3>colour</h3>") < page.index("<h3>size</h3>")  # the worst comes first
    assert "purple" in page
    assert "a sample of training (600)" in page
    assert "From look to look" not in page  # there was none before
    (entry,) = watched.read("findings/findings.json")["history"]
    assert (entry["version"], entry["violated"]) == (3, 4)
    assert entry["drift"]["data"] > 1
    assert "version 3 on mean-price" in page
    assert "2026-11-20 12:00 UTC to 2026-11-20 13:00 UTC" in page


def test_missing_values_words_and_columns_are_found(watched: Container) -> None:
    broken = traffic(300, extra=1).drop(columns=["loud"])
    broken["size"] = broken["size"].astype(object)
    broken.loc[:99, "size"] = "NA"
    broken.loc[100:109, "size"] = "big"
    capture(watched, record(broken, np.random.default_rng(1).normal(20, 3, 300)))
    watched.succeed("monitor.py", ASKED)
    assert violated(watched) == {
        ("size", "completeness_check"),
        ("size", "data_type_check"),
        ("loud", "missing_column_check"),
    }
    checks = watched.read("findings/findings.json")["checks"]
    (extra,) = [check for check in checks if check["statistic"] == "extra_column_check"]
    assert (extra["feature"], extra["violated"]) == ("extra", False)


def test_what_is_ignored_or_not_watched_is_not_judged(watched: Container, bundle: bytes) -> None:
    rules = {"min_rows": 100, "ignore": ["colour", "loud"], "watch": ["data"]}
    watched.code(bundle, spec_of(monitor=rules))
    capture(watched, record(traffic(300, colour="purple"), [99.0] * 300))
    assert watched.succeed("monitor.py", ASKED) == NOTHING
    checks = watched.read("findings/findings.json")["checks"]
    assert {check["feature"] for check in checks} == {"size", "records"}


def test_too_few_rows_are_not_judged(watched: Container) -> None:
    capture(watched, usual(99, colour="purple"))
    assert watched.succeed("monitor.py", ASKED) == (
        "Completed: Could not judge: data (only 99 rows, 100 are needed); prediction (only 99 "
        "rows, 100 are needed); quality (only 0 rows have labels, 200 are needed)."
    )
    told = watched.read("findings/findings.json")
    assert {check["monitor"] for check in told["checks"]} == {"traffic"}
    assert [(each["monitor"], each["reason"]) for each in told["not_judged"]] == [
        ("data", "few-rows"),
        ("prediction", "few-rows"),
        ("quality", "few-labels"),
    ]
    page = (watched.output("findings") / "report.html").read_text()
    assert "What could not be judged" in page
    assert "Could not judge" in page
    assert "othing violated" not in page


def test_no_traffic_at_all_is_no_error(watched: Container) -> None:
    assert watched.succeed("monitor.py", ASKED).startswith("Completed: Could not judge: data (no")
    assert watched.read("findings/statistics.json")["dataset"] == {"item_count": 0}
    assert watched.read("findings/findings.json")["checks"] == []


def test_unreadable_records_are_counted_and_others_still_read(watched: Container) -> None:
    short = record(traffic(3), [1.0, 2.0])
    ragged = record(traffic(2), [1.0, 2.0])
    ragged["captureData"]["endpointInput"]["data"] = "id,size\n1,2,3\n1,2\n"
    encoded = usual()
    sent = encoded["captureData"]["endpointInput"]
    sent["data"] = base64.b64encode(sent["data"].encode()).decode()
    sent["encoding"] = "BASE64"
    capture(watched, short, ragged, "{cut of", "[1, 2]", "[" * 100_000, encoded)
    watched.succeed("monitor.py", ASKED)
    told = watched.read("findings/findings.json")
    assert (told["rows"], told["unreadable_records"]) == (300, 5)


def blind(container: Container) -> list[tuple[str, str]]:
    found = container.read("findings/findings.json")["not_judged"]
    return [(each["monitor"], each["reason"]) for each in found]


def test_records_that_cannot_be_read_are_a_violation_of_their_own(watched: Container) -> None:
    capture(watched, *["{cut of"] * 10)
    assert watched.succeed("monitor.py", ASKED) == (
        "CompletedWithViolations: Job completed successfully with 1 violations."
    )
    assert violated(watched) == {("records", "unreadable_check")}
    assert blind(watched) == [
        ("data", "few-rows"),
        ("prediction", "few-rows"),
        ("quality", "few-labels"),
    ]
    told = watched.read("findings/findings.json")
    assert told["unreadable"] == [
        {"reason": "the record is none of data capture's, or broken", "records": 10}
    ]
    page = (watched.output("findings") / "report.html").read_text()
    assert "What could not be read" in page


def test_how_much_may_be_unreadable_is_the_owners(watched: Container, bundle: bytes) -> None:
    capture(watched, usual(), "{cut of")
    watched.succeed("monitor.py", ASKED)
    assert ("records", "unreadable_check") in violated(watched)
    watched.code(bundle, spec_of(monitor={"min_rows": 100, "max_unreadable": 0.5}))
    assert watched.succeed("monitor.py", ASKED) == NOTHING


def test_answers_that_were_not_captured_blind_the_predictions_alone(watched: Container) -> None:
    asked = usual()
    del asked["captureData"]["endpointOutput"]
    capture(watched, asked)
    assert watched.succeed("monitor.py", ASKED) == (
        f"{NOTHING} Could not judge: prediction (only 0 scores for 300 rows, 100 are needed; of "
        "300 rows the answer was not captured); quality (only 0 rows have labels, 200 are needed)."
    )


def test_answers_that_are_no_numbers_are_a_violation(watched: Container) -> None:
    scores = [float("nan") if n % 5 == 0 else 20.0 + n % 7 - 3 for n in range(300)]
    capture(watched, record(traffic(300), scores))
    watched.succeed("monitor.py", ASKED)
    assert ("score", "completeness_check") in violated(watched)


def test_a_baseline_without_values_blinds_the_look_at_data(watched: Container) -> None:
    path = watched.input("baseline") / "statistics.json"
    _baseline(watched, traffic(600, seed=0).assign(size=np.nan))
    told = json.loads(path.read_text())
    told["features"] = [each for each in told["features"] if each["name"] == "size"]
    path.write_text(json.dumps(told))
    capture(watched, usual())
    watched.succeed("monitor.py", ASKED)
    assert blind(watched) == [
        ("data", "undefined"),  # the column
        ("data", "undefined"),  # and so the whole monitor
        ("quality", "few-labels"),
    ]


def test_labels_that_join_nothing_are_told(watched: Container) -> None:
    capture(watched, usual())
    label(watched, "a.csv", [f"other-{n},20" for n in range(300)])
    watched.succeed("monitor.py", ASKED)
    assert blind(watched) == [("quality", "labels-join-nothing")]


def test_a_model_without_a_key_says_why_quality_is_not_judged(
    watched: Container, bundle: bytes
) -> None:
    watched.code(bundle, spec_of(monitor={"min_rows": 100}, data={"key": None}))
    capture(watched, usual())
    assert watched.succeed("monitor.py", ASKED) == NOTHING
    assert blind(watched) == [("quality", "no-key")]


def label(container: Container, name: str, lines: Sequence[str], head: str = "id,price") -> None:
    (container.input("labels") / name).write_text("\n".join([head, *lines]) + "\n")


def test_quality_is_judged_once_labels_have_come(watched: Container, bundle: bytes) -> None:
    rules = {"min_rows": 100, "quality": {"max_drop": 0.5, "min_labelled_rows": 200}}
    watched.code(bundle, spec_of(monitor=rules))
    capture(watched, usual())
    scores = np.random.default_rng(1).normal(20, 3, 300)
    label(watched, "a.csv", [f"{n:05d},99" for n in range(300)])
    label(watched, "b.csv", [f"{n:05d},{scores[n] + 4 * (-1) ** n}" for n in range(250)])
    label(watched, "b2.csv", [f"{n:05d},{scores[n] - 4}" for n in range(250, 300)])

    watched.succeed("monitor.py", ASKED)

    assert violated(watched) == {("rmse", "model_quality_check")}
    told = watched.read("findings/findings.json")
    assert told["labelled_rows"] == 300
    (quality,) = [check for check in told["checks"] if check["monitor"] == "quality"]
    assert quality["value"] == pytest.approx(4.0)  # the later file's labels, joined row by row
    assert quality["threshold"] == 1.5


def test_quality_that_holds_violates_nothing(watched: Container, bundle: bytes) -> None:
    rules = {"min_rows": 100, "quality": {"max_drop": 0.5, "min_labelled_rows": 200}}
    watched.code(bundle, spec_of(monitor=rules))
    capture(watched, usual())
    scores = np.random.default_rng(1).normal(20, 3, 300)
    label(watched, "a.csv", [f"{n:05d},{scores[n] + 1}" for n in range(300)])
    assert watched.succeed("monitor.py", ASKED) == NOTHING


def test_labels_find_requests_of_one_row_by_their_inference_id(watched: Container) -> None:
    alone = traffic(4).drop(columns=["id"])
    records = [record(alone[n : n + 1], [20.0], inferenceId=f"call-{n}") for n in range(3)]
    by_event = record(alone[3:4], [20.0], eventId="event-3")
    several = record(alone, [20.0] * 4, inferenceId="call-9")
    capture(watched, *records, by_event, several)
    label(watched, "a.csv", ["call-0,1", "call-1,2", "event-3,3", "call-9,4", "call-7,5"])
    watched.succeed("monitor.py", ASKED)
    assert watched.read("findings/findings.json")["labelled_rows"] == 3


def test_bad_labels_are_counted_and_the_others_used(watched: Container) -> None:
    capture(watched, usual())
    label(watched, "a.csv", ["00001,1", "00002,cheap", "00003,", "00004,2"])
    label(watched, "b.csv", ["00005,3"], head="key,price")
    label(watched, "c.csv", ["1,2,3,4"])
    watched.succeed("monitor.py", ASKED)
    told = watched.read("findings/findings.json")
    assert (told["labelled_rows"], told["bad_labels"]) == (2, 3)


def test_labels_are_read_in_the_dialect_of_the_drops(watched: Container, bundle: bytes) -> None:
    watched.code(bundle, spec_of(data={"dialect": {"separator": ";", "decimal": ","}}))
    capture(watched, usual())
    label(watched, "a.csv", ["00001;1,5", "00002;2"], head="id;price")
    watched.succeed("monitor.py", ASKED)
    told = watched.read("findings/findings.json")
    assert (told["labelled_rows"], told["bad_labels"]) == (2, 0)


def test_binary_quality_is_judged_by_auc(watched: Container) -> None:
    spec = spec_of(
        monitor={"min_rows": 100, "quality": {"max_drop": 0.05, "min_labelled_rows": 100}},
        evaluate={"metrics": {}, "compare": {"metric": "auc", "confidence": 0.9}},
    )
    watched.code(bundle_with({}), {**spec, "problem": "binary_classification"})
    told = {"version": 1, "rows": 400, "metrics": {"auc": {"value": 0.9}}}
    (watched.input("reference") / "evaluation.json").write_text(json.dumps(told))
    capture(watched, record(traffic(300), [n / 300 for n in range(300)]))
    label(watched, "a.csv", [f"{n:05d},{n % 2}" for n in range(300)])
    watched.succeed("monitor.py", ASKED)
    assert ("auc", "model_quality_check") in violated(watched)


def test_a_missing_input_or_variable_is_named(watched: Container) -> None:
    lacking = {name: value for name, value in ASKED.items() if name != "EVERLOOP_TO"}
    assert watched.fail("monitor.py", lacking) == (
        "the environment variable EVERLOOP_TO is missing"
    )
    (watched.input("baseline") / "statistics.json").unlink()
    assert watched.fail("monitor.py", ASKED) == (
        "baseline/statistics.json is missing among the job's inputs"
    )


FAIR = {
    **{"groups": ["colour", "sex"], "reference": {"colour": "blue"}, "bands": {}, "favourable": []},
    **{"bars": {"standardised_prediction_difference": 0.5, "mae_difference": 9.0}},
    **{"least_rows": 30, "confidence": 0.95, "max_worsening": 0.05, "keep_out": ["sex"]},
}


@pytest.mark.parametrize("less", [0.0, 4.0])
def test_bias_in_the_answers_is_found_by_the_groups_that_requests_name(
    watched: Container, bundle: bytes, less: float
) -> None:
    watched.code(bundle, {**spec_of(monitor={"min_rows": 100}), "fairness": FAIR})
    rows = traffic(900)
    scores = np.random.default_rng(1).normal(20, 3, 900)
    scores[np.flatnonzero(rows["colour"] == "red")] -= less
    rows.loc[:4, "colour"] = "violet"
    capture(watched, record(rows, scores))
    watched.succeed("monitor.py", ASKED)
    told = watched.read("findings/findings.json")
    checks = {each["feature"]: each for each in told["checks"] if each["monitor"] == "fairness"}
    assert {name: each["violated"] for name, each in checks.items()} == {
        "colour=green": False,
        "colour=red": less > 0,
    }
    assert "of colour=red against blue is" in checks["colour=red"]["description"]
    not_judged = {each["reason"]: each["description"] for each in told["not_judged"]}
    assert "requests do not name 'sex'" in not_judged["not-sent"]
    assert "colour=violet: 5 rows" in not_judged["small-group"]
