"""everloop drop: files are looked at with the job's own reader before anything is uploaded."""

from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from everloop.aws import buckets, journal
from everloop.chain import Entry
from everloop.errors import EverloopError
from everloop_cli import deliver
from everloop_cli.drops import collected
from everloop_cli.trouble import Trouble

GOOD = "id,colour,price\n1,red,2\n"


def drop(*paths: Path, model: str = "prices", anyway: bool = False) -> dict[str, Any]:
    return deliver.drop(model, list(paths), prefix="", progress=lambda *_: None, anyway=anyway)


def refuse(stack: Any, *paths: Path, model: str = "prices") -> str:
    """Return why nothing is dropped; nothing may be uploaded then."""
    with pytest.raises(Trouble) as refused:
        drop(*paths, model=model)
    assert stack.uploaded() == []
    return str(refused.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Good data, and what systems leave beside it."""
    files = {
        "jan.csv": GOOD,
        "2026/feb.csv": GOOD,
        "empty.csv": "",
        "header.csv": "id,colour,price\n",
        ".DS_Store": "\0\1",
        "__MACOSX/._jan.csv": "\0",
        ".git/config": "[core]",
        "Thumbs.db": "x",
        "~$jan.xlsx": "x",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_folder_is_dropped_without_what_is_no_data(stack: Any, folder: Path) -> None:
    done = drop(folder)
    assert stack.uploaded() == ["data/prices/2026/feb.csv", "data/prices/jan.csv"]
    assert done["files"] == 2
    left_out = "\n".join(done["left_out"])
    for name in ("empty.csv", "header.csv", ".DS_Store", "__MACOSX", ".git", "Thumbs.db", "~$jan"):
        assert name in left_out
    assert "header.csv: has a header and no rows" in left_out
    assert len(done["left_out"]) == 7  # folders are told once


def test_bad_files_are_told_all_at_once_and_nothing_is_uploaded(stack: Any, folder: Path) -> None:
    (folder / "mar.csv").write_text("id;colour;price\n1;red;2,5\n")
    (folder / "apr.csv").write_bytes(b"PAR1" + bytes(range(256)) + b"PAR1")
    said = refuse(stack, folder)
    assert "mar.csv: its fields are separated by ';'" in said
    assert "apr.csv: is a Parquet file" in said


def test_the_installed_spec_says_what_is_good(stack: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(GOOD)
    stack.install(dialect={"separator": ";", "decimal": ","})
    assert "separated by ','" in refuse(stack, file)
    file.write_text("id;colour;price\n1;red;2,5\n")
    assert drop(file)["files"] == 1


def test_specs_of_before_are_read_with_defaults(stack: Any, folder: Path) -> None:
    stack.install(dialect=None, check="all")
    assert drop(folder / "jan.csv")["files"] == 1


def test_doubtful_targets_are_told_and_dropped(stack: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,colour,price\n1,red,2\n2,red,\n")
    (warning,) = drop(tmp_path / "a.csv")["warnings"]
    assert "the target 'price' is missing in row 2" in warning


def test_a_model_that_is_not_installed_gets_nothing(stack: Any, folder: Path) -> None:
    said = refuse(stack, folder, model="price")
    assert "no model 'price' is installed here. Installed: prices" in said
    assert "--anyway" in said


def test_a_hidden_file_that_is_named_is_refused(stack: Any, folder: Path) -> None:
    assert "is hidden" in refuse(stack, folder / ".DS_Store")


def test_anyway_uploads_whatever_is_there(stack: Any, folder: Path) -> None:
    (folder / "mar.csv").write_text("no data at all")
    assert drop(folder, model="nobody", anyway=True)["files"] == 10
    assert len(stack.uploaded()) == 10


def test_files_that_would_replace_each_other_are_refused(stack: Any, folder: Path) -> None:
    other = folder / "2026" / "jan.csv"
    other.write_text(GOOD)
    assert "would both become 'jan.csv'" in refuse(stack, folder / "jan.csv", other)


def test_the_marker_comes_last(stack: Any, folder: Path) -> None:
    (folder / "_SUCCESS").write_text("")
    found = collected([folder], "_SUCCESS", anyway=False)
    assert [name for name, _ in found.in_order("_SUCCESS")][-2:] == ["jan.csv", "_SUCCESS"]
    drop(folder)
    assert "data/prices/_SUCCESS" in stack.uploaded()
    drop(folder, anyway=True)
    assert "data/prices/.DS_Store" in stack.uploaded()


def test_a_folder_without_data_is_told_why(stack: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,colour,price\n")
    said = refuse(stack, tmp_path)
    assert "nothing to drop" in said and "has a header and no rows" in said


def test_a_push_that_is_on_its_way_is_waited_for(stack: Any, folder: Path) -> None:
    stack.put("models/later/bundle.tar.gz", b"x")
    late = Timer(0.1, stack.install, kwargs={"model": "later"})
    late.start()
    assert drop(folder / "jan.csv", model="later")["files"] == 1
    late.join()


def test_a_push_that_was_refused_is_not_waited_for(stack: Any, folder: Path) -> None:
    stack.put("models/later/bundle.tar.gz", b"x")
    refused = Entry("later:v1", "later", "2026-11-20T10:00:00.000Z", "install", False, "no target")
    journal.append(refused)
    with pytest.raises(Trouble, match="the push was refused: no target"):
        drop(folder / "jan.csv", model="later")


def test_what_s3_refuses_is_told_with_the_file(stack: Any, folder: Path) -> None:
    with pytest.raises(EverloopError, match=r"jan\.csv was not uploaded to s3://gone/a: .*NoSuch"):
        buckets.upload(folder / "jan.csv", "gone", "a")


def test_a_large_file_goes_up_in_parts_and_says_how_far_it_is(stack: Any, tmp_path: Path) -> None:
    (tmp_path / "large.csv").write_bytes(b"x" * 9_000_000)
    seen: list[int] = []
    uri = buckets.upload(tmp_path / "large.csv", stack.bucket, "data/large.csv", seen.append)
    assert uri == f"s3://{stack.bucket}/data/large.csv"
    assert sum(seen) == 9_000_000
    assert len(stack.body("data/large.csv")) == 9_000_000


def test_the_prefix_says_of_which_table_a_file_is(stack: Any, tmp_path: Path) -> None:
    table = {"prefix": "people/", "keys": ["name"], "columns": {}, "format": None}
    stack.install(tables={"people": table})
    path = tmp_path / "people.csv"
    path.write_text("name,age\nAna,3\n")
    assert "column 'id' is missing" in refuse(stack, path)
    done = deliver.drop("prices", [path], prefix="people/", progress=lambda *_: None)
    assert (done["files"], stack.uploaded()) == (1, ["data/prices/people/people.csv"])
