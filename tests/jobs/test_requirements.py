"""requirements.txt: the jobs that run a model's code have the packages that it was trained with."""

import base64
import hashlib
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from job_container import Container, bundle_with, spec_of

SCORES = """
import csv, io
import everloop_test_factor
def model_fn(model_dir): return everloop_test_factor.FACTOR
def input_fn(body, content_type): return list(csv.DictReader(io.StringIO(body)))
def predict_fn(rows, factor): return [float(row["size"]) * factor for row in rows]
def output_fn(scores, accept): return "".join(f"{score}\\n" for score in scores)
"""


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with two versions of a package that no image has."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for version in ("1.0", "2.0"):
        name = f"everloop_test_factor-{version}"
        files = {
            "everloop_test_factor.py": f"FACTOR = {version}\n",
            f"{name}.dist-info/METADATA": "Metadata-Version: 2.1\nName: everloop-test-factor\n"
            f"Version: {version}\n",
            f"{name}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\n"
            "Tag: py3-none-any\n",
        }
        record = "".join(
            f"{path},sha256={digest(text)},{len(text)}\n" for path, text in files.items()
        )
        files[f"{name}.dist-info/RECORD"] = f"{record}{name}.dist-info/RECORD,,\n"
        with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
            for path, text in files.items():
                wheel.writestr(path, text)
    return folder


def digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def code(wheels: Path, version: str) -> bytes:
    wanted = f"--no-index\n--find-links {wheels}\neverloop-test-factor=={version}\nnumpy\n"
    return bundle_with({"inference.py": SCORES, "requirements.txt": wanted})


def holdout(container: Container) -> None:
    rows = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0], "price": [2.0, 4.0, 6.0, 8.5]})
    rows.to_csv(container.input("holdout") / "data.csv", index=False)


def test_a_model_is_evaluated_with_its_own_packages(container: Container, wheels: Path) -> None:
    holdout(container)
    container.code(code(wheels, "2.0"), spec_of())
    container.model({"model": "-"})
    container.succeed("evaluate.py")
    assert container.read("evaluation/evaluation.json")["metrics"]["mae"]["value"] == 0.125


def test_version_2_is_judged_against_a_champion_with_another_version_of_a_package(
    container: Container, wheels: Path
) -> None:
    told_by_pip = wheels / "pip.log"
    holdout(container)
    container.code(code(wheels, "2.0"), spec_of())
    container.code(code(wheels, "1.0"), spec_of(), "champion-code")
    container.model({"model": "-"}, "candidate")
    container.model({"model": "-"}, "champion")
    container.succeed("compare.py", {"PIP_LOG": str(told_by_pip)})
    told = container.read("comparison/comparison.json")
    assert told["candidate"]["value"] == pytest.approx(0.25)  # rmse
    assert told["champion"]["value"] > 2
    for version in ("1.0", "2.0"):  # the candidate's, for its metrics as for its scores
        words = f"Successfully installed everloop-test-factor-{version}"
        assert told_by_pip.read_text().count(words) == 1


def test_a_requirement_that_nobody_has_ends_the_job_by_name(
    container: Container, wheels: Path
) -> None:
    holdout(container)
    container.code(code(wheels, "3.0"), spec_of())
    container.model({"model": "-"})
    said = container.fail("evaluate.py")
    assert said.startswith("requirements.txt of the model cannot be installed: ERROR: ")
    assert "everloop-test-factor==3.0" in said
