"""Metric data queries, as GetMetricData and alarms have them: statistics, math, and searches."""

from typing import Any

from everloop_localcloud.cloudwatch import searches
from everloop_localcloud.cloudwatch.data import invalid
from everloop_localcloud.cloudwatch.expressions import Series, evaluate, names, parsed
from everloop_localcloud.cloudwatch.metrics import Metric, Metrics, check_statistic

Query = dict[str, Any]


def check(queries: list[Query]) -> None:
    """Refuse queries that this cloud cannot compute. Raises AwsError."""
    ids = [query["Id"] for query in queries]
    if len(set(ids)) != len(ids):
        raise invalid("The values for parameter Id in MetricDataQueries are not unique.")
    for query in queries:
        if ("MetricStat" in query) == bool(query.get("Expression")):
            raise invalid(f"Query {query['Id']} must have either MetricStat or Expression.")
        if query.get("AccountId"):
            raise invalid(f"Query {query['Id']}: this cloud has one account; leave AccountId out.")
        if "MetricStat" in query:
            check_statistic(query["MetricStat"]["Stat"])
            check_period(query["MetricStat"]["Period"])
        elif searches_metrics(query):
            period = searches.parsed(query["Expression"]).period or query.get("Period")
            if not period:
                raise invalid(f"Query {query['Id']}: a search needs a Period.")
            check_period(period)
        else:
            plain = {one["Id"] for one in queries if not searches_metrics(one)}
            unknown = names(parsed(query["Expression"])) - plain
            if unknown:
                raise invalid(
                    f"Error in expression of {query['Id']}: no query that it can read has the Id "
                    f"{sorted(unknown)}."
                )


def check_period(period: int) -> None:
    if period not in (1, 5, 10, 20, 30) and (period < 60 or period % 60):
        raise invalid(f"Period is {period}; it must be 1, 5, 10, 20, 30 or a multiple of 60.")


def period_of(query: Query, queries: list[Query]) -> int:
    """Return the period of a query; math has that of the metrics it reads."""
    if "MetricStat" in query:
        return int(query["MetricStat"]["Period"])
    if query.get("Period"):
        return int(query["Period"])
    return max(
        (int(one["MetricStat"]["Period"]) for one in queries if "MetricStat" in one), default=60
    )


def metric_of(query: Query) -> Metric:
    named = query["MetricStat"]["Metric"]
    return Metric.of(named["Namespace"], named["MetricName"], named.get("Dimensions") or [])


def search(metrics: Metrics, query: Query, start: float, end: float) -> list[tuple[str, Series]]:
    """Return the series of a query that is a search, each with its label."""
    asked = searches.parsed(query["Expression"])
    # A query's period is used instead of the one within the search.
    period = int(query.get("Period") or asked.period or 0)
    recent = end - searches.FOUND_FOR
    fitting = [
        metric
        for metric in metrics.known()
        if asked.fits(metric) and metrics.newest(metric) >= recent
    ][: searches.MOST_SERIES]
    found = []
    for metric, label in zip(fitting, searches.labels(fitting), strict=True):
        samples = metrics.periods(metric, start, end, period, None)
        points = {at: sample.statistic(asked.statistic) for at, sample in samples.items()}
        found.append((label, {at: value for at, value in points.items() if value is not None}))
    return found


def run(metrics: Metrics, queries: list[Query], start: float, end: float) -> dict[str, Series]:
    """Compute every query over the periods that begin within [start, end)."""
    known: dict[str, Series] = {}
    # A search gives several series, which no other query can read.
    waiting = [query for query in queries if not searches_metrics(query)]
    while waiting:
        for query in list(waiting):
            if "MetricStat" in query:
                known[query["Id"]] = _statistic(metrics, query, start, end)
            else:
                tree = parsed(query["Expression"])
                if names(tree) & {one["Id"] for one in waiting if one is not query}:
                    continue
                period = period_of(query, queries)
                first = -(-int(start) // period) * period
                times = list(range(first, int(end) + (1 if end % 1 else 0), period))
                read = {key: value for key, value in known.items() if _is_metric(key, queries)}
                wanted = {**read, **{name: known[name] for name in names(tree) if name in known}}
                value = evaluate(tree, wanted, times)
                if isinstance(value, list):
                    raise invalid(f"Query {query['Id']} gives several series; aggregate them.")
                known[query["Id"]] = (
                    value if isinstance(value, dict) else {at: value for at in times}
                )
            waiting.remove(query)
            break
        else:
            raise invalid(f"The expressions {[one['Id'] for one in waiting]} read one another.")
    return known


def searches_metrics(query: Query) -> bool:
    """Whether a query is a search, which gives several series."""
    return searches.is_search(query.get("Expression") or "")


def _is_metric(key: str, queries: list[Query]) -> bool:
    return any(one["Id"] == key and "MetricStat" in one for one in queries)


def _statistic(metrics: Metrics, query: Query, start: float, end: float) -> Series:
    asked = query["MetricStat"]
    samples = metrics.periods(metric_of(query), start, end, int(asked["Period"]), asked.get("Unit"))
    found = {at: sample.statistic(asked["Stat"]) for at, sample in samples.items()}
    return {at: value for at, value in found.items() if value is not None}
