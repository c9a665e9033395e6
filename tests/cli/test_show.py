"""What is shown is what was said."""

import pytest

from everloop_cli import show


def test_a_table_shows_sections_in_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    show.table("Decisions", ("reason",), [("[retrain] lets data train",)])
    assert "[retrain] lets data train" in capsys.readouterr().out
