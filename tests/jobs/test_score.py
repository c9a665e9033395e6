"""score_rows.py and score_results.py: from dropped objects to requests, and from answers back."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from job_container import Container, Drops, spec_of

CSV = {"version": 0, "columns": ["id", "colour", "price"], "features": [{"name": "colour"}]}
PLACE = "s3://everloop-data-123456789012-us-east-1/scores/mean-price/w1"


def given(container: Container, bundle: bytes, *objects: dict[str, Any], **data: Any) -> None:
    manifest = {"version": 1, "model": "mean-price", "objects": objects}
    (container.input("dataset") / "objects.json").write_text(json.dumps(manifest))
    container.code(bundle, spec_of(data={"timestamp": None, **data}))
    (container.input("baseline") / "statistics.json").write_text(json.dumps(CSV))
    (container.input("reference") / "evaluation.json").write_text(json.dumps({"metrics": {}}))


ROWS = {"EVERLOOP_FILES_URI": f"{PLACE}/files.json"}
RESULTS = {
    "EVERLOOP_VERSION": "3",
    "EVERLOOP_WINDOW": "1",
    "EVERLOOP_TIME": "2026-11-20T12:40:00Z",
    "EVERLOOP_SCORES_URI": PLACE,
}


def answered(container: Container, answers: dict[str, str]) -> None:
    """Let a container answer the requests; hand on what the next job is given."""
    for name, text in answers.items():
        (container.input("answers") / f"{name}.out").write_text(text)
    for name in ("requests", "files"):
        for path in container.output(name).iterdir():
            (container.input(name) / path.name).write_bytes(path.read_bytes())


def requests(container: Container) -> dict[str, str]:
    return {path.name: path.read_text() for path in container.output("requests").iterdir()}


def test_objects_become_requests_at_the_versions_that_were_frozen(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    first = drops.put("score/mean-price/a/jan.csv", "colour,id,extra\nred,007,x\nblue,8,y\n")
    drops.put("score/mean-price/a/jan.csv", "colour,id\nwhat,came later\n")
    second = drops.put("score/mean-price/feb.csv", "id,colour,price\n9,red,1.5\n")
    given(container, bundle, first, second)

    message = container.succeed("score_rows.py", ROWS)

    assert message == "Completed: 3 rows of 2 objects are to be scored"
    # As the model was trained, without the target and what it does not know; cells as they are.
    assert requests(container) == {
        "score-000000000-000000002.csv": "id,colour\n007,red\n8,blue\n9,red\n"
    }
    assert [each["rows"] for each in container.read("files/index.json")["files"]] == [2, 1]


def test_a_bad_file_is_set_aside_and_the_others_are_scored(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    good = drops.put("score/mean-price/good.csv", "id,colour\n1,red\n")
    lacks = drops.put("score/mean-price/lacks.csv", "id\n1\n")
    broken = drops.put("score/mean-price/broken.csv", 'id,colour\n1,"red\n')
    empty = drops.put("score/mean-price/empty.csv", "")
    gone = drops.put("score/mean-price/gone.csv", "id,colour\n1,red\n")
    drops.erase(gone)
    given(container, bundle, good, lacks, broken, empty, gone)

    container.succeed("score_rows.py", ROWS)

    told = {each["key"]: each for each in drops.read("scores/mean-price/w1/files.json")["objects"]}
    status = {key.rpartition("/")[2]: each["status"] for key, each in told.items()}
    assert status == {
        "good.csv": "used",
        "lacks.csv": "set-aside",
        "broken.csv": "set-aside",
        "empty.csv": "no-data",
        "gone.csv": "set-aside",
    }
    assert "'colour'" in told["score/mean-price/lacks.csv"]["reason"]
    assert list(requests(container).values()) == ["id,colour\n1,red\n"]


def test_where_nothing_can_be_scored_the_job_says_so_and_its_record_stays(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    given(container, bundle, drops.put("score/mean-price/bad.csv", "id\n1\n"))
    assert container.fail("score_rows.py", ROWS).startswith("bad data: nothing is left to score")
    assert drops.read("scores/mean-price/w1/files.json")["outcome"] == "bad-files"


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_every_format_of_drops_is_scored(
    container: Container, drops: Drops, bundle: bytes, kind: str
) -> None:
    table = pd.DataFrame({"id": ["a", "b"], "colour": ["red", None]})
    body = io.BytesIO()
    if kind == "parquet":
        table.to_parquet(body)
    else:
        body.write(table.to_json(orient="records", lines=True).encode())
    given(container, bundle, drops.put(f"score/mean-price/x.{kind}", body.getvalue()), format=kind)
    container.succeed("score_rows.py", ROWS)
    assert list(requests(container).values()) == ["id,colour\na,red\nb,\n"]


def test_answers_lie_beside_the_names_of_rows_and_are_captured_for_the_monitor(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    first = drops.put("score/mean-price/a/jan.csv", "id,colour\n007,red\n8,blue\n")
    second = drops.put("score/mean-price/feb.csv", "id,colour\n9,red\n")
    given(container, bundle, first, second)
    container.succeed("score_rows.py", ROWS)
    answered(container, {"score-000000000-000000002.csv": "1.5\n2.5\n3.5\n"})

    message = container.succeed("score_results.py", RESULTS)

    assert message == "Completed: 3 rows of 2 objects scored, 1 requests"
    scores = container.output("scores")
    assert (scores / "jan.csv").read_text() == "id,score\n007,1.5\n8,2.5\n"
    assert (scores / "feb.csv").read_text() == "id,score\n9,3.5\n"
    manifest = container.read("scores/manifest.json")
    assert (manifest["model_version"], manifest["rows"]) == (3, 3)
    assert {each["scores"]: each["version_id"] for each in manifest["objects"]} == {
        f"{PLACE}/jan.csv": first["version_id"],
        f"{PLACE}/feb.csv": second["version_id"],
    }
    (captured,) = container.output("capture").rglob("*.jsonl")
    assert captured.relative_to(container.output("capture")).parts[:4] == ("2026", "11", "20", "12")
    record = json.loads(captured.read_text())
    assert record["captureData"]["endpointInput"]["data"] == "id,colour\n007,red\n8,blue\n9,red\n"
    assert record["captureData"]["endpointOutput"]["data"] == "1.5\n2.5\n3.5\n"


@pytest.mark.parametrize(
    ("answer", "why"),
    [("1.5\n2.5\n", "2"), ("1.5\n2.5\nnan\n", "row 2"), ("", "nothing")],
)
def test_answers_of_another_number_or_that_are_none_are_refused(
    container: Container, drops: Drops, bundle: bytes, answer: str, why: str
) -> None:
    rows = "id,colour\n1,red\n2,red\n3,red\n"
    given(container, bundle, drops.put("score/mean-price/a.csv", rows))
    container.succeed("score_rows.py", ROWS)
    answered(container, {"score-000000000-000000002.csv": answer})
    assert why in container.fail("score_results.py", RESULTS)
    assert not (container.output("scores") / "manifest.json").exists()


def test_nothing_is_captured_where_the_spec_captures_nothing(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    given(container, bundle, drops.put("score/mean-price/a.csv", "id,colour\n1,red\n"))
    container.succeed("score_rows.py", ROWS)
    answered(container, {"score-000000000-000000000.csv": "1.5\n"})
    spec = spec_of(data={"timestamp": None}, deploy={"capture_percent": 0})
    container.code(bundle, spec)
    container.succeed("score_results.py", RESULTS)
    assert not Path(container.output("capture")).exists()
