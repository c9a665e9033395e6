"""Features as they were known: no row sees a later one, on random data beside brute force."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jobs.conftest import job_module

as_of = job_module("feature_store.as_of")
group = job_module("feature_store.group")
history = job_module("feature_store.history")
moments = job_module("feature_store.moments")
named = job_module("feature_store.named")
served = job_module("feature_store.served")
values = job_module("feature_store.values")

GROUP = group.Group(
    name="customers",
    group="everloop-churn-customers",
    arn="",
    id="customer",
    event_time="seen",
    kinds={"age": "Integral", "segment": "String"},
    id_kind="String",
    event_kind="String",
    bucket="",
    prefix="",
    on="customer",
    as_of="at",
    max_age=None,
    table=None,
)


@pytest.fixture
def known(tmp_path: Path) -> Any:
    made = history.History(tmp_path / "records.db")
    yield made
    made.close()


def record(id: str, at: int, put: int, value: str | None, *, deleted: bool = False) -> Any:
    cells = [None, None] if deleted else [value, "x"]
    return (id, at, put, put + 1, deleted, history.as_text(cells))


def brute_force(records: list[Any], id: str, moment: int, max_age: int | None) -> str | None:
    """The newest record of an id that is not later; of one event time, what was put last."""
    mine = [each for each in records if each[0] == id and each[1] <= moment]
    if not mine:
        return None
    newest = max(mine, key=lambda each: each[1:5])
    if newest[4] or (max_age is not None and moment - newest[1] > max_age):
        return None
    return str(newest[5])


@pytest.mark.parametrize("seed", range(20))
def test_each_row_gets_the_newest_record_that_is_not_later(known: Any, seed: int) -> None:
    rng = random.Random(seed)
    max_age = rng.choice([None, 5, 40])
    records = [
        record(
            f"c{rng.randrange(6)}",
            1000 + rng.randrange(60),
            number,  # no two are put at the same time
            str(rng.randrange(90)),
            deleted=rng.random() < 0.15,
        )
        for number in range(rng.randrange(1, 120))
    ]
    for one in range(0, len(records), 7):  # whatever file they came in, and some twice
        known.add(rng.sample(records, len(records))[: one + 1])
    known.add(records)
    rows = pd.DataFrame(
        {
            "customer": [f"c{rng.randrange(8)}" for _ in range(200)],
            "at": [moments.written(990 + rng.randrange(80)) for _ in range(200)],
        }
    )

    joined = as_of.Joined()
    found = as_of.looked_up(
        rows, rows["at"], replace(GROUP, max_age=max_age), known, joined, "train/data.csv"
    )

    expected = [
        brute_force(records, id, int(moment), max_age)
        for id, moment in zip(rows["customer"], moments.of(rows["at"]), strict=True)
    ]
    told = [
        history.as_text([age or None, segment or None]) if age else None
        for age, segment in zip(found["age"], found["segment"], strict=True)
    ]
    assert told == expected
    assert joined.unknown + joined.too_old == sum(each is None for each in expected)


def test_a_record_of_the_same_moment_is_known_and_one_a_millisecond_later_is_not(
    known: Any,
) -> None:
    known.add([record("c1", 1000, 1, "30"), record("c1", 2001, 2, "31")])

    assert known.at("c1", 999) is None
    assert known.at("c1", 1000).values == ["30", "x"]
    assert known.at("c1", 2000).values == ["30", "x"]
    assert known.at("c1", 2001).values == ["31", "x"]


def test_a_time_between_two_milliseconds_is_never_known_too_early() -> None:
    fine = ["2026-11-20T10:00:00.0005Z", "1795168800.0005", "2026-11-20 11:00:00.0005+01:00"]

    early, late = moments.of(fine), moments.of(fine, up=True)

    assert list(late - early) == [1, 1, 1]
    assert moments.written(int(early[0])) == "2026-11-20T10:00:00.000Z"
    assert list(moments.of(["1.001", "2026-11-20", "2026-11-20T00:00:00Z"])) == [
        1001,
        *[1795132800000] * 2,
    ]


def test_what_is_no_time_is_named() -> None:
    with pytest.raises(moments.NoTime, match=r"'yesterday', which is no time; write it as") as none:
        moments.of(["2026-11-20", "yesterday"])
    assert none.value.row == 1
    with pytest.raises(moments.NoTime, match="seconds since 1970"):
        moments.of(["1795168800000"])  # of a clock of milliseconds


def test_captured_rows_get_what_they_came_without_and_keep_what_they_came_with(known: Any) -> None:
    known.add([record("c1", 1000, 1, "30")])
    sent = [{"customer": "c1"}, {"customer": "c1", "age": None}, {"customer": "c1", "age": ""}]
    sent += [{"customer": "c1", "age": "31"}, {"customer": "c2"}, {"age": "32"}]
    rows = pd.DataFrame([{**each, served.TIME: ""} for each in sent], dtype=object)

    served.fill(rows, rows["customer"].notna(), GROUP, known, "1970-01-01T00:00:05Z")

    # A null, as an empty cell, is what the model got: the endpoint filled no column that was there.
    assert rows["age"].tolist() == ["30", None, "", "31", None, "32"]
    assert rows["segment"].tolist() == ["x"] * 4 + [None] * 2


def test_a_request_may_lack_what_is_looked_up_and_nothing_else() -> None:
    section = {"columns": {"age": "integer"}, "online": True}
    sent = {"columns": {"spent": "number"}, "online": False}

    assert named.columns_of({"features": {"a": section, "b": sent}}) == ["age"]
    assert named.columns_of({}) == []


def test_ids_are_found_however_they_are_written(known: Any) -> None:
    known.add([record("7", 1000, 1, "30")])
    rows = pd.DataFrame({"customer": ["7", "7.0", "07"], "at": ["2", "2", "2"]})

    found = as_of.looked_up(rows, rows["at"], GROUP, known, as_of.Joined(), "x")

    assert list(found["age"]) == ["30", "30", ""]  # 07 is another text, and so another id


def test_only_what_the_store_lacks_is_put_and_what_was_deleted_stays_deleted(known: Any) -> None:
    known.add(
        [
            record("c1", 1000, 5, "30"),
            record("c2", 1000, 5, "30"),
            record("c3", 1000, 6, None, deleted=True),
        ]
    )
    known.want([record("c1", 1000, 0, "30"), record("c2", 1000, 0, "29")])
    known.want([record("c2", 1000, 1, "31"), record("c3", 1000, 1, "30")])
    known.want([record("c4", 1000, 1, "40")])

    assert list(known.lacks()) == [("c2", 1000, ["31", "x"]), ("c4", 1000, ["40", "x"])]
    assert (known.wanted(), known.lacking()) == (4, 2)


def test_a_digest_is_of_the_records_and_not_of_their_files(tmp_path: Path) -> None:
    rows = [record(f"c{n % 3}", n, n, str(n)) for n in range(30)]
    digests = set()
    for seed in range(3):
        made = history.History(tmp_path / f"{seed}.db")
        for row in random.Random(seed).sample(rows, len(rows)):
            made.add([row, row])
        digests.add(made.digest())
        made.close()

    assert len(digests) == 1 and next(iter(digests))[0] == 30


@pytest.mark.parametrize(
    ("kind", "cell", "text"),
    [
        ("Fractional", "0.50", "0.5"),
        ("Fractional", float("nan"), None),
        ("Fractional", "", None),
        ("Integral", "7.0", "7"),
        ("Integral", np.int64(2**62), str(2**62)),
        ("String", "007", "007"),
        ("String", None, None),
    ],
)
def test_values_are_the_same_text_whether_put_or_read(kind: str, cell: Any, text: Any) -> None:
    assert values.of(kind)(cell) == text


@pytest.mark.parametrize(
    ("kind", "cell"),
    [("Integral", "7.5"), ("Integral", str(2**63)), ("Fractional", "many")],
)
def test_values_that_a_feature_cannot_hold_are_refused(kind: str, cell: str) -> None:
    with pytest.raises(values.NoValue, match=cell[:5]):
        values.of(kind)(cell)
