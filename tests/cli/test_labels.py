"""everloop label: files are read as the monitor will read them, before anything is uploaded."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from everloop_cli import labels
from everloop_cli.trouble import Trouble


def refuse(stack: Any, *paths: Path, model: str = "prices") -> str:
    with pytest.raises(Trouble) as refused:
        labels.upload(model, list(paths))
    assert stack.uploaded() == []
    return str(refused.value)


def file(folder: Path, name: str, data: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


GOOD = "id,price\n1,2.5\n2,3\n"


def test_labels_are_uploaded_under_names_of_their_own(stack: Any, tmp_path: Path) -> None:
    may = file(tmp_path, "may.csv", GOOD)
    done = labels.upload("prices", [may])
    assert (done["files"], done["rows"]) == (1, 2)
    labels.upload("prices", [may])
    assert len(stack.uploaded()) == 1
    may.write_text("id,price\n3,4\n")
    labels.upload("prices", [may])
    (first, second) = stack.uploaded()
    assert first.startswith("labels/prices/may-")
    assert second.startswith("labels/prices/may-")


def test_a_folder_is_uploaded_without_what_systems_leave_in_it(stack: Any, tmp_path: Path) -> None:
    file(tmp_path, "may.csv", GOOD)
    file(tmp_path, ".DS_Store", b"\0")
    assert labels.upload("prices", [tmp_path])["files"] == 1


def test_a_compressed_file_keeps_its_ending(stack: Any, tmp_path: Path) -> None:
    packed = tmp_path / "may.csv.gz"
    packed.write_bytes(gzip.compress(GOOD.encode(), mtime=0))
    done = labels.upload("prices", [packed])
    assert (done["rows"], len(done["names"])) == (GOOD.count("\n") - 1, 1)
    assert done["names"][0].startswith("may-") and done["names"][0].endswith(".csv.gz")


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("may.CSV", GOOD, "its name ends in capital letters"),
        ("may.xlsx.gz", GOOD, "it is compressed, and what is in it"),
        ("may.csv", gzip.compress(GOOD.encode(), mtime=0)[:-9], "compressed with gzip and cannot"),
        ("may.parquet", GOOD, "is no Parquet file"),
        ("may.csv", "key,price\n1,2\n", "column 'id' is missing"),
        ("may.csv", "id,price\n1,cheap\n", "'cheap'"),
        ("may.csv", "id,price\n", "no rows"),
        ("may.csv", "", "is empty"),
    ],
)
def test_what_the_monitor_would_refuse_is_not_uploaded(
    stack: Any, tmp_path: Path, name: str, data: str | bytes, why: str
) -> None:
    good, bad = file(tmp_path, "good.csv", GOOD), file(tmp_path, name, data)
    told = refuse(stack, good, bad)
    assert why in told
    assert str(bad) in told


def test_a_model_must_be_there_and_have_a_key(stack: Any, tmp_path: Path) -> None:
    may = file(tmp_path, "may.csv", GOOD)
    assert "prises" in refuse(stack, may, model="prises")
    stack.install(key=None)
    assert "[data].key" in refuse(stack, may)
