"""What is shown is what was said."""

import pytest
from rich.console import Console

from everloop_cli import show


def test_a_table_shows_sections_in_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    show.table("Decisions", ("reason",), [("[retrain] lets data train",)])
    assert "[retrain] lets data train" in capsys.readouterr().out


@pytest.mark.parametrize("console", [show.out, show.err])
def test_a_line_is_printed_as_it_is(console: Console, capsys: pytest.CaptureFixture[str]) -> None:
    said = "no training: [retrain] on lacks data, [/x] says :ok: who wrote arn:aws:key:x"
    console.print(said)
    shown = capsys.readouterr()
    assert shown.out + shown.err == f"{said}\n"
