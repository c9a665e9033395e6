"""Ranking: a score for each row, by which the rows of a query are put in order.

The target says how relevant a row is: 0 is not, more is better. What is measured is measured within
each query, and queries count alike; the bootstrap draws queries.
"""

from typing import ClassVar

import numpy as np
import pandas as pd

import charts
import row_names
from metrics import LEAST_UNITS, Array, Metric, Units, ratio
from problems import SHARE
from problems._numbers import Numbers
from problems._queries import Queries

ORDER = 5
_AT = (1, 3, 5, 10, 20)


class Ranking(Numbers):
    measures: ClassVar = {
        "ndcg_at_10": SHARE,
        "ndcg": SHARE,
        **{f"ndcg_at_{k}": SHARE for k in _AT if k != 10},
        "map": SHARE,
        "mrr": SHARE,
        **{f"recall_at_{k}": SHARE for k in _AT},
        **{f"precision_at_{k}": SHARE for k in _AT},
    }
    targets = "numbers"
    rule = "numbers from 0, the relevance of a row"
    score_rule = "finite numbers"
    section = "rank"
    named_by = ("rank.query", "data.key")
    kept_whole = "rank.query"
    split_by = ("group", "time")

    def target_of(self, column: pd.Series) -> Array:
        values: Array = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
        return np.where(np.isfinite(values) & (values >= 0), values, np.nan)

    def belongs(self, score: Array) -> Array:
        return np.ones(score.shape, dtype=bool)

    def _queries(self, rows: int) -> tuple[Units, list[str]]:
        """Return of which query each row is; all of one where rows have no names."""
        if not self.keys:
            return np.zeros(rows, dtype=np.int64), [""]
        codes, names = pd.factorize(pd.Series(row_names.first_parts(self.keys)))
        return codes.astype(np.int64), [row_names.parts(name)[0] for name in names]

    def units(self) -> Units | None:
        """Return queries: the rows of one depend on each other."""
        return self._queries(len(self.keys))[0] if self.keys else None

    def standard(self, target: Array, score: Array) -> dict[str, Metric]:
        queries = Queries(target, score[:, 0], self._queries(len(target))[0])
        made = {"ndcg": queries.ndcg(None), "map": queries.average_precision()}
        made["mrr"] = queries.reciprocal_rank()
        for k in _AT:
            made[f"ndcg_at_{k}"] = queries.ndcg(k)
            made[f"recall_at_{k}"] = queries.recall(k)
            made[f"precision_at_{k}"] = queries.precision(k)

        def mean(values: Array) -> Metric:
            # Queries without a relevant row say nothing of an order, and are left out.
            known = np.isfinite(values)
            kept = np.where(known, values, 0.0)

            def of(weight: Array) -> float:
                drawn = queries.weights(weight) * known
                return ratio(drawn * kept, drawn)

            return of

        return {name: mean(made[name]) for name in self.measures}

    def loss(self, target: Array, score: Array) -> Array:
        """Return for each row what its query lacks of a perfect order."""
        codes = self._queries(len(target))[0]
        lacks: Array = 1 - np.nan_to_num(Queries(target, score[:, 0], codes).ndcg(None), nan=1.0)
        return lacks[codes]

    def notes(self) -> list[str]:
        if not self.keys:
            return []
        codes, names = self._queries(len(self.keys))
        each = len(codes) / len(names)
        told = f"{len(names)} queries of {each:.1f} rows each; they are drawn whole."
        few = f" Intervals are not known of fewer than {LEAST_UNITS}."
        return [told + few if len(names) < LEAST_UNITS else told]

    def pictures(self, target: Array, score: Array) -> list[str]:
        codes, _ = self._queries(len(target))
        queries = Queries(target, score[:, 0], codes)
        seen = queries.ndcg(None)
        seen = seen[np.isfinite(seen)]
        places = np.arange(1, int(min(20, np.bincount(codes).max())) + 1)
        by_place = np.array([queries.relevant_at(int(place)) for place in places])
        ends = [f"place {places[0]}", f"place {places[-1]}"]
        return [
            "<h2>NDCG of queries</h2>",
            charts.densities([("queries", seen, "main")], "NDCG"),
            "<h2>Share of relevant rows by place</h2>",
            charts.lines("share", [("relevant", by_place, "main")], ends),
        ]

    def pictures_of_both(self, target: Array, candidate: Array, champion: Array) -> list[str]:
        codes, _ = self._queries(len(target))
        sides = (("candidate", candidate, "main"), ("champion", champion, "other"))
        both = []
        for name, score, tone in sides:
            seen = Queries(target, score[:, 0], codes).ndcg(None)
            both.append((name, seen[np.isfinite(seen)], tone))
        return [
            "<h2>NDCG of queries</h2>",
            charts.densities(both, "NDCG"),
            *super().pictures_of_both(target, candidate, champion),
        ]


KIND = Ranking
