"""Reasons for one prediction: asked of the endpoint that gives it, against a usual row.

The usual row is the median of each number and the most usual word of each text, by the statistics
of what the version was trained on: nobody's row. The answer's numbers are read as the tests of a
release read them.
"""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from everloop.aws import endpoints, ledger, storage
from everloop.aws.endpoints import EXPLAINS, EXPLAINS_ACCEPT
from everloop.decisions.answer_lines import lines_of
from everloop.decisions.seals import uri
from everloop.errors import BadInput
from everloop.spec.metrics import sends_some, targets
from everloop.spec.personal import personal, scripts
from everloop_cli import asking, shapley
from everloop_cli.shapley import Coalition, Parts, TooMany
from everloop_cli.trouble import Trouble

_FEW: Final = 10  # rows: a word that fewer people have may name one of them
_OF_SEVERAL: Final = "score:"
_LABEL: Final = "label"
_HEAD_BYTES: Final = 100_000


@dataclass(frozen=True)
class Reason:
    """What one column adds to the usual answer; `error` is a standard error, 0 where exact."""

    column: str
    value: str
    usual: str
    part: float
    error: float | None


@dataclass(frozen=True)
class Reasons:
    """Why a version answered a row; the parts sum to `answer` minus `base`.

    `held` are columns of which there is no usual value, or a personal one, `unknown` those that it
    was not trained on: both are sent as they are.
    """

    model: str
    version: int
    output: str
    base: float
    answer: float
    reasons: tuple[Reason, ...]
    held: tuple[str, ...]
    unknown: tuple[str, ...]
    rows: int
    calls: int
    exact: bool

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def explained(
    model: str, row: Mapping[str, str], version: int | None, output: str | None, most: int
) -> Reasons:
    """Ask the endpoint why it answers a row. Raises Trouble where it cannot say."""
    spec = ledger.installed(model).spec
    if not _answers_rows(spec):
        raise Trouble(
            f"{model!r} has problem = {spec['problem']!r}, whose answers are not of single rows of "
            "a table: its columns cannot be told apart"
        )
    number = asking.serving_version(model, version)
    seal = ledger.seal(model, number)
    if seal is None:
        raise Trouble(f"version {number} of {model!r} was never sealed: train it again")
    features = _statistics(seal.metadata, seal.package_arn)
    asked = _Asked(model, number, row, spec, seal.metadata, seal.package_arn, output)
    hidden = personal(spec)
    usual = {
        name: value
        for name, each in features.items()
        if name not in hidden and (value := _usual(each)) is not None
    }
    known = [name for name in asked.columns if name in features]
    moved = [name for name in known if name in usual and not _same(row[name], usual[name])]
    asked.usual = {name: usual[name] for name in moved}
    try:
        parts = shapley.parts(moved, asked.answers, most)
    except TooMany as error:
        raise Trouble(f"{error}: give --rows {2 * len(moved)}") from error
    return Reasons(
        model=model,
        version=number,
        output=asked.output,
        base=parts.base,
        answer=parts.answer,
        reasons=tuple(_sorted(parts, row, usual)),
        held=tuple(name for name in known if name not in usual),
        unknown=tuple(name for name in asked.columns if name not in features),
        rows=parts.rows,
        calls=asked.calls,
        exact=parts.exact,
    )


def read_row(text: str, number: int | None) -> dict[str, str]:
    """Return a row of a CSV text with a header, the first is 1. Raises Trouble."""
    head, rows = asking.table(text)
    if number is None and len(rows) > 1:
        raise Trouble(f"it has {len(rows)} rows; say which: --row N, the first is 1")
    at = (number or 1) - 1
    if not 0 <= at < len(rows):
        raise Trouble(f"--row {number}: it has {len(rows)} rows, the first is 1")
    return dict(zip(head, rows[at], strict=True))


def _answers_rows(spec: Mapping[str, Any]) -> bool:
    """Whether an answer is that of one row of a table: not of a series, nor of what is free."""
    problem = spec["problem"]
    return targets(problem) != "free" and not sends_some(problem)


def _statistics(metadata: Mapping[str, str], arn: str) -> dict[str, Mapping[str, Any]]:
    try:
        place = f"{uri(metadata, 'baseline-uri', arn).rstrip('/')}/statistics.json"
        found = storage.read_json(place)["features"]
        return {str(each["name"]): each for each in found}
    except (BadInput, KeyError, TypeError) as error:
        raise Trouble(f"the version has no statistics of its training data: {error}") from error


def _usual(feature: Mapping[str, Any]) -> str | None:
    """Return the median of a number, or the most usual word; None where nothing is usual.

    A word that only few rows have is nothing usual: it may be somebody's name.
    """
    numbers = feature.get("numerical_statistics") or {}
    try:
        drawn = numbers["distribution"]["kll"]["sketch"]["data"][0]
        median = sorted(drawn)[len(drawn) // 2]
        whole = feature.get("inferred_type") == "Integral" and float(median).is_integer()
        return str(int(median)) if whole else repr(float(median))
    except (KeyError, IndexError, TypeError):
        pass
    words = feature.get("string_statistics") or {}
    buckets = (words.get("distribution") or {}).get("categorical", {}).get("buckets") or []
    most = max(buckets, key=lambda each: int(each["count"]), default=None)
    return str(most["value"]) if most is not None and int(most["count"]) >= _FEW else None


def _sorted(parts: Parts, row: Mapping[str, str], usual: Mapping[str, str]) -> Iterator[Reason]:
    for name, part in sorted(parts.values.items(), key=lambda each: -abs(each[1])):
        yield Reason(name, row[name], usual[name], part, parts.errors[name])


class _Asked:
    """Rows as the endpoint takes them, and what of its answers is explained."""

    def __init__(
        self,
        model: str,
        version: int,
        row: Mapping[str, str],
        spec: Mapping[str, Any],
        metadata: Mapping[str, str],
        arn: str,
        output: str | None,
    ) -> None:
        self.model, self.version, self.row = model, version, row
        # Where code of ours captures, it is told not to; others' code may know no such word.
        self._accept = EXPLAINS_ACCEPT if scripts(spec) else "text/csv"
        self.bare = bool(spec["train"].get("algorithm"))
        self.classes = tuple(map(str, spec["data"].get("classes") or ()))
        self.usual: Mapping[str, str] = {}
        self.calls = 0
        self.output = output or ""
        self._names: list[str] | None = None
        self._place = f"{uri(metadata, 'predictions-uri', arn)}"
        out = {spec["data"]["target"], spec["data"].get("key")}
        self.columns = [name for name in row if name not in out]
        if self.bare:
            self.columns = self._features(metadata, arn)

    def answers(self, coalitions: Sequence[Coalition]) -> list[float]:
        """Return one number for each coalition."""
        lines = [self._line(coalition) for coalition in coalitions]
        found: list[list[str]] = []
        for part in asking.requests(lines):
            found += self._call(part)
        own = found[max(range(len(coalitions)), key=lambda at: len(coalitions[at]))]
        if not self.output:
            self.output = self._chosen(own)
        return [self._number(fields) for fields in found]

    def _features(self, metadata: Mapping[str, str], arn: str) -> list[str]:
        names = asking.features_of(metadata, arn) or self.columns
        lost = [name for name in names if name not in self.row]
        if lost:
            raise Trouble(f"the row has no column {lost[0]!r}, which the model was trained on")
        return names

    def _line(self, coalition: Coalition) -> bytes:
        cells = [
            self.row[name] if name in coalition or name not in self.usual else self.usual[name]
            for name in self.columns
        ]
        return asking.csv_line(cells)

    def _call(self, lines: Sequence[bytes]) -> list[list[str]]:
        body = b"".join([*([] if self.bare else [asking.csv_line(self.columns)]), *lines])
        self.calls += 1
        status, text, _ = endpoints.invoke(
            self.model, body, "text/csv", inference_id=EXPLAINS, accept=self._accept
        )
        if status != 200:
            raise Trouble(
                f"version {self.version} cannot answer the row, or one with a column at its usual "
                f"value: {status}, {text[:300]}"
            )
        answered = lines_of(text, bare=self.bare, classes=self.classes)
        fields = list(csv.reader(answered))
        if len(fields) == len(lines) + 1:
            self._names = [name.removeprefix(_OF_SEVERAL).strip() for name in fields.pop(0)]
        if len(fields) != len(lines):
            raise Trouble(f"{len(lines)} rows in, {len(fields)} lines out: no answer for each row")
        return fields

    def _chosen(self, fields: Sequence[str]) -> str:
        """Return what of an answer is explained: the number there is, or that of its class."""
        if len(fields) == 1:
            return "answer" if _is_number(fields[0]) else fields[0]
        names = self.names(fields)
        label = fields[names.index(_LABEL)] if _LABEL in names else ""
        if label in names:
            return label
        if not self.classes:
            return names[0]
        numbers = {
            name: float(each)
            for name, each in zip(names, fields, strict=True)
            if name != _LABEL and _is_number(each)
        }
        return max(numbers, key=lambda name: numbers[name], default=names[0])

    def names(self, fields: Sequence[str]) -> list[str]:
        """Return the names of an answer's fields: as it says, or as the evaluation has them."""
        if self._names is None:
            head = storage.read_range(_table(self._place), _HEAD_BYTES).split(b"\n")[0].decode()
            several = [
                name.removeprefix(_OF_SEVERAL)
                for name in next(csv.reader([head]), [])
                if name.startswith(_OF_SEVERAL)
            ]
            if len(several) == len(fields) - 1:
                words = [at for at, each in enumerate(fields) if not _is_number(each)]
                several.insert(words[0] if words else 0, _LABEL)
            fits = len(several) == len(fields)
            self._names = several if fits else [str(at) for at in range(len(fields))]
        return self._names

    def _number(self, fields: Sequence[str]) -> float:
        if len(fields) == 1:
            if _is_number(fields[0]):
                return float(fields[0])
            return 1.0 if fields[0] == self.output else 0.0  # a label alone
        names = self.names(fields)
        if self.output not in names:
            raise Trouble(f"--output {self.output!r}: the answer has {', '.join(names)}")
        field = fields[names.index(self.output)]
        if not _is_number(field):
            raise Trouble(f"{self.output!r} of the answer is {field[:40]!r}, which is no number")
        return float(field)


def _table(place: str) -> str:
    return place if place.endswith(".csv") else f"{place.rstrip('/')}/predictions.csv"


def _same(one: str, other: str) -> bool:
    """Whether two cells say the same: 1 and 1.0 do."""
    numbers = _is_number(one) and _is_number(other)
    return float(one) == float(other) if numbers else one.strip() == other.strip()


def _is_number(field: str) -> bool:
    try:
        return math.isfinite(float(field))
    except ValueError:
        return False
