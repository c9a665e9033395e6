"""Compile a folder's own pipeline.py: what a person is told where that cannot be done."""

import shutil
from pathlib import Path

import pytest

from everloop_cli.main import main

AIR_TIME = Path(__file__).parents[2] / "models" / "air-time"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(AIR_TIME, tmp_path / "air-time"))


def test_what_is_compiled_already_needs_no_sdk(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVERLOOP_SDK_PYTHON", "/nowhere/python")
    assert main(["compile", str(folder)]) == 0
    assert "current already" in capsys.readouterr().out
    for name in ("pipeline.py", "pipeline.json"):
        assert (folder / name).read_bytes() == (AIR_TIME / name).read_bytes()


def test_without_an_sdk_the_fix_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVERLOOP_SDK_PYTHON", "/nowhere/python")
    (folder / "train.py").write_text("# changed\n")
    assert main(["compile", str(folder)]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "looked at /nowhere/python" in told
    assert "tools/setup clients" in told
    assert "install sagemaker==" in told


def test_a_folder_without_a_pipeline_is_told_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "pipeline.py").unlink()
    assert main(["compile", str(folder)]) == 2
    assert "has no pipeline.py" in " ".join(capsys.readouterr().err.split())
