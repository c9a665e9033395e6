"""SEARCH, as GetMetricData and dashboards have it: the metrics that fit, each a series of its own.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
"""

import re
from dataclasses import dataclass

from everloop_localcloud.cloudwatch.data import invalid
from everloop_localcloud.cloudwatch.metrics import Metric, check_statistic

MOST_SERIES = 500  # of one search
FOUND_FOR = 14 * 86400  # seconds: a search finds what reported within two weeks
_WHOLE = re.compile(r"SEARCH\(\s*'([^']*)'\s*,\s*'([^']*)'\s*(?:,\s*(\d+)\s*)?\)")
_SCHEMA = re.compile(r"\s*\{([^{}]*)\}")
_NAME = re.compile(r'\s*(?:"([^"]+)"|([^\s",]+))\s*')
_TERM = re.compile(r'(?:([\w:./-]+)\s*=\s*)?(?:"([^"]*)"|([^\s"=(){}]+))')
# Partial matches compare words: runs of letters of one case, or of digits.
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True)
class Term:
    """`of` names where the value is looked for: a dimension, MetricName, Namespace; empty: all."""

    of: str
    value: str
    exact: bool

    def fits(self, metric: Metric) -> bool:
        places = {"MetricName": metric.name, "Namespace": metric.namespace}
        places |= dict(metric.dimensions)
        texts = [places.get(self.of, "")] if self.of else [*places.values(), *places]
        if self.exact:
            return self.value in texts
        wanted = _words(self.value)
        return any(wanted <= _words(text) for text in texts)


@dataclass(frozen=True)
class Search:
    schema: tuple[str, frozenset[str]] | None  # namespace, and names of exactly these dimensions
    terms: tuple[Term, ...]
    statistic: str
    period: int | None

    def fits(self, metric: Metric) -> bool:
        if self.schema is not None:
            names = frozenset(name for name, _ in metric.dimensions)
            if (metric.namespace, names) != self.schema:
                return False
        return all(term.fits(metric) for term in self.terms)


def is_search(expression: str) -> bool:
    return "SEARCH(" in expression


def parsed(expression: str) -> Search:
    """Parse an expression that is one search. Raises AwsError naming what this cloud cannot do."""
    whole = _WHOLE.fullmatch(expression.strip())
    if whole is None:
        raise invalid(
            f"Error in expression {expression!r}: this cloud has SEARCH('terms', 'statistic') or "
            "SEARCH('terms', 'statistic', period) alone, and not within other functions."
        )
    text, statistic, period = whole.groups()
    schema = None
    if found := _SCHEMA.match(text):
        names = [plain or quoted for quoted, plain in _NAME.findall(found[1])]
        if not names:
            raise invalid(f"Error in expression {expression!r}: the schema names no namespace.")
        schema = (names[0], frozenset(names[1:]))
        text = text[found.end() :]
    terms = _terms(text, expression)
    if schema is None and not terms:
        raise invalid(f"Error in expression {expression!r}: it has neither a schema nor a term.")
    return Search(schema, terms, check_statistic(statistic), int(period) if period else None)


def _terms(text: str, expression: str) -> tuple[Term, ...]:
    terms, rest = [], text.strip()
    while rest:
        found = _TERM.match(rest)
        if found is None or found[0] in ("OR", "NOT"):
            raise invalid(
                f"Error in expression {expression!r}: {rest!r} is no term here; this cloud's terms "
                "are joined by AND, without OR, NOT and brackets."
            )
        if found[0] != "AND":
            of, quoted, plain = found.groups()
            terms.append(Term(of or "", plain if quoted is None else quoted, quoted is not None))
        rest = rest[found.end() :].lstrip()
    return tuple(terms)


def labels(found: list[Metric]) -> list[str]:
    """Name each series by what sets it apart: values of dimensions, and names if they differ."""
    names = {metric.name for metric in found}
    same = set.intersection(*(set(metric.dimensions) for metric in found)) if found else set()
    told = []
    for metric in found:
        own = [value for pair in metric.dimensions if pair not in same for value in pair[1:]]
        shown = ([metric.name] if len(names) > 1 or not own else []) + own
        told.append(" ".join(shown))
    return told


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORDS.findall(text)}
