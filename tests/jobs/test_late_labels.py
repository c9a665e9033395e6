"""monitor.py and labels that come late: what is kept, what is joined, what is judged, and once."""

import base64
import gzip
import io
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from job_container import Container, spec_of
from jobs.conftest import job_module

RULES = {"min_rows": 100_000, "quality": {"max_drop": 0.5, "min_labelled_rows": 100}}
Rows = Sequence[tuple[str, float] | tuple[str, float, str]]  # key, score, and which colour


class Looks:
    """Looks of one model, each of which is given what the looks before it left in S3."""

    def __init__(self, container: Container, bundle: bytes) -> None:
        self.container = container
        self.bundle = bundle
        self.served: list[tuple[str, int | None]] = [("", 3)]
        self.evaluations: dict[int, float] = {}
        self.labels: list[tuple[str, str]] = []
        self.refused: list[tuple[str, str, str]] = []
        self.oldest = "2026-10-21"
        self.kept: dict[str, bytes] = {}
        self.previous: dict[str, Any] | None = None
        self.spec()
        statistics = {"features": [], "dataset": {"item_count": 0}}
        (container.input("baseline") / "statistics.json").write_text(json.dumps(statistics))
        self.reference()

    def spec(self, **sections: Mapping[str, Any]) -> None:
        self.container.code(self.bundle, spec_of(**{"monitor": RULES, **sections}))

    def reference(self, key: str = "") -> None:
        folder = self.container.input("reference")
        table = {"row": [0, 1], "key": [key, key], "target": [1.0, 2.0], "score": [1.0, 2.0]}
        pd.DataFrame(table).to_csv(folder / "predictions.csv", index=False)
        told = {"version": 1, "rows": 2, "metrics": {"rmse": {"value": 1.0}}}
        (folder / "evaluation.json").write_text(json.dumps(told))

    def label(self, name: str, rows: Rows | bytes, came: str, head: str = "id,price") -> None:
        """Drop a file of labels."""
        lines = rows if isinstance(rows, bytes) else _csv(head, rows)
        (self.container.input("labels") / name).write_bytes(lines)
        self.labels.append((name, came))

    def look(self, name: str, *traffic: tuple[str, Rows], until: str) -> dict[str, Any]:
        """Have a look at traffic (time, rows of key and score); return what it says of labels."""
        for place in ("late", "capture"):
            shutil.rmtree(self.container.input(place))
        shutil.rmtree(self.container.root / "processing" / "output", ignore_errors=True)
        records = [json.dumps(_record(time, rows)) for time, rows in traffic]
        (self.container.input("capture") / "x.jsonl").write_text("\n".join(records))
        self._describe(name, until)
        environment = {
            "EVERLOOP_MODEL": "mean-price",
            "EVERLOOP_ENDPOINT": "mean-price",
            "EVERLOOP_VERSION": "3",
            "EVERLOOP_FROM": until,
            "EVERLOOP_TO": until,
        }
        self.container.succeed("monitor.py", environment)
        found: dict[str, Any] = self.container.read("findings/findings.json")
        self.previous = found
        root = self.container.output("predictions")
        for path in root.rglob("*.gz"):
            self.kept[f"predictions/30d/m/{path.relative_to(root)}"] = path.read_bytes()
        return found

    def _describe(self, name: str, until: str) -> None:
        folder = self.container.input("late")
        others = {
            key: data for key, data in self.kept.items() if not key.endswith(f"{name}.csv.gz")
        }
        for key, data in others.items():
            _write(folder / key, data)
        for version, value in self.evaluations.items():
            told = {"metrics": {"rmse": {"value": value}}}
            _write(folder / f"runs/{version}/evaluation.json", json.dumps(told).encode())
        if self.previous:
            _write(folder / "monitoring/m/findings.json", json.dumps(self.previous).encode())
        look = {
            "look": name,
            "until": until,
            "oldest": self.oldest,
            "served": self.served,
            "labels": {"files": self.labels, "refused": self.refused},
            "kept": "predictions/30d/m",
            "predictions": sorted(others),
            "evaluations": {str(v): f"runs/{v}/evaluation.json" for v in self.evaluations},
            "previous": "monitoring/m/findings.json" if self.previous else None,
        }
        _write(folder / "monitoring/m/x/look.json", json.dumps(look).encode())


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _csv(head: str, rows: Rows) -> bytes:
    return "\n".join([head, *(f"{key},{value}" for key, value in rows), ""]).encode()


def _record(time: str, rows: Rows) -> dict[str, Any]:
    sent = "id,colour\n" + "".join(f"{row[0]},{[*row, 'red'][2]}\n" for row in rows)
    answered = "".join(f"{row[1]}\n" for row in rows)
    return {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": base64.b64encode(sent.encode()).decode(),
                "encoding": "BASE64",
            },
            "endpointOutput": {
                "observedContentType": "text/csv",
                "mode": "OUTPUT",
                "data": answered,
                "encoding": "CSV",
            },
        },
        "eventMetadata": {"eventId": f"e{time}", "inferenceTime": time},
        "eventVersion": "0",
    }


def keyed(first: int, last: int, value: float = 10.0) -> list[tuple[str, float]]:
    """Rows whose values lie around one, so that metrics are defined."""
    return [(f"k{n}", value + n % 7) for n in range(first, last)]


def off(rows: Rows, by: float) -> list[tuple[str, float]]:
    return [(key, value + by * (-1) ** n) for n, (key, value) in enumerate(rows)]


def quality(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [check for check in found["checks"] if check["monitor"] == "quality"]


@pytest.fixture
def looks(container: Container, bundle: bytes) -> Looks:
    return Looks(container, bundle)


def test_labels_of_a_week_later_are_joined_with_the_day_of_their_predictions(looks: Looks) -> None:
    monday = ("2026-11-16T09:00:00Z", keyed(0, 150))
    tuesday = ("2026-11-17T09:00:00Z", keyed(150, 300))
    found = looks.look("a", monday, tuesday, until="2026-11-17T12:00:00.000Z")
    assert (quality(found), found["labelled_rows"]) == ([], 0)
    looks.label("late.csv", off(keyed(0, 120), 4), "2026-11-24T10:00:00.000Z")

    found = looks.look("b", until="2026-11-24T12:00:00.000Z")

    (check,) = quality(found)
    assert check["violated"]
    assert check["value"] == pytest.approx(4.0)
    assert (check["days"], check["version"]) == (["2026-11-16", "2026-11-16"], 3)
    assert "on 120 of the 150 predictions of 2026-11-16 by version 3" in check["description"]
    assert found["labelled_rows"] == 120
    (first, second) = found["labels"]["days"]
    assert (first["day"], first["share"], first["status"]) == ("2026-11-16", 0.8, "judged")
    assert (second["day"], second["share"]) == ("2026-11-17", 0.0)
    assert second["status"] == "too few labels yet"
    page = (looks.container.output("findings") / "report.html").read_text()
    assert "120 of 150" in page
    assert "Quality by day of prediction" in page
    assert "▲ 2026-11-16 v3 (120)" in page
    kept = first["judged"]
    assert (kept["low"], kept["high"]) == (check["low"], check["high"])
    assert [each["until"] for each in found["history"]] == [
        "2026-11-17T12:00:00.000Z",
        "2026-11-24T12:00:00.000Z",
    ]
    assert [each["violated"] for each in found["history"]] == [0, 1]
    json.dumps(found["history"], allow_nan=False)


def test_the_same_evidence_is_judged_once_and_more_of_it_once_enough_is_new(looks: Looks) -> None:
    rows = keyed(0, 300)
    looks.label("1.csv", off(rows[:100], 4), "2026-11-17T10:00:00.000Z")
    noon = "2026-11-17T{}:00:00.000Z".format
    assert quality(looks.look("a", ("2026-11-16T09:00:00Z", rows), until=noon(12)))
    again = looks.look("b", until=noon(13))
    assert quality(again) == []
    assert again["labels"]["days"][0]["status"] == "judged before on these labels"
    looks.label("2.csv", off(rows[100:150], 4), noon(13))
    assert quality(looks.look("c", until=noon(14))) == []
    looks.label("3.csv", off(rows[150:200], 4), noon(14))
    (check,) = quality(looks.look("d", until=noon(15)))
    assert check["labelled"] == 200
    # A file that says the same again brings nothing new.
    looks.label("4.csv", off(rows[:150], 4) + off(rows[150:200], 4), noon(15))
    assert quality(looks.look("e", until=noon(16))) == []


def test_a_corrected_label_counts_by_when_it_came_and_is_judged(looks: Looks) -> None:
    rows = keyed(0, 120)
    looks.label("labels.csv", off(rows, 9), "2026-11-17T10:00:00.000Z")
    (wrong,) = quality(looks.look("a", ("2026-11-16T09:00:00Z", rows), until="2026-11-17T11"))
    looks.label("corrected.csv", off(rows, 1), "2026-11-17T12:00:00.000Z")
    found = looks.look("b", until="2026-11-17T13")
    (right,) = quality(found)
    assert (wrong["violated"], right["violated"]) == (True, False)
    assert right["value"] == pytest.approx(1.0)
    assert found["labels"]["corrected"] == 120


def test_a_look_that_is_had_again_keeps_nothing_twice(looks: Looks) -> None:
    traffic = ("2026-11-16T09:00:00Z", keyed(0, 150))
    looks.label("a.csv", off(keyed(0, 150), 1), "2026-11-16T10:00:00.000Z")
    looks.look("a", traffic, until="2026-11-16T12:00:00.000Z")
    (key, data), looks.previous = *looks.kept.items(), None
    found = looks.look("a", traffic, until="2026-11-16T13:00:00.000Z")
    assert looks.kept == {key: data}
    assert key == "predictions/30d/m/2026-11-16/a.csv.gz"
    assert found["labels"]["predictions"] == 150
    assert gzip.decompress(data).decode().splitlines()[:2] == [
        "__inference__,__time__,__version__,__score__",
        "k0,2026-11-16T09:00:00Z,3,10.0",
    ]


def test_each_version_is_judged_against_its_own_holdout(looks: Looks) -> None:
    looks.served = [("", 2), ("2026-11-16T11:30:00.000Z", None), ("2026-11-16T12:00:00.000Z", 3)]
    looks.evaluations = {2: 5.0}
    old, new = keyed(0, 120), keyed(200, 320)
    looks.label("a.csv", off([*old, *new], 4) + keyed(400, 410), "2026-11-17T10:00:00.000Z")
    found = looks.look(
        "a",
        ("2026-11-16T11:00:00Z", old),
        ("2026-11-16T11:45:00Z", keyed(400, 410)),
        ("2026-11-16T13:00:00Z", new),
        until="2026-11-17T12:00:00.000Z",
    )
    judged = {check["version"]: check["violated"] for check in quality(found)}
    assert judged == {2: False, 3: True}
    between = [day for day in found["labels"]["days"] if day["version"] is None]
    assert [(day["predictions"], day["status"]) for day in between] == [
        (10, "answered while one version replaced another")
    ]


def test_a_version_whose_holdout_is_not_known_is_not_judged(looks: Looks) -> None:
    looks.served = [("", 2)]
    looks.label("a.csv", off(keyed(0, 120), 4), "2026-11-17T10:00:00.000Z")
    traffic = ("2026-11-16T11:00:00Z", keyed(0, 120))
    found = looks.look("a", traffic, until="2026-11-17T12:00:00.000Z")
    assert quality(found) == []
    (day,) = found["labels"]["days"]
    assert day["status"] == "the metric of this version's holdout is not known"


def test_days_with_few_labels_are_judged_together(looks: Looks) -> None:
    days = [(f"2026-11-{n}T09:00:00Z", keyed(n * 100, n * 100 + 40)) for n in (15, 16, 17)]
    rows = [row for _, part in days for row in part]
    looks.label("a.csv", off(rows, 4), "2026-11-18T10:00:00.000Z")
    (check,) = quality(looks.look("a", *days, until="2026-11-18T12:00:00.000Z"))
    assert (check["days"], check["labelled"]) == (["2026-11-15", "2026-11-17"], 120)


def test_a_metric_that_the_labels_do_not_define_is_no_judgement(looks: Looks) -> None:
    spec = spec_of(
        monitor=RULES, evaluate={"metrics": {}, "compare": {"metric": "auc", "confidence": 0.9}}
    )
    looks.container.code(looks.bundle, {**spec, "problem": "binary_classification"})
    told = {"metrics": {"auc": {"value": 0.9}}}
    (looks.container.input("reference") / "evaluation.json").write_text(json.dumps(told))
    rows = [(f"k{n}", 0.5) for n in range(150)]
    labels = [(f"k{n}", 0) for n in range(120)] + [("k121", 2)]
    looks.label("a.csv", labels, "2026-11-16T10:00:00.000Z")
    found = looks.look("a", ("2026-11-16T09:00:00Z", rows), until="2026-11-16T12:00:00.000Z")
    assert quality(found) == []
    assert found["labels"]["days"][0]["status"] == "the metric is not defined on these labels"
    assert found["bad_labels"] == 1  # 2 is no class of a binary problem


@pytest.mark.parametrize(
    ("trained", "sent", "labelled", "same"),
    [
        pytest.param("", "7000", "7000.0", True, id="a whole number"),
        pytest.param("", "7000.0", "7000", True, id="and the other way round"),
        pytest.param("A7", "7000", "7000.0", True, id="whatever other keys are"),
        pytest.param("007", "007", "7", False, id="text keeps its zeros"),
        pytest.param("7", "007", "7", True, id="a number has none"),
        pytest.param("7", "7e3", "7000", True, id="a number as a reader writes it"),
        pytest.param("7.5", "7.50", "7.5", True, id="a fraction"),
        pytest.param("7", "9007199254740993", "9007199254740992", False, id="every digit counts"),
        pytest.param("7", "1e999999999", "1e999999998", False, id="what no number is"),
    ],
)
def test_keys_are_compared_as_what_training_read(
    looks: Looks, trained: str, sent: str, labelled: str, same: bool
) -> None:
    looks.reference(trained)
    looks.label("a.csv", [(labelled, 1.0)], "2026-11-16T10:00:00.000Z")
    traffic = ("2026-11-16T09:00:00Z", [(sent, 1.0)])
    found = looks.look("a", traffic, until="2026-11-16T12:00:00.000Z")
    assert found["labelled_rows"] == int(same)


def test_what_has_no_counterpart_is_counted(looks: Looks) -> None:
    looks.label("a.csv", [*keyed(5, 20), ("", 1.0)], "2026-11-16T10:00:00.000Z")
    sent = [*keyed(0, 10), *keyed(0, 2, 50)]
    early = ("2026-11-16T09:00:00Z", [("", 1.0), ("", 2.0)])
    found = looks.look("a", early, ("2026-11-16T10:00:00Z", sent), until="2026-11-16T12:00")
    told = found["labels"]
    assert {name: told[name] for name in told if name.startswith(("keys", "predictions"))} == {
        "keys": 15,
        "keys_joined": 5,
        "keys_without_prediction": 10,
        "predictions": 10,
        "predictions_labelled": 5,
        "predictions_repeated": 2,
        "predictions_without_key": 2,
    }
    assert told["empty"] == 1
    page = (looks.container.output("findings") / "report.html").read_text()
    assert "10 without a prediction" in page


def test_of_a_key_that_was_predicted_twice_on_a_day_the_later_counts(looks: Looks) -> None:
    rows = keyed(0, 120)
    looks.label("a.csv", off(rows, 1), "2026-11-16T10:00:00.000Z")
    later, sooner = ("2026-11-16T11:00:00Z", rows), ("2026-11-16T09:00:00Z", off(rows, 90))
    (check,) = quality(looks.look("a", later, sooner, until="2026-11-16T12:00:00.000Z"))
    assert check["value"] == pytest.approx(1.0)


def test_files_that_cannot_be_read_are_named_and_the_others_count(looks: Looks) -> None:
    rows = keyed(0, 120)
    came = "2026-11-16T10:00:00.000Z"
    looks.label("packed.csv", gzip.compress(_csv("id,price", rows))[:-9], came)
    looks.label("other.csv", rows, came, head="key,price")
    looks.label("good.csv", off(rows, 1), came)
    looks.refused = [("may.CSV", came, "labels/…/may.CSV: its name ends in capital letters")]
    found = looks.look("a", ("2026-11-16T09:00:00Z", rows), until="2026-11-16T12:00:00.000Z")
    told = found["labels"]
    assert [each["file"] for each in told["refused"]] == ["packed.csv", "other.csv", "may.CSV"]
    assert (told["refused_files"], found["labelled_rows"]) == (3, 120)
    assert all(each["new"] for each in told["refused"])
    page = (looks.container.output("findings") / "report.html").read_text()
    assert all(name in page for name in ("packed.csv", "other.csv", "may.CSV"))
    again = looks.look("b", until="2026-11-16T13:00:00.000Z")["labels"]["refused"]
    assert [each["new"] for each in again] == [False, False, False]


def test_labels_are_read_in_the_format_that_their_names_say(looks: Looks) -> None:
    came = "2026-11-16T10:00:00.000Z"
    looks.label("a.csv.gz", gzip.compress(_csv("id,price", [("0007", 1.0)])), came)
    looks.label("b.jsonl", b'{"id": "0008", "price": 2}\n{"id": "0010", "price": null}\n', came)
    made = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"price": [3.0], "id": ["0009"]}), made)
    looks.label("c.parquet", made.getvalue(), came)
    traffic = ("2026-11-16T09:00:00Z", [("0007", 1.0), ("0008", 2.0), ("0009", 3.0)])
    found = looks.look("a", traffic, until="2026-11-16T12:00:00.000Z")
    assert (found["labelled_rows"], found["bad_labels"], found["labels"]["empty"]) == (3, 0, 1)


def test_labels_are_read_in_the_dialect_of_drops(looks: Looks) -> None:
    dialect = {"separator": ";", "decimal": ",", "thousands": ".", "encoding": "latin-1"}
    looks.spec(data={"dialect": dialect})
    text = "id;preis;price\n7000,0;\xe9;1.234,5\n8;;2\n"
    looks.label("a.csv", text.encode("latin-1"), "2026-11-16T10:00:00.000Z")
    traffic = ("2026-11-16T09:00:00Z", [("7000", 1.0), ("8", 2.0)])
    found = looks.look("a", traffic, until="2026-11-16T12:00:00.000Z")
    assert (found["labelled_rows"], found["bad_labels"]) == (2, 0)


def test_predictions_of_days_that_count_no_more_are_not_joined(looks: Looks) -> None:
    looks.look("a", ("2026-10-01T09:00:00Z", keyed(0, 120)), until="2026-10-01T12:00:00.000Z")
    looks.label("a.csv", off(keyed(0, 120), 4), "2026-11-16T10:00:00.000Z")
    found = looks.look("b", until="2026-11-16T12:00:00.000Z")
    assert (found["labelled_rows"], found["labels"]["keys_without_prediction"]) == (0, 120)


def test_thousands_of_files_are_joined(looks: Looks) -> None:
    rows = keyed(0, 1500)
    for number, row in enumerate(off(rows, 1)):
        looks.label(f"{number}.csv", [row], "2026-11-16T10:00:00.000Z")
    found = looks.look("a", ("2026-11-16T09:00:00Z", rows), until="2026-11-16T12:00:00.000Z")
    assert (found["labelled_rows"], found["labels"]["files"]) == (1500, 1500)


def learning(looks: Looks, **data: Any) -> None:
    looks.spec(data={"learn_from_traffic": True, **data})


def test_labelled_traffic_becomes_a_drop(looks: Looks) -> None:
    learning(looks)
    rows = keyed(0, 150)
    looks.look("a", ("2026-11-16T09:00:00Z", rows), until="2026-11-16T12:00:00.000Z")
    looks.label("a.csv", [("k3", 7.0), *((f"k{n}", 8.5) for n in range(4, 110))], "2026-11-20T10")
    found = looks.look("b", until="2026-11-20T12:00:00.000Z")
    (learned,) = found["labels"]["learned"]
    assert (learned["day"], learned["rows"], learned["new"]) == ("2026-11-16", 107, True)
    assert learned["key"] == "predictions/30d/m/learned/b/2026-11-16.csv"
    lines = (looks.container.output("learned") / "b" / "2026-11-16.csv").read_text().splitlines()
    assert lines[:3] == ["id,colour,price", "k3,red,7", "k4,red,8.5"]
    assert len(lines) == 108
    # The same labels again bring no other file.
    again = looks.look("c", until="2026-11-20T13:00:00.000Z")
    assert again["labels"]["learned"] == [{**learned, "new": False}]
    assert not looks.container.output("learned").exists()


def test_traffic_that_lacks_a_column_of_drops_is_no_training_data(looks: Looks) -> None:
    learning(looks, columns={"id": "text", "colour": "text", "size": "number", "price": "number"})
    rows = keyed(0, 150)
    looks.label("a.csv", off(rows, 1), "2026-11-16T10:00:00.000Z")
    found = looks.look("a", ("2026-11-16T09:00:00Z", rows), until="2026-11-16T12:00:00.000Z")
    (learned,) = found["labels"]["learned"]
    assert (learned["rows"], learned["left_out"]) == (0, 150)
    assert learned["why"] == "it has no column 'size'"


def test_what_was_sent_is_kept_only_to_be_learned_from(looks: Looks) -> None:
    traffic = ("2026-11-16T09:00:00Z", keyed(0, 3))
    for learn in (False, True):
        looks.spec(data={"learn_from_traffic": learn})
        looks.look("a", traffic, until="2026-11-16T12:00:00.000Z")
        head = gzip.decompress(next(iter(looks.kept.values()))).decode().splitlines()[0]
        assert ("colour" in head) is learn


def test_numbers_of_a_metric_are_those_of_the_labelled_rows(looks: Looks) -> None:
    rows = keyed(0, 200)
    truth = off(rows[:150], 2)
    looks.label("a.csv", truth, "2026-11-16T10:00:00.000Z")
    (check,) = quality(
        looks.look("a", ("2026-11-16T09:00:00Z", rows), until="2026-11-16T12:00:00.000Z")
    )
    errors = np.array([value for _, value in truth]) - [value for _, value in rows[:150]]
    assert check["value"] == pytest.approx(float(np.sqrt(np.mean(errors**2))))


@pytest.mark.parametrize(
    ("labelled", "version", "digest", "until", "needed"),
    [
        pytest.param(200, 3, "old", "", True, id="never judged"),
        pytest.param(200, 3, "same", "", False, id="judged on these labels"),
        pytest.param(200, 3, "old", "2026-11-28", False, id="too few are new"),
        pytest.param(200, None, "old", "", False, id="between versions"),
        pytest.param(99, 3, "same", "2026-11-28", True, id="few: judged with others"),
    ],
)
def test_the_rows_of_a_day_are_in_memory_only_where_they_may_be_judged(
    labelled: int, version: int | None, digest: str, until: str, needed: bool
) -> None:
    rows = np.ones(labelled)
    arrived = Counter({"2026-11-27": labelled - 9, "2026-11-29": 9})
    group = job_module("joining").Group(
        "2026-11-20", version, 300, labelled, rows, rows, arrived, "same"
    )
    before = {("2026-11-20", version): {"judged": {"digest": digest, "until": until}}}
    asked = {"monitor": {"quality": {"min_labelled_rows": 100}}}
    assert job_module("quality").may_judge(asked, group, before) is needed
    counted = group.counted()
    assert (counted.labelled, counted.fresh("2026-11-28")) == (labelled, 9)
    assert len(counted.target) == len(counted.score) == 0
