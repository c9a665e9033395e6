"""Tests of an endpoint before it may replace production: what was sent, answered and expected."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from everloop.decisions.answer_lines import lines_of
from everloop.decisions.releases import Serving
from everloop.errors import BadInput

_OF_SEVERAL = "score:"  # how columns begin that hold one of several numbers for a row
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
class Scored:
    """What was answered for a row: numbers, a label, or both."""

    numbers: tuple[float, ...]
    label: str = ""


@dataclass(frozen=True)
class Golden:
    """Rows of the holdout as a client would send them, and the answers the model gave offline."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    answers: tuple[Scored, ...]
    names: tuple[str, ...] = ()  # of the numbers of an answer, where there are several
    classes: tuple[str, ...] = ()  # by the numbers that a built-in algorithm gives labels
    bare: bool = False  # sent without a header, as built-in algorithms take rows

    def body(self, row: int | None = None) -> bytes:
        """Return the rows (or one of them) as CSV, with a header unless they are bare."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if not self.bare:
            writer.writerow(self.header)
        writer.writerows(self.rows if row is None else [self.rows[row]])
        return text.getvalue().encode()

    def sample(self, calls: int) -> list[int]:
        """Return which row each of some calls sends."""
        return [call % len(self.rows) for call in range(calls)]


def golden_rows(
    holdout: bytes,
    predictions: bytes,
    *,
    without: tuple[str, ...],
    most: int,
    only: tuple[str, ...] | None = None,
    classes: tuple[str, ...] = (),
    bare: bool = False,
) -> Golden:
    """Join the holdout's first rows with their offline scores.

    `only` are the columns that the model is sent, in its order; `bare` is without their names, as
    built-in algorithms take rows.

    Both may be cut in the middle of a line. Raises BadInput where they do not fit together.
    """
    table = _whole_rows(holdout, "holdout data.csv")
    scored = _whole_rows(predictions, "predictions.csv")
    header = table[0]
    names = scored[0]
    columns = [name for name in names if name == "score" or name.startswith(_OF_SEVERAL)]
    if "row" not in names or not (columns or {"label", "loss"} & {*names}):
        lacks = "score" if "row" in names else "row"
        raise BadInput(f"predictions.csv: no column {lacks!r} among {names}")
    at_row, at_scores = names.index("row"), [names.index(name) for name in columns]
    at_label = names.index("label") if "label" in names else None
    kept = [index for index, name in enumerate(header) if name not in without]
    if only is not None:
        lost = [name for name in only if name not in header]
        if lost:
            raise BadInput(
                f"holdout data.csv: no column {lost[0]!r}, which the model was trained on"
            )
        kept = [header.index(name) for name in only]
    rows: list[tuple[str, ...]] = []
    answers: list[Scored] = []
    for number, line in enumerate(scored[1:], 1):
        try:
            row, numbers = int(line[at_row]), tuple(float(line[at]) for at in at_scores)
            label = "" if at_label is None else line[at_label]
            cells = table[row + 1] if 0 <= row < len(table) - 1 else None
            if cells is not None and len(rows) < most:
                rows.append(tuple(cells[index] for index in kept))
                answers.append(Scored(numbers, label))
        except (ValueError, IndexError) as error:
            raise BadInput(
                f"predictions.csv: line {number} is {str(line)[:80]}; the position of a row in the "
                "holdout, of as many fields as its header, and its score belong there"
            ) from error
    if not rows:
        raise BadInput("predictions.csv: no row of it is in the holdout; nothing to test with")
    several = tuple(name.removeprefix(_OF_SEVERAL) for name in columns if name != "score")
    sent = tuple(header[index] for index in kept)
    return Golden(sent, tuple(rows), tuple(answers), several, classes, bare)


def serves(serving: Serving | None, config: str) -> Test:
    """The endpoint is in service, with the requested config."""
    if serving is None:
        return Test("serves", False, "the endpoint is not there")
    passed = serving.status == "InService" and serving.config == config
    state = f"the endpoint is {serving.status} with {serving.config}"
    why = f": {serving.failure_reason}" if serving.failure_reason else ""
    return Test("serves", passed, state + why)


def image(serving: Serving | None) -> dict[str, str]:
    """Return the image that was tested and its digest; a tag may be moved to another image."""
    named = serving.image if serving else ""
    digest = named.partition("@")[2]
    return {"image": named, "image_digest": digest or "tag only"} if named else {}


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
    if not any(each.numbers or each.label for each in golden.answers):
        return Test(name, True, "offline there are losses alone, and no answers to compare with")
    lines, order = _ordered(lines_of(answer.text, bare=golden.bare, classes=golden.classes), golden)
    if len(lines) != len(golden.rows):
        return Test(name, False, f"{len(golden.rows)} rows in, {len(lines)} lines out")
    worst, at = 0.0, 0
    for index, (line, expected) in enumerate(zip(lines, golden.answers, strict=True)):
        try:
            difference = _difference(line, expected, order)
        except ValueError as error:
            return Test(name, False, f"line {index + 1} is {line[:80]!r}; {error} belongs there")
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


def _ordered(lines: list[str], golden: Golden) -> tuple[list[str], list[int]]:
    """Return the lines of rows, and where in each the offline numbers stand, by their order.

    A first line that names the numbers is a header. `label` may stand there as well.
    """
    count = len(golden.names)
    if len(lines) == len(golden.rows) + 1:
        head = [name.removeprefix(_OF_SEVERAL).strip() for name in next(csv.reader(lines[:1]))]
        named = [name for name in head if name.lower() != "label"]
        if count and sorted(named) == sorted(golden.names):
            return lines[1:], [named.index(name) for name in golden.names]
    return lines, list(range(count))


def _difference(line: str, expected: Scored, order: Sequence[int]) -> float:
    """Return by how much an answer differs. Raises ValueError, with what belongs there."""
    fields = next(csv.reader([line]), [])
    if not order and expected.numbers:
        return abs(_number(fields[0] if fields else "") - expected.numbers[0])
    label = [each for each in fields if not expected.numbers or not _is_number(each)][:1]
    if len(fields) == len(order) + 1:
        label = label or fields[:1]  # of classes that are numbers
    at = fields.index(label[0]) if label else -1
    numbers = [field for index, field in enumerate(fields) if index != at]
    if len(numbers) != len(order):
        raise ValueError(f"{len(order)} numbers" if order else "a label")
    if label and expected.label and _plain(label[0]) != _plain(expected.label):
        raise ValueError(f"the label {expected.label[:40]!r}")
    pairs = zip([numbers[index] for index in order], expected.numbers, strict=True)
    differences = [abs(_number(field) - value) for field, value in pairs]
    nothing = [each for each in differences if each != each]
    return nothing[0] if nothing else max(differences, default=0.0)


def _number(field: str) -> float:
    try:
        return float(field)
    except ValueError:
        raise ValueError("a number") from None


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _plain(label: str) -> str:
    """Return a label without the fraction that a number got: 1.0 and 1 are one class."""
    text = label.strip()
    return text.removesuffix(".0") if text.endswith(".0") and text[:-2].isdigit() else text


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
