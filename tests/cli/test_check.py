"""The CI of a model: each mistake is found, with its file, what is wrong, and how to fix it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from job_container import MEAN_PRICE

from everloop_cli.main import main
from everloop_cli.model_check import scripts
from everloop_cli.model_check.findings import STAGES, Finding, junit
from everloop_cli.model_check.static import toml_line

ROWS = [
    (f"a{n}", "red" if n % 3 else "blue", (10 if n % 3 else 30) + n % 7 / 10) for n in range(90)
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mean-price"
    shutil.copytree(MEAN_PRICE, made)
    (made / ".sample").mkdir()
    lines = [f"{key},{colour},{price}\n" for key, colour, price in ROWS]
    (made / ".sample" / "drop.csv").write_text("".join(["id,colour,price\n", *lines]))
    return made


@pytest.fixture
def plant(folder: Path) -> Callable[[str, str, str], None]:
    """Write one thing for another into a file of the folder."""

    def plant(name: str, old: str, new: str) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return plant


@pytest.fixture
def checked(folder: Path, tmp_path: Path, capsys: Any) -> Callable[..., dict[str, Any]]:
    """Check the folder; give what is wrong, by stage."""

    def check(*words: str, code: int = 1) -> dict[str, Any]:
        capsys.readouterr()
        given = ["check", str(folder), "--json", "--out", str(tmp_path / "pages"), *words]
        assert main(given) == code
        document = json.loads(capsys.readouterr().out)
        assert document["good"] is (code == 0)
        assert {each["stage"] for each in document["findings"]} == set(STAGES)
        return {e["stage"]: e for e in document["findings"] if e["outcome"] == "wrong"}

    return check


@pytest.mark.parametrize(
    ("name", "old", "new", "stage", "line", "found", "fix"),
    [
        pytest.param(
            *("train.py", "def main() -> None:", "def main() -> None"),
            *("syntax", 10, "is no Python", "correct that line"),
            id="a colon is missing",
        ),
        pytest.param(
            *("train.py", "import csv", "import csv\nimport no_such_package"),
            *("requirements", 4, "neither in the image nor in requirements.txt"),
            "add a line to requirements.txt, e.g. no_such_package==<version>",
            id="an import that requirements.txt lacks",
        ),
        pytest.param(
            *("model.toml", 'target = "price"', 'target = "prize"'),
            *("data", 5, "was it renamed to 'price'?", "correct data.target in model.toml"),
            id="a column that the data has not",
        ),
        pytest.param(
            *("model.toml", "rmse = { max", "rmsee = { max"),
            *("contract", 13, "evaluate.metrics.rmsee is no metric", "did you mean 'rmse'"),
            id="a metric that is misspelt",
        ),
        pytest.param(
            *("inference.py", "def output_fn", "def outputs_fn"),
            *("contract", None, "has no output_fn", "add def output_fn"),
            id="a handler that is missing",
        ),
    ],
)
def test_what_is_wrong_to_read_is_found_before_anything_runs(
    checked: Any,
    plant: Any,
    name: str,
    old: str,
    new: str,
    stage: str,
    line: int | None,
    found: str,
    fix: str,
) -> None:
    plant(name, old, new)
    told = checked()
    assert list(told) == [stage]
    assert (told[stage]["file"], told[stage]["line"]) == (name, line)
    assert found in told[stage]["found"] and fix in told[stage]["fix"]


def test_where_pages_cannot_be_written_is_said_before_anything_runs(
    folder: Path, tmp_path: Path, capsys: Any
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["check", str(folder), "--out", str(tmp_path / "file")]) == 2
    said = capsys.readouterr()
    assert "is no folder for pages" in said.err and "preprocess" not in said.err


def test_a_model_with_personal_columns_is_tried_with_tokens(checked: Any, plant: Any) -> None:
    plant("model.toml", "[approve]", "[privacy]\nkey_is_personal = true\n\n[approve]")
    assert checked(code=0) == {}


def test_a_good_folder_is_tried_whole_and_its_pages_are_kept(
    folder: Path, checked: Any, tmp_path: Path
) -> None:
    assert checked("--strict", "--junit", str(tmp_path / "a" / "junit.xml"), code=0) == {}
    assert "<html" in (tmp_path / "pages" / "report.html").read_text()
    suite = ElementTree.parse(tmp_path / "a" / "junit.xml").find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("11", "0", "0")


def test_lost_rows_a_bar_out_of_reach_and_a_single_row_are_found_in_one_go(
    checked: Any, plant: Any
) -> None:
    plant("preprocess.py", '"train": rows[:first]', '"train": rows[:5]')
    plant("model.toml", "max = 50.0", "max = 0.0001")
    one = 'if len(rows) == 1:\n        raise ValueError("one row")\n    return [means.get'
    plant("inference.py", "return [means.get", one)
    told = checked()
    assert list(told) == ["preprocess", "bars", "serve"]
    assert told["preprocess"]["file"] == "preprocess.py"
    assert "49 of 90 rows are in none of" in told["preprocess"]["found"]
    assert (told["bars"]["file"], told["bars"]["line"]) == ("model.toml", 13)
    assert "misses its bar: at most 0.0001" in told["bars"]["found"]
    assert told["serve"]["file"] == "inference.py" and "one row" in told["serve"]["found"]


@pytest.mark.parametrize(
    ("plants", "stage", "file", "found", "fix"),
    [
        pytest.param(
            [
                ("preprocess.py", "(file, list(rows[0]),", '(file, ["colour", "price"],'),
                ("preprocess.py", 'nator="\\n")', 'nator="\\n", extrasaction="ignore")'),
            ],
            *("preprocess", "preprocess.py", "has no column 'id'", "keep that column"),
            id="preprocess.py drops the key",
        ),
        pytest.param(
            [("train.py", '(Path(os.environ["SM_MODEL_DIR"]) / "means.json")', 'Path("m.json")')],
            *("train", "train.py", "wrote no model", 'os.environ["SM_MODEL_DIR"]'),
            id="train.py leaves no model",
        ),
        pytest.param(
            [("inference.py", "for price in prices)", "for price in prices[:1])")],
            *("serve", "inference.py", "answered 1 lines for 18 rows", "a line for each row"),
            id="an answer of another shape",
        ),
        pytest.param(
            [("inference.py", "{price!r}\\n", "nan\\n")],
            *("serve", "inference.py", "answered nan for row 0", "a finite number"),
            id="answers that are no numbers",
        ),
        pytest.param(
            [(name, 'row["colour"]', 'row["price"]') for name in ("train.py", "inference.py")],
            *("leakage", "inference.py", "the model asks for 'price', the target"),
            "take 'price' out of the features",
            id="the target among the features",
        ),
    ],
)
def test_what_is_wrong_to_run_is_found_by_running_it(
    checked: Any,
    plant: Any,
    plants: list[tuple[str, str, str]],
    stage: str,
    file: str,
    found: str,
    fix: str,
) -> None:
    for each in plants:
        plant(*each)
    told = checked()
    assert list(told) == [stage]
    assert told[stage]["file"] == file
    assert found in told[stage]["found"] and fix in told[stage]["fix"]


def test_without_a_sample_what_was_not_tried_is_said(
    folder: Path, checked: Any, run: Callable[..., tuple[int, str]]
) -> None:
    shutil.rmtree(folder / ".sample")
    assert checked(code=0) == {}
    assert checked("--strict") == {}
    code, said = run("check", str(folder))
    assert code == 0
    assert "not tried data, preprocess, train," in said
    assert f"everloop check {folder} --data FILE.csv" in said


def test_a_folder_that_is_none_ends_in_one_sentence(
    tmp_path: Path, run: Callable[..., tuple[int, str]]
) -> None:
    code, said = run("check", str(tmp_path / "nowhere"))
    assert code == 2 and "is no folder. A model is a folder with a model.toml" in said
    code, said = run("check", str(tmp_path))
    assert code == 1 and "has no model.toml: it is no model's folder" in said


def test_imports_that_may_lack_and_modules_of_the_folder_are_not_asked_for() -> None:
    files = {
        "train.py": b"import os, columns, absent.part\nfrom . import x\n"
        b"try:\n    import maybe\nexcept ImportError:\n    maybe = None\n"
        b"def late():\n    import later\n",
        "columns.py": b"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import seen\n",
    }
    trees, mistakes = scripts.parsed(files)
    assert mistakes == []
    assert {name: place.line for name, place in scripts.imported(trees).items()} == {
        "absent": 1,
        "later": 8,
    }


@pytest.mark.parametrize(
    ("top", "required", "why"),
    [
        ("sklearn", "", ""),
        ("numpy", "", ""),  # scikit-learn brings it
        ("no_such", "", scripts.ABSENT),
        ("no_such", "no-such==1.0 # ours", ""),
        ("no_such", "-r other.txt", ""),  # which may bring it
        ("no_such", "another-one==1.0", ""),  # likewise
        ("flask", "", scripts.ONLY_HERE),
        ("flask", "Flask>=3", ""),
        ("boto3", "", ""),
    ],
)
def test_what_an_image_has_is_told_from_what_this_machine_has(
    top: str, required: str, why: str
) -> None:
    found = scripts.missing(top, scripts.Requirements.read(required), ["scikit-learn"])
    assert found == why


def test_a_key_of_model_toml_is_found_by_its_line() -> None:
    text = '[data]\ntarget = "y"\n[evaluate]\nmetrics = { auc = { min = 1 } }\n[evaluate.own.x]\n'
    assert toml_line(text, "data.target") == 2
    assert toml_line(text, "evaluate.metrics.auc") == 4
    assert toml_line(text, "evaluate.own.x.better") == 5
    assert toml_line(text, "serve.kind") is None


def test_junit_takes_whatever_a_script_prints() -> None:
    found = [Finding("train", "wrong", "said \x00\x1b[31m\ud800<é>", "", "train.py", 3)]
    case = ElementTree.fromstring(junit({"m": found})).find("testsuite/testcase")
    assert case is not None and case.get("file") == "train.py"
    failure = case.find("failure")
    assert failure is not None and failure.get("message") == "train.py:3: said [31m<é>"
