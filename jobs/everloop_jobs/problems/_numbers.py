"""What problems share whose answer for a row is a number, or several that each have a name."""

import json
import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd

import charts
import distances
import plots
from answers import scores_of
from metrics import Array
from payloads import BROKEN, csv_lines, decoded, is_json, json_values
from problems import BadAnswer, Check, Problem, moved_check, one_line_each
from problems._classes import parts_of


class Numbers(Problem):
    """A problem whose scores are numbers: one, or those that `names` names."""

    score_rule: ClassVar[str]  # what scores are, for people
    answer = "finite number"
    names: Sequence[str] = ()  # of several numbers
    main = 0  # which of them says what is expected

    def rounded(self, score: Array) -> Array:
        """Return scores without what arithmetic put beside their bounds."""
        return score

    @abstractmethod
    def belongs(self, score: Array) -> Array:
        """Return which finite numbers are scores."""

    def level(self, score: Array) -> Array | None:
        return score[:, self.main]

    def labels_of(self, column: pd.Series) -> list[Any]:
        return [None if value != value else value for value in self.target_of(column).tolist()]

    def truth_of(self, labels: Sequence[Any]) -> Array:
        return np.array(labels, dtype=float)

    def of_lines(self, lines: Sequence[str], rows: int) -> Array:
        fields = [[line] for line in lines]
        if self.names:
            fields = self._named(csv_lines("\n".join(lines)), rows)
        one_line_each([",".join(row) for row in fields], rows)
        width = len(self.names) or 1
        for row, each in enumerate(fields):
            if len(each) != width:
                of = f"{width} numbers belong there: {', '.join(self.names)}"
                raise BadAnswer(f"{len(each)} values for row {row}; {of}")
        try:
            numbers = self.rounded(np.array([[float(each) for each in row] for row in fields]))
        except ValueError as error:
            raise BadAnswer(f"something that is no number: {error}") from error
        # NaN would sort above every score and so look like the surest of all.
        fits = (np.isfinite(numbers) & self.belongs(numbers)).all(axis=1)
        if not fits.all():
            row = int(np.argmin(fits))
            raise BadAnswer(f"{','.join(fields[row])} for row {row}; scores are {self.score_rule}")
        return numbers.reshape(-1, width)

    def _named(self, fields: list[list[str]], rows: int) -> list[list[str]]:
        """Return rows in the order of the names where the first line is a header."""
        head = [name.removeprefix("score:").strip() for name in fields[0]] if fields else []
        if len(fields) != rows + 1 or sorted(head) != sorted(self.names):
            return fields
        order = [head.index(name) for name in self.names]
        return [[row[at] for at in order if at < len(row)] for row in fields[1:]]

    def of_body(self, body: bytes, content_type: str, rows: int) -> list[Any]:
        if not self.names:
            return list(scores_of(body, content_type, rows))
        text = decoded(body, content_type)
        if is_json(text, content_type):
            values = json_values(text)
            parts = parts_of(values[0] if len(values) == 1 else values, rows)
        else:
            parts = parts_of(self._named(csv_lines(text), rows), rows)
        return [self._cell(part) for part in parts]

    def _cell(self, part: Any) -> Any:
        """Return the cell of a row's numbers; NaN where they are none."""
        if isinstance(part, dict):
            named = {str(name).removeprefix("score:"): value for name, value in part.items()}
            part = [named.get(name) for name in self.names]
        try:
            numbers = [float(each) for each in part]
        except BROKEN:
            return math.nan
        if len(numbers) != len(self.names) or not all(map(math.isfinite, numbers)):
            return math.nan
        return json.dumps(numbers)

    def of_cells(self, cells: pd.Series) -> Array:
        if self.names:
            rows = [json.loads(cell) for cell in cells if isinstance(cell, str)]
            fitting = [row for row in rows if len(row) == len(self.names)]
            return np.array(fitting, dtype=float).reshape(-1, len(self.names))
        values = cells.to_numpy(dtype=float)
        return values[np.isfinite(values)][:, None]

    def checked(self, score: Array) -> Array:
        fits = (np.isfinite(score) & self.belongs(score)).all(axis=1)
        if not fits.all():
            row = int(np.argmin(fits))
            shown = ",".join(f"{each:.10g}" for each in score[row])
            raise BadAnswer(f"{shown} for row {row}; scores are {self.score_rule}")
        return score

    def columns(self, target: Array, score: Array) -> dict[str, Any]:
        if self.names:
            named = {f"score:{name}": score[:, at] for at, name in enumerate(self.names)}
            return {"target": target, **named}
        return {"target": target, "score": score[:, 0]}

    def of_columns(self, frame: pd.DataFrame) -> Array:
        columns = [f"score:{name}" for name in self.names] or ["score"]
        for name in columns:
            if name not in frame:
                raise BadAnswer(
                    f"no column {name!r}; it has row, key, target and {', '.join(columns)}"
                )
            values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float)
            if not len(values) or not np.isfinite(values).all():
                raise BadAnswer(f"{name!r} holds something that is no finite number")
        scores: Array = frame[columns].to_numpy(dtype=float)
        return scores

    def moved(self, reference: Array, now: Array, threshold: float, alpha: float) -> list[Check]:
        checks, width = [], reference.shape[1]
        for at in range(width):
            old, new = reference[:, at], now[:, at]
            distance = distances.ks_distance(old, new)
            least = max(threshold, distances.ks_noise(len(old), len(new), alpha / width))
            mean = float(new.mean()) if len(new) else float("nan")
            feature = f"score:{self.names[at]}" if self.names else "score"
            who = f"predictions of {self.names[at]}" if self.names else "predictions"
            what = f"mean {mean:.4g} against {old.mean():.4g}"
            checks.append(moved_check(feature, who, distance, least, what))
        return checks

    def pictures_of_both(self, target: Array, candidate: Array, champion: Array) -> list[str]:
        sides = (("candidate", candidate, "main"), ("champion", champion, "other"))
        both = [(name, score[:, self.main], tone) for name, score, tone in sides]
        scores = (side[:, self.main] for side in (champion, candidate))
        return [
            "<h2>Score against score</h2>",
            plots.beside(
                plots.heat("Each row", *scores, "champion", "candidate"),
                *self.plots_of_both(target, candidate, champion),
            ),
            '<p class="soft">The darker, the more rows. On the dashed line both say the same.</p>',
            "<h2>Scores</h2>",
            charts.densities(both, "score"),
        ]

    def plots_of_both(self, target: Array, candidate: Array, champion: Array) -> list[plots.Plot]:
        """Return plots to lie beside that of both scores."""
        return []

    def pictures_of_traffic(self, now: Array, reference: Array) -> list[str]:
        sides = (("now", now, "main"), ("holdout", reference, "other"))
        both = [(name, score[:, self.main], tone) for name, score, tone in sides]
        return ["<h2>Scores now and on the holdout</h2>", charts.densities(both, "score")]
