"""Answers of containers, a line for each row."""

import pytest

from everloop.decisions.answer_lines import lines_of


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("0.1,0.9\n", ["0.1", "0.9"]),
        ("[0.1, 0.9],[0.2, 0.8]\n", ["0.1,0.9", "0.2,0.8"]),
        ("0.1\n0.9\n", ["0.1", "0.9"]),
        ('{"predictions": [{"score": 0.4, "predicted_label": 0}, {"score": 1}]}', ["0.4", "1"]),
        ('{"predictions": [{"score": [0.1, 0.9], "predicted_label": 1}]}', ["0.1,0.9"]),
        ('{"score": 0.4}\n{"score": 0.5}\n', ["0.4", "0.5"]),
        ('{"predictions": [\n{"predicted_label": 1.0}]}', ["b"]),
        ('{"predicted_label": 7.0}', ["7.0"]),
        ('{"predictions": [1.5, 2]}', ["1.5", "2"]),
        ('{"broken"', ['{"broken"']),
    ],
)
def test_a_built_in_algorithms_answer_is_a_line_for_each_row(text: str, lines: list[str]) -> None:
    assert lines_of(text, bare=True, classes=("a", "b")) == lines


def test_a_scripts_answer_is_taken_as_it_wrote_it() -> None:
    assert lines_of('{"score": 1}\n\n2\n', bare=False) == ['{"score": 1}', "2"]
