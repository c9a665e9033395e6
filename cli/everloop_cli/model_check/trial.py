"""A model tried as a stack would: prepared, trained, measured, judged and served, by real jobs."""

import csv
import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from everloop.decisions import endpoint_tests
from everloop.decisions.endpoint_tests import Answer, Golden
from everloop.decisions.fairness import treats_alike
from everloop.decisions.judgement import meets_bars
from everloop.errors import BadInput
from everloop.spec import policy
from everloop.spec.metrics import sends_some
from everloop_cli import drops, show
from everloop_cli.model_check import reasons, scripts
from everloop_cli.model_check.findings import BAD, GOOD, SKIPPED, WARNING, Finding
from everloop_cli.model_check.lab import Lab, NoStart, Step
from everloop_cli.model_check.reasons import Model
from everloop_cli.model_check.static import TOML, Folder, toml_line

_MANY = 0.5  # of the rows: who loses more of them has most likely not meant to
_LEANS = 0.05  # of the importance of all columns: a model that leans less on one can do without it
_HERE = "is not available locally"  # how the laptop says that it has no such image
_SERVES = "ml.m5.large"

Say = Callable[[str], None]


def sample(folder: Path, paths: Sequence[Path]) -> list[Path]:
    """Return the files or folders to try a model on: those named, else what .sample/ holds."""
    if paths:
        return list(paths)
    own = folder / ".sample"
    return [own] if own.is_dir() else []


class Trial:
    """One folder, tried on one sample."""

    def __init__(self, folder: Folder, lab: Lab, out: Path, say: Say) -> None:
        self._folder = folder
        self._spec = folder.spec
        self._document = policy.document(folder.spec)
        self._lab = lab
        self._out = out
        self._say = say
        self._header: list[str] = []
        self.log: tuple[str, ...] = ()

    @property
    def _model(self) -> Model:
        files, trees = self._folder.opened.files, self._folder.trees
        return Model(files, trees, str(self._spec.data.target or ""), self._header)

    def run(self, paths: list[Path]) -> Iterator[Finding]:
        """Yield what is found, until a stage fails without which the next makes no sense."""
        collected = drops.collected(paths, self._document["data"]["marker"], anyway=False)
        data = [*self._data(collected)]
        yield from data
        if any(each.outcome == BAD for each in data):
            return
        lab = self._lab
        self._say("starting")
        lab.start()
        lab.install(self._folder.bundle, self._folder.opened, self._spec)
        lab.drop(collected.files)
        try:
            for step in lab.run(lambda name: self._say(name.lower())):
                ended = [*self._ended(step)]
                yield from ended
                if any(each.outcome in (BAD, SKIPPED) for each in ended if _stops(each, step)):
                    return
        except NoStart as error:
            yield Finding("contract", BAD, str(error), "", TOML)
            return
        evaluation = self._json("evaluation.json")
        if evaluation is None:
            yield Finding("metrics", BAD, "the evaluation left no evaluation.json", "")
            return
        yield from self._judged(evaluation)
        yield from self._leaks(evaluation)
        self._say("serve")
        yield from self._served(evaluation)
        yield from self._reports()

    def _data(self, collected: drops.Drop) -> Iterator[Finding]:
        began = time.monotonic()
        drops.inspect(collected, self._document, lambda count: None)
        for line in collected.problems:
            yield self._of_data(line)
        for line in collected.warnings:
            yield Finding("data", WARNING, line)
        if not collected.files and not collected.problems:
            why = "; ".join(collected.left_out) or "it holds no files"
            yield Finding("data", BAD, f"the sample holds no data: {why}", "name a file: --data")
        elif not collected.problems:
            count = len(collected.files)
            found = f"{count} file{'s' * (count != 1)} read as the training will read them"
            yield Finding("data", GOOD, found, seconds=time.monotonic() - began)
        for path in list(collected.files.values())[:1]:
            self._header = _header(path, self._spec.data.dialect.separator)

    def _of_data(self, line: str) -> Finding:
        """Return a mistake of the sample, or of the model.toml that asks for another."""
        text = self._folder.opened.text(TOML)
        data = self._spec.data
        named = {"target": data.target, "key": data.key, "timestamp": data.timestamp}
        for key, name in named.items():
            if name and f"'{name}'" in line and "column" in line:
                fix = f"correct data.{key} in model.toml, or drop data that has the column"
                return Finding("data", BAD, line, fix, TOML, toml_line(text, f"data.{key}"))
        return Finding("data", BAD, line, "correct the sample, or [data] in model.toml")

    def _ended(self, step: Step) -> Iterator[Finding]:
        if not step.succeeded:
            self.log = step.log
            if step.name == "BelowBars" or step.why.startswith("Below the bars"):
                return  # of a pipeline of one's own: the verdict says it better
            if _HERE in step.why:
                found = f"cannot be tried here: {step.why}"
                yield Finding("train", SKIPPED, found, "--docker runs AWS's own images")
                return
            made = reasons.told(step, self._model)
            yield Finding(**{**made.as_dict(), "seconds": step.seconds})
        elif step.name == "Preprocess":
            yield from self._split(step)
        elif step.name in ("Train", "Tune"):
            if self._spec.train.in_one_job:  # which prepared before, and measured after it
                yield from self._split(step)
            trained = self._trained(step)
            yield trained
            if self._spec.train.in_one_job and trained.outcome == GOOD:
                yield Finding("metrics", GOOD, self._metrics())
        elif step.name == "Evaluate":
            yield Finding("metrics", GOOD, self._metrics(), seconds=step.seconds)

    def _split(self, step: Step) -> Iterator[Finding]:
        parts = {name: self._table(name) for name in ("train", "validation", "holdout")}
        key, there = self._spec.data.key, {n: t for n, t in parts.items() if t is not None}
        counts = ", ".join(f"{name} {len(rows)}" for name, (_, rows) in there.items())
        bad = doubtful = False
        script = "preprocess.py" if "preprocess.py" in self._folder.opened.files else TOML
        if len(there) == 3 and not self._spec.data.tables:
            came = int((self._json("data.json") or {}).get("rows") or 0)
            made = sum(len(rows) for _, rows in there.values())
            lost = came - made
            if script != TOML and lost > 0:
                bad = lost >= _MANY * came
                doubtful = True
                yield Finding(
                    "preprocess",
                    BAD if bad else WARNING,
                    f"{lost:,} of {came:,} rows are in none of train, validation and holdout "
                    f"({counts})",
                    "keep every row, or drop only what cannot be learned from",
                    script,
                    seconds=step.seconds,
                )
        if key and all(key in head for head, _ in there.values()) and "holdout" in there:
            names = {n: {row[h.index(key)] for row in rows} for n, (h, rows) in there.items()}
            again = len(names.get("train", set()) & names["holdout"])
            if again and not bad:
                yield Finding(
                    "leakage",
                    BAD,
                    f"{again:,} rows of the holdout are in train as well, by their {key}: what is "
                    "measured on them was learned by heart",
                    "give each row to one part only",
                    script,
                )
        if not doubtful:
            told = counts or "files were written for each part"
            yield Finding("preprocess", GOOD, told, seconds=step.seconds)

    def _trained(self, step: Step) -> Finding:
        data = self._lab.made("model.tar.gz")
        if data is None:
            return Finding("train", GOOD, "trained", seconds=step.seconds)
        with tarfile.open(fileobj=io.BytesIO(data)) as opened:
            files = [each for each in opened if each.isfile()]
        if not files:
            return Finding(
                "train",
                BAD,
                "trained, and wrote no model: SM_MODEL_DIR is empty",
                reasons.HOW_TO_WRITE,
                "train.py" if "train.py" in self._folder.opened.files else "",
                seconds=step.seconds,
            )
        size = show.bytes_text(sum(each.size for each in files))
        some = ", ".join(each.name for each in files[:3])
        return Finding("train", GOOD, f"trained: {some} ({size})", seconds=step.seconds)

    def _table(self, part: str) -> tuple[list[str], list[list[str]]] | None:
        data = self._lab.made(f"{part}/data.csv")
        if data is None:
            return None
        rows = list(csv.reader(io.StringIO(data.decode("utf-8", "replace"), newline="")))
        return (rows[0], [row for row in rows[1:] if row]) if rows else ([], [])

    def _json(self, name: str) -> dict[str, Any] | None:
        data = self._lab.made(name)
        return None if data is None else dict(json.loads(data))

    def _metrics(self) -> str:
        found = self._json("evaluation.json") or {}
        measured: Mapping[str, Any] = found.get("metrics") or {}
        shown = [
            f"{name} {each['value']:.4g} ({each['low']:.4g} to {each['high']:.4g})"
            for name, each in list(measured.items())[:3]
            if None not in (each.get("value"), each.get("low"), each.get("high"))
        ]
        return f"{found.get('rows', 0):,} rows: {', '.join(shown)}"

    def _judged(self, evaluation: Mapping[str, Any]) -> Iterator[Finding]:
        rules = policy.judgement(self._document)
        try:
            bars = meets_bars(evaluation, rules.bars)
            fair = treats_alike(evaluation, rules.fairness)
        except BadInput as error:
            yield Finding("bars", BAD, str(error), "let the evaluation measure it", TOML)
            return
        text = self._folder.opened.text(TOML)
        if not bars.go:
            yield Finding(
                "bars",
                BAD,
                bars.reason,
                "train a better model, or ask for less there; a small sample measures roughly",
                TOML,
                toml_line(text, f"evaluate.metrics.{bars.reason.partition(' ')[0]}"),
            )
        if fair.verdict == "unfair":
            fix = "train a model that treats groups alike; docs/fairness.md says how"
            yield Finding("bars", BAD, fair.reason, fix, TOML, toml_line(text, "fairness"))
        elif bars.go:
            yield Finding("bars", GOOD, "; ".join(filter(None, (bars.reason, fair.reason))))

    def _leaks(self, evaluation: Mapping[str, Any]) -> Iterator[Finding]:
        explained = evaluation.get("explanations") or {}
        told: set[str] = set()
        for each in (self._json("data.json") or {}).get("suspects") or ():
            name = str(each["column"])
            used = self._leans_on(name, explained)
            if not used:
                continue
            told.add(name)
            places = scripts.named_at(self._folder.trees, name)
            yield Finding(
                "leakage",
                BAD,
                f"{name} knows the target too well: {each['description']}, and {used}",
                f"take {name!r} out of the features, unless it is known before the target is",
                places[0].file if places else "",
                places[0].line if places else None,
            )
        for each in explained.get("suspects") or ():
            if each["column"] not in told:
                yield Finding("leakage", WARNING, f"{each['column']}: {each['why']}")
                told.add(each["column"])
        if not told:
            among = f" among {len(self._header)}" if self._header else ""
            yield Finding("leakage", GOOD, f"no column{among} gives the target away")

    def _leans_on(self, column: str, explained: Mapping[str, Any]) -> str:
        """Say how a model uses a column; "" where it does without."""
        losses = {
            each["column"]: max(0.0, float(each["loss"] or 0.0))
            for each in explained.get("importance") or ()
        }
        if whole := sum(losses.values()):
            share = losses.get(column, 0.0) / whole
            return f"{share:.0%} of what the model knows comes from it" if share >= _LEANS else ""
        if scripts.named_at(self._folder.trees, column):
            return "the scripts name it"
        return "the algorithm is given all columns" if self._spec.train.algorithm else ""

    def _served(self, evaluation: Mapping[str, Any]) -> Iterator[Finding]:
        began = time.monotonic()
        package = self._lab.package()
        if package is None:
            yield Finding("serve", SKIPPED, "nothing was registered that could be served")
            return
        # In whichever form it serves, its container answers here as an endpoint's does.
        why = self._lab.serve(package, _SERVES)
        if why:
            yield self._not_served(why)
            return
        try:
            golden = self._golden(evaluation)
        except BadInput as error:
            yield Finding("serve", BAD, str(error), "let predictions.csv name rows of the holdout")
            return
        tests = [*self._asked(golden)]
        for test in tests:
            if not test.passed:
                yield self._not_served(test.reason)
        if all(test.passed for test in tests):
            seconds = time.monotonic() - began
            yield Finding("serve", GOOD, "; ".join(t.reason for t in tests), seconds=seconds)

    def _asked(self, golden: Golden) -> Iterator[endpoint_tests.Test]:
        bars = policy.deploy(self._document).tests
        lab = self._lab
        yield endpoint_tests.refuses_nonsense(
            lab.ask(b"\x00nonsense", "application/x-everloop-nonsense")
        )
        answer = lab.ask(golden.body(), "text/csv")
        yield endpoint_tests.predicts_golden(answer, golden, bars.tolerance)
        answers: list[Answer] = []
        for row in golden.sample(20):
            answers.append(lab.ask(golden.body(row), "text/csv"))
        yield endpoint_tests.answers_in_time(answers, bars.latency_p95_ms)

    def _golden(self, evaluation: Mapping[str, Any]) -> Golden:
        data, algorithm = self._spec.data, self._document["train"].get("algorithm")
        only = evaluation.get("features")
        return endpoint_tests.golden_rows(
            self._lab.made("holdout/data.csv") or b"",
            self._lab.made("predictions.csv") or b"",
            without=tuple(name for name in (data.key, data.target) if name),
            most=policy.deploy(self._document).tests.rows,
            only=tuple(only) if only and (algorithm or sends_some(self._spec.problem)) else None,
            classes=tuple(self._document["data"].get("classes") or ()),
            bare=bool(algorithm),
        )

    def _not_served(self, why: str) -> Finding:
        self.log = self._lab.endpoint_log()
        place, error = reasons.raised(self.log, self._folder.opened.files)
        found = f"{why}: {error}" if error and error not in why else why
        return Finding(
            "serve",
            BAD,
            found,
            "the endpoint is to answer what the model answered offline, for one row as for many",
            place.file if place else "inference.py",
            place.line if place else None,
        )

    def _reports(self) -> Iterator[Finding]:
        written = []
        for name in ("report.html", "data.html"):
            data = self._lab.made(name)
            if data:
                self._out.mkdir(parents=True, exist_ok=True)
                path = self._out / name
                path.write_bytes(data)
                written.append(str(path))
        if not written:
            yield Finding("report", WARNING, "the jobs wrote no pages", "see the evaluation")
        else:
            yield Finding("report", GOOD, ", ".join(written))


def _stops(found: Finding, step: Step) -> bool:
    """Whether what comes after a finding makes no sense; rows that are lost are no reason."""
    return not step.succeeded or found.stage == "train"


def _header(path: Path, separator: str) -> list[str]:
    """Return the names in a sample's first line; none where it is no CSV."""
    if path.suffix.lower() != ".csv":
        return []
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return next(csv.reader(file, delimiter=separator or ","), [])
