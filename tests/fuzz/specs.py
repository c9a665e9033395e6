"""model.toml: each is a spec that everything behind it can use, or is refused line by line."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from fuzz.hostile import TEXTS
from fuzz.target import ROOT, Check, Target
from hypothesis import strategies as st

from everloop.aws.items import plain, wire
from everloop.errors import BadInput
from everloop.pipelines.standard import BundleRef, Site, render
from everloop.spec import policy
from everloop.spec.model_spec import load_spec

_SITE = Site("artefacts", "us-east-1", "arn:aws:iam::123456789012:role/r", "s3://artefacts/jobs")
_BUNDLE = BundleRef("s3://artefacts/b/bundle.tar.gz", "0" * 64)
_SPECS = sorted((ROOT / "models").glob("*/model.toml"))
_KEYS = st.sampled_from(
    [
        *("data.target", "data.key", "data.marker", "data.quiet_minutes", "data.keep", "name"),
        *(
            "data.columns",
            "train.instance",
            "prepare.instance",
            "train.hyperparameters",
            "train.time_limit_minutes",
        ),
        *("train.volume_gb", "evaluate.metrics", "evaluate.slices", "evaluate.compare", "problem"),
        *("evaluate.max_slice_drop", "approve.by", "approve.freeze", "deploy.strategy", "deploy"),
        *("deploy.step_percent", "deploy.step_minutes", "deploy.tests.tolerance", "description"),
        *("deploy.alarms.max_error_rate", "monitor.schedule", "monitor.watch", "retrain.on"),
        *("monitor.min_rows", "retrain.cooldown_hours", "retrain.per_day", "monitor.ignore", "x"),
        *("deploy.production.count", "deploy.capture_percent", "retrain.least_new_rows"),
    ]
)
_VALUES = st.one_of(
    st.sampled_from(
        [
            *("true", "0", "-1", "1e308", "inf", "nan", "-inf", "9" * 30, "0x7fffffffffffffff"),
            *('""', '"x"', "[]", "{}", "[[]]", "1979-05-27", "1979-05-27T07:32:00Z", "07:32:00"),
            *('"rate(1 hour)"', '"rate(0 hours)"', '"cron(x)"', '"cron(0 0 31 2 ? 2200)"'),
            *('"ml.m5.large"', "{ auc = { min = 0.5 } }", "{ auc = 1 }", '["late"]', "[1, 'a']"),
            *(
                "[{ start = 9999-12-31T23:59:59Z, end = 9999-12-31T23:59:59.9Z }]",
                "[{}]",
                "'''\n'''",
            ),
            *('{ "" = "number" }', "{ a = { b = { c = 1 } } }", "[" * 300 + "]" * 300),
            *(
                "{a=" * 200 + "1" + "}" * 200,
                "1_000",
                "1e-400",
                '"\\u0000"',
                '"' + "é" * 2000 + '"',
            ),
        ]
    ),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    TEXTS.map(lambda text: json.dumps(text, ensure_ascii=False)),
    TEXTS,
)
_NAMES = st.one_of(st.just("flight-delays"), st.just("flight-delays"), TEXTS)


@st.composite
def specs(draw: Any) -> tuple[str, str]:
    """Return a model's name and the text of a model.toml, one to four lines of it changed."""
    lines = draw(st.sampled_from(_SPECS)).read_text().splitlines()
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(lines) - 1))
        how = draw(st.sampled_from(["value", "value", "key", "drop", "twice", "text"]))
        if how == "value" and "=" in lines[place]:
            lines[place] = f"{lines[place].partition('=')[0]}= {draw(_VALUES)}"
        elif how == "key":  # dotted keys belong above the first section
            lines.insert(0, f"{draw(_KEYS)} = {draw(_VALUES)}")
        elif how == "drop":
            lines[place] = ""
        elif how == "twice":
            lines.insert(place, lines[place])
        elif how == "text":
            lines[place] = draw(TEXTS)
    return draw(_NAMES), "\n".join(lines)


@contextmanager
def _read(folder: Path) -> Iterator[Check]:
    def check(case: tuple[str, str]) -> None:
        name, text = case
        try:
            spec = load_spec(text, name=name)
        except BadInput as refused:
            assert all(line.strip() for line in str(refused).split("\n")), "an empty line"
            return
        definition = json.loads(render(spec, _SITE, _BUNDLE))
        assert definition["Version"] == "2020-12-01"
        document = json.loads(json.dumps(policy.document(spec), allow_nan=False))
        assert plain(wire(document)) == document, "the ledger keeps another spec"
        _used(document)

    yield check


def _used(document: dict[str, Any]) -> None:
    """Read a spec as every function does."""
    policy.data(document)
    policy.retrain(document)
    policy.deploy(document)
    for freeze in policy.judgement(document).freezes:
        assert isinstance(freeze.start, datetime)
    assert policy.monitor_schedule(document)


TARGETS = [Target("model.toml", specs(), _read, share=25)]
