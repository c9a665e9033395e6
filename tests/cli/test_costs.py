"""What the command says of costs is what the page shows, and what it cannot know it says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from everloop_cli.main import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*words: str) -> tuple[int, str, str]:
        code = main(["costs", *words])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def test_the_page_shows_what_the_command_prints(run: Any) -> None:
    code, shown, _ = run()
    page = (ROOT / "docs/costs.md").read_text()
    assert code == 0
    for line in shown.splitlines():
        assert f"    {line.rstrip()}".rstrip() in page.splitlines()


def test_a_folder_is_estimated_with_its_own_instances(run: Any, tmp_path: Path) -> None:
    spec = 'problem = "regression"\n[data]\ntarget = "y"\n[deploy.production]\ncount = 2\n'
    (tmp_path / "dear").mkdir()
    (tmp_path / "dear/model.toml").write_text(spec)
    code, shown, _ = run(str(tmp_path / "dear"), "--models", "3", "--loops", "0", "--json")
    (month,) = json.loads(shown)["months"]
    assert code == 0
    assert (month["models"], month["loops"]) == (3, 0)
    assert month["endpoints"] > 3 * 2 * 720 * 0.115


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--region", "eu-west-1"], "prices.json has no prices of eu-west-1, only of us-east-1"),
        (["nowhere"], "nowhere/model.toml is not there: name the folder of a model"),
    ],
)
def test_what_has_no_price_or_model_is_said(run: Any, words: list[str], said: str) -> None:
    code, shown, error = run(*words)
    assert (code, shown) == (2, "")
    assert said in error
