"""What a built-in algorithm is trained on: the label first, no header, and numbers only."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from job_container import spec_of
from jobs.conftest import job_module


def spec(**train: Any) -> dict[str, Any]:
    return spec_of(train={"algorithm": "xgboost", **train})


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    channels = job_module("channels")
    monkeypatch.setattr(job_module("container"), "OUTPUT", tmp_path / "output")

    def write(**columns: list[Any]) -> list[str]:
        for part in ("train", "validation", "holdout"):
            (tmp_path / "made" / part).mkdir(parents=True, exist_ok=True)
            pd.DataFrame(columns).to_csv(tmp_path / "made" / part / "data.csv", index=False)
        channels.written(tmp_path / "made", spec())
        path = tmp_path / "output" / "algorithm" / "train" / "data.csv"
        return path.read_text().splitlines()

    return write


def test_the_label_comes_first_without_header_key_or_words(written) -> None:
    lines = written(id=["a", "b"], size=["1.50", ""], price=[3, 4], room=[" 7", "NaN"])
    assert lines == ["3.0,1.5,7.0", "4.0,nan,nan"]


@pytest.mark.parametrize("value", ["red", "True", "inf", "1e999"])
def test_what_is_no_number_is_refused_with_column_row_and_fix(written, value: str) -> None:
    with pytest.raises(job_module("container").JobError) as error:
        written(id=["a", "b"], colour=["1", value], price=[3, 4])
    said = str(error.value)
    assert said.startswith(f"train/data.csv: column 'colour' holds {value!r} in row 1; xgboost ta")
    assert "encode it in preprocess.py" in said


def test_a_script_that_writes_other_files_trains_no_algorithm(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(job_module("container").JobError, match=r"no train/data\.csv, on which xgb"):
        job_module("channels").written(tmp_path, spec())


def test_a_table_of_nothing_but_key_and_target_teaches_nothing(written) -> None:
    with pytest.raises(job_module("container").JobError, match="no columns but target, key"):
        written(id=["a"], price=[3])


def test_machines_that_share_a_channel_find_a_file_each(tmp_path: Path, written) -> None:
    written(id=["a", "b", "c"], size=[1, 2, 3], price=[5, 6, 7])
    job_module("channels").written(tmp_path / "made", spec(count=2, shard=["train"]))
    made = tmp_path / "output" / "algorithm"
    shares = [(made / "train" / f"data-{number}.csv").read_text() for number in (0, 1)]
    assert shares == ["5.0,1\n7.0,3\n", "6.0,2\n"]
    assert (made / "validation" / "data.csv").read_text() == "5.0,1\n6.0,2\n7.0,3\n"
