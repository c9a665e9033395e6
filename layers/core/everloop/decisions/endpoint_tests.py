"""Tests of an endpoint before it may replace production: what was sent, answered and expected."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from everloop.decisions.releases import Serving
from everloop.errors import BadInput

csv.field_size_limit(2**31 - 1)  # a field may be as long as training and evaluation take it


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    milliseconds: float


@dataclass(frozen=True)
class Test:
    """A test's name, its outcome, and why, with the numbers."""

    __test__ = False  # pytest: this is no test of ours

    name: str
    passed: bool
    reason: str

    def facts(self) -> dict[str, Any]:
        return {"test": self.name, "passed": self.passed, "reason": self.reason}


@dataclass(frozen=True)
class Golden:
    """Rows of the holdout as a client would send them, and the scores the model gave offline."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    scores: tuple[float, ...]

    def body(self, row: int | None = None) -> bytes:
        """Return the rows (or one of them) as CSV with a header."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows(self.rows if row is None else [self.rows[row]])
        return text.getvalue().encode()

    def sample(self, calls: int) -> list[int]:
        """Return which row each of some calls sends."""
        return [call % len(self.rows) for call in range(calls)]


def golden_rows(
    holdout: bytes, predictions: bytes, *, without: tuple[str, ...], most: int
) -> Golden:
    """Join the holdout's first rows with their offline scores.

    Both may be cut in the middle of a line. Raises BadInput where they do not fit together.
    """
    table = _whole_rows(holdout, "holdout data.csv")
    scored = _whole_rows(predictions, "predictions.csv")
    header = table[0]
    names = scored[0]
    for column in ("row", "score"):
        if column not in names:
            raise BadInput(f"predictions.csv: no column {column!r} among {names}")
    at_row, at_score = names.index("row"), names.index("score")
    kept = [index for index, name in enumerate(header) if name not in without]
    rows: list[tuple[str, ...]] = []
    scores: list[float] = []
    for number, line in enumerate(scored[1:], 1):
        try:
            row, score = int(line[at_row]), float(line[at_score])
            cells = table[row + 1] if 0 <= row < len(table) - 1 else None
            if cells is not None and len(rows) < most:
                rows.append(tuple(cells[index] for index in kept))
                scores.append(score)
        except (ValueError, IndexError) as error:
            raise BadInput(
                f"predictions.csv: line {number} is {str(line)[:80]}; the position of a row in the "
                "holdout, of as many fields as its header, and its score belong there"
            ) from error
    if not rows:
        raise BadInput("predictions.csv: no row of it is in the holdout; nothing to test with")
    return Golden(tuple(header[index] for index in kept), tuple(rows), tuple(scores))


def serves(serving: Serving | None, config: str) -> Test:
    """The endpoint is in service, with the requested config."""
    if serving is None:
        return Test("serves", False, "the endpoint is not there")
    passed = serving.status == "InService" and serving.config == config
    state = f"the endpoint is {serving.status} with {serving.config}"
    why = f": {serving.failure_reason}" if serving.failure_reason else ""
    return Test("serves", passed, state + why)


def refuses_nonsense(answer: Answer) -> Test:
    """A content type that no model speaks is refused, and never answered with scores.

    AWS's serving toolkit makes a 500 of what a handler raises, so any error counts as a refusal.
    """
    passed = answer.status >= 400
    return Test(
        "contract",
        passed,
        f"an unknown content type is answered with {answer.status}"
        + ("" if passed else "; an error belongs there"),
    )


def predicts_golden(answer: Answer, golden: Golden, tolerance: float) -> Test:
    """The endpoint gives each row the score that the model gave it offline."""
    name = "golden predictions"
    if answer.status != 200:
        return Test(
            name,
            False,
            f"{len(golden.rows)} rows are answered with {answer.status}: {answer.text[:300]}",
        )
    lines = [line for line in answer.text.splitlines() if line.strip()]
    if len(lines) != len(golden.rows):
        return Test(name, False, f"{len(golden.rows)} rows in, {len(lines)} lines out")
    worst, at = 0.0, 0
    for index, (line, expected) in enumerate(zip(lines, golden.scores, strict=True)):
        try:
            difference = abs(float(line.split(",")[0]) - expected)
        except ValueError:
            return Test(name, False, f"line {index + 1} is {line[:80]!r}; a number belongs there")
        if not difference <= worst:  # NaN is worse than anything
            worst, at = difference, index
            if difference != difference:
                break
    passed = worst <= tolerance
    return Test(
        name,
        passed,
        f"{len(lines)} scores differ from the offline ones by at most {worst:.2g}"
        + ("" if passed else f" (row {at}); {tolerance:.2g} is allowed"),
    )


def answers_in_time(answers: Sequence[Answer], most_ms: float | None) -> Test:
    """The slowest of twenty calls but one is fast enough."""
    durations = sorted(answer.milliseconds for answer in answers)
    p95 = durations[min(len(durations) - 1, -(-95 * len(durations) // 100) - 1)]
    failed = [answer.status for answer in answers if answer.status != 200]
    if failed:
        return Test("latency", False, f"{len(failed)} of {len(answers)} calls failed ({failed[0]})")
    speed = f"p95 {p95:.0f} ms over {len(answers)} calls"
    if most_ms is None:
        return Test("latency", True, speed)
    passed = p95 <= most_ms
    return Test("latency", passed, speed + ("" if passed else f"; {most_ms:.0f} ms are allowed"))


def _whole_rows(data: bytes, name: str) -> list[list[str]]:
    text = data.decode("utf-8", "replace")
    whole = text[: text.rfind("\n") + 1] or text
    while whole.count('"') % 2:  # a line break inside quotes ends no row
        whole = whole[: whole.rfind("\n", 0, -1) + 1]
    try:
        rows = [row for row in csv.reader(io.StringIO(whole, newline="")) if row]
    except csv.Error as error:
        raise BadInput(f"{name} is no CSV: {error}") from error
    if len(rows) < 2:
        raise BadInput(f"{name}: no rows in it")
    return rows
