"""A model's spec: what is valid, what is refused, and in which words."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from everloop.errors import BadInput
from everloop.spec import policy
from everloop.spec.metrics import METRICS
from everloop.spec.model_spec import ModelSpec, load_spec

ROOT = Path(__file__).parents[2]
SHORT = """
problem = "binary_classification"
[data]
target = "late"
key = "flight_id"
[evaluate]
metrics = { auc = { min = 0.65 } }
"""


PLACES = [
    f"{section}.{key}"
    for section, field in ModelSpec.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    for key in field.annotation.model_fields
]


def toml(place: str, value: Any) -> str:
    """A short spec with a value at a place, as tomllib would read it."""
    section, _, key = place.partition(".")
    table = {"problem": "binary_classification", "data": {"target": "late"}}
    found: dict[str, Any] = {**table, section: {**dict(table.get(section) or {}), key: value}}
    return "\n".join(f"{name} = {written(each)}" for name, each in found.items())


def written(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{written(name)} = {written(each)}" for name, each in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def refused(text: str, name: str = "flights") -> list[str]:
    with pytest.raises(BadInput) as error:
        load_spec(text, name=name)
    return str(error.value).split("\n")


def with_section(section: str) -> str:
    return f'problem = "binary_classification"\n[data]\ntarget = "late"\n{section}\n'


def test_a_short_file_is_a_whole_spec() -> None:
    spec = load_spec(SHORT, name="flights")
    assert spec.name == "flights"
    assert spec.data.quiet == timedelta(minutes=5)
    assert spec.retrain.cooldown == timedelta(hours=24)
    assert spec.train.time_limit_minutes == 60
    assert (spec.approve.by, spec.approve.first) == ("person", "person")
    assert spec.compare.metric == "auc"


def test_regression_is_compared_on_rmse_unless_told_otherwise() -> None:
    spec = load_spec('problem = "regression"\n[data]\ntarget = "price"\n', name="prices")
    assert spec.compare.metric == "rmse"
    assert not spec.higher_is_better("rmse")


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("models/*/model.toml")), ids=lambda p: p.parent.name
)
def test_every_model_of_the_repository_is_valid(path: Path) -> None:
    assert load_spec(path.read_text(), name=path.parent.name).name == path.parent.name


@pytest.mark.parametrize(
    ("dialect", "said"),
    [
        pytest.param(
            'separator = "tab"', "separator is 'tab'; one character belongs here", id="a word"
        ),
        pytest.param('separator = "a"', "no letter, digit or line break", id="a letter"),
        pytest.param('encoding = "utf9"', "give an encoding that Python knows", id="no encoding"),
        pytest.param('encoding = "base64"', "give an encoding that Python knows", id="no text"),
        pytest.param('decimal = ";"', "decimal is ';'; give '.' or ','", id="decimal"),
        pytest.param("skip_lines = -1", "give at least 0", id="lines"),
        pytest.param(
            'separator = "|"\nquote = "|"', "separator and quote are both '|'", id="the same"
        ),
        pytest.param('thousands = "."', "decimal and thousands are both '.'", id="point and point"),
    ],
)
def test_a_dialect_that_is_none_is_refused(dialect: str, said: str) -> None:
    (line,) = refused(with_section(f"[data.dialect]\n{dialect}"))
    assert "data.dialect" in line and said in line


def test_what_is_learnt_from_traffic_is_plain_csv() -> None:
    text = SHORT.replace(
        "[evaluate]", 'learn_from_traffic = true\ndialect = { separator = ";" }\n[evaluate]'
    )
    (line,) = refused(text)
    assert "what is learnt from traffic is written as plain CSV" in line


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            'format = "parquet"\nlearn_from_traffic = true',
            "data.format is 'parquet'; what is learnt",
        ),
        ('format = "jsonl"\ndialect = { separator = ";" }', "only CSV has a dialect"),
        ("flatten = true", "only parquet and jsonl have records inside records"),
        ('format = "files"\ncolumns = { price = "number" }', "nothing of such files is read"),
        ('format = "avro"', "data.format"),
    ],
)
def test_what_does_not_go_with_a_format_is_refused(keys: str, said: str) -> None:
    assert any(said in line for line in refused(SHORT.replace("[evaluate]", f"{keys}\n[evaluate]")))


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ('by = "time"', "data.split.by is 'time' and data.timestamp is not given"),
        ('by = "key"', "data.split.by is 'key' and data.key is not given"),
        ('by = "group"', "data.split.by is 'group' and data.split.group is not given"),
        ('by = "group"\ngroup = "late"', "data.split.group is 'late', which is the target"),
        ('by = "hash"', "data.split.by"),
        ('by = "time"\nholdout = 0.6\nvalidation = 0.4', "leave less than a tenth to train on"),
        ('by = "time"\nholdout = 1.0', "data.split.holdout"),
    ],
)
def test_a_split_that_cannot_be_made_is_refused(split: str, said: str) -> None:
    short = SHORT.replace('key = "flight_id"\n', "")
    assert any(said in line for line in refused(f"{short}\n[data.split]\n{split}\n"))


def test_with_a_split_the_folder_needs_no_preprocess() -> None:
    spec = load_spec(f'{SHORT}\n[data.split]\nby = "group"\ngroup = "customer"\n', name="m")
    assert spec.scripts == ("train.py", "inference.py")
    assert load_spec(SHORT, name="m").scripts == ("preprocess.py", *spec.scripts)


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ("columns.late.between = [2, 1]", "give the smaller number first"),
        ("columns.late.between = [1]", "data.checks.columns.late.between"),
        ('columns.late.regex = "("', "it is no regular expression of Python's"),
        ("columns.late.one_of = []", "data.checks.columns.late.one_of"),
        ("columns.late.max_missing = 1.5", "data.checks.columns.late.max_missing"),
        ("columns.late.nullable = true", "nullable is not a key"),
        ("min_rows = 3\nmax_rows = 2", "min_rows is 3 and max_rows 2; swap them"),
    ],
)
def test_an_expectation_that_nothing_can_meet_is_refused(checks: str, said: str) -> None:
    assert any(said in line for line in refused(f"{SHORT}\n[data.checks]\n{checks}\n"))


def test_an_expectation_of_a_column_that_is_not_declared_is_refused() -> None:
    text = SHORT.replace(
        "[evaluate]", 'columns = { late = "number", flight_id = "text" }\n[evaluate]'
    )
    said = refused(f"{text}\n[data.checks.columns]\nlat = {{ unique = true }}\n")
    assert any("data.checks.columns is 'lat', which data.columns lacks" in line for line in said)


@pytest.mark.parametrize(
    ("channels", "said"),
    [
        ('["train"]', "'train' is no name for a channel"),
        ('["My images"]', "'My images' is no name for a channel"),
        ('["a", "a"]', "it names a channel twice"),
        ('["a", "b", "c", "d", "e", "f"]', "prepare.channels"),
    ],
)
def test_a_channel_that_cannot_be_is_refused(channels: str, said: str) -> None:
    assert any(said in line for line in refused(f"{SHORT}\n[prepare]\nchannels = {channels}\n"))


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ('[data.tables.people]\nprefix = "people"\nkeys = ["id"]', "that ends with a slash"),
        ('[data.tables.people]\nprefix = "people/"\nkeys = []', "data.tables.people.keys"),
        ('[data.tables.people]\nprefix = "people/"', "data.tables.people.keys"),
        ('[data.tables.train]\nprefix = "t/"\nkeys = ["id"]', "data.tables.train is no name"),
        (
            '[data.tables.people]\nprefix = "p/"\nkeys = ["ids"]\ncolumns = { id = "text" }',
            "data.tables.people.keys has 'ids', which data.tables.people.columns lacks",
        ),
        (
            "[data.tables]\n"
            'a = { prefix = "p/", keys = ["k"] }\nb = { prefix = "p/", keys = ["k"] }',
            "data.tables.b.prefix is 'p/', which is also that of a",
        ),
    ],
)
def test_a_table_that_cannot_be_is_refused(tables: str, said: str) -> None:
    assert any(said in line for line in refused(f"{SHORT}\n{tables}\n"))


def test_tables_have_to_be_joined_by_a_script() -> None:
    table = '[data.tables.people]\nprefix = "p/"\nkeys = ["k"]\n[data.split]\nby = "key"\n'
    assert "preprocess.py" in load_spec(f"{SHORT}\n{table}", name="m").scripts


def test_a_spec_survives_json_and_keeps_every_key() -> None:
    text = SHORT + (
        "[[approve.freeze]]\nstart = 2026-12-20T00:00:00Z\nend = 2027-01-04T00:00:00+01:00\n"
        "[train.hyperparameters]\ndepth = 4\nrate = 0.1\nloss = 'log'\nwarm = true\n"
    )
    spec = load_spec(text, name="flights")
    # Only what was given: some keys may not be given beside others, whatever their default is.
    again = spec.model_dump_json(exclude_unset=True)
    assert ModelSpec.model_validate_json(again) == spec
    assert spec.train.hyperparameters == {"depth": 4, "rate": 0.1, "loss": "log", "warm": True}


def test_a_spec_cannot_be_changed() -> None:
    spec = load_spec(SHORT, name="flights")
    with pytest.raises(ValueError, match="frozen"):
        spec.data.target = "other"  # type: ignore[misc]


def test_the_policies_that_decisions_take_come_from_the_document() -> None:
    spec = load_spec(SHORT, name="flights")
    document = policy.document(spec)
    assert policy.judgement(document).bars[0].least == 0.65
    assert policy.data(document).quiet == spec.data.quiet
    assert policy.deploy(document).capture_percent == 100
    assert policy.retrain(document).cooldown == spec.retrain.cooldown


@pytest.mark.parametrize(
    ("section", "line"),
    [
        pytest.param(
            "[retrain]\ncooldown_hour = 2",
            "retrain.cooldown_hour is not a key; did you mean 'cooldown_hours'?",
            id="a key that is nearly one",
        ),
        pytest.param(
            "[deploy.tests]\nzzz = 1",
            "deploy.tests.zzz is not a key; there are: rows, tolerance, max_latency_ms",
            id="a key that is like none",
        ),
        pytest.param(
            "[monitors]\nmin_rows = 1",
            "monitors is not a key; did you mean 'monitor'?",
            id="a section that is none",
        ),
        pytest.param(
            '[train]\nvolume_gb = "30"',
            "train.volume_gb is '30'; a whole number belongs here, e.g. 5",
            id="a text where a number belongs",
        ),
        pytest.param(
            "[train]\nvolume_gb = 30.5",
            "train.volume_gb is 30.5; a whole number belongs here, e.g. 5",
            id="a fraction where a whole number belongs",
        ),
        pytest.param(
            '[evaluate]\nslices = "origin"',
            "evaluate.slices is 'origin'; a list belongs here, e.g. [\"…\"]",
            id="a text where a list belongs",
        ),
        pytest.param(
            "[evaluate.metrics]\nauc = 0.7",
            "evaluate.metrics.auc is 0.7; a table belongs here, with keys among: min, max",
            id="a number where a table belongs",
        ),
        pytest.param(
            '[approve]\nby = "polcy"',
            "approve.by is 'polcy'; did you mean 'policy'?",
            id="a choice that is nearly one",
        ),
        pytest.param(
            '[deploy]\nstrategy = "big bang"',
            "deploy.strategy is 'big bang'; give 'canary' or 'linear' or 'all-at-once'",
            id="a choice that is none",
        ),
        pytest.param(
            '[retrain]\non = ["data", "drift"]',
            "retrain.on.1 is 'drift'; give 'data' or 'violation' or 'schedule'",
            id="a choice inside a list",
        ),
        pytest.param(
            "[evaluate.metrics]\nauc = { min = 1.2 }",
            "evaluate.metrics.auc.min is 1.2; no model reaches it; give less than 1",
            id="a bar above what auc can be",
        ),
        pytest.param(
            "[evaluate.metrics]\nlog_loss = { max = 0 }",
            "evaluate.metrics.log_loss.max is 0.0; no model reaches it; give more than 0",
            id="a bar below what a loss can be",
        ),
        pytest.param(
            "[evaluate.metrics]\nauc = { min = nan }",
            "evaluate.metrics.auc.min is nan; a finite number belongs here",
            id="a bar that is no number",
        ),
        pytest.param(
            "[evaluate.metrics]\nauc = { max = 0.7 }",
            "evaluate.metrics.auc: higher is better, so give min and only min",
            id="a bar on the wrong side",
        ),
        pytest.param(
            "[evaluate.metrics]\naucc = { min = 0.7 }",
            "evaluate.metrics.aucc is no metric of binary_classification; did you mean 'auc'?; "
            f"it has {', '.join(METRICS['binary_classification'])}",
            id="a metric that is none",
        ),
        pytest.param(
            '[evaluate.compare]\nmetric = "rmse"',
            "evaluate.compare.metric is 'rmse', no metric of binary_classification; "
            f"it has {', '.join(METRICS['binary_classification'])}",
            id="a metric of another problem",
        ),
        pytest.param(
            '[evaluate.compare]\nmetric = "auc"\nleast_gain = -0.1',
            "evaluate.compare.least_gain is -0.1; give at least 0",
            id="a least gain below nothing",
        ),
        pytest.param(
            "[evaluate]\ncompare = { least_gain = 0.1 }",
            "evaluate.compare.metric is missing; add it",
            id="a comparison of nothing",
        ),
        pytest.param(
            "[deploy]\nstep_percent = 60",
            "deploy.step_percent is 60; give at most 50",
            id="a canary over half of the fleet",
        ),
        pytest.param(
            '[deploy]\nstrategy = "linear"\nstep_percent = 5',
            "deploy.step_percent is 5; SageMaker takes linear steps of 10 to 50 percent",
            id="a linear step below what AWS takes",
        ),
        pytest.param(
            "[retrain]\ncooldown_hours = -1",
            "retrain.cooldown_hours is -1; give at least 0",
            id="a cooldown before now",
        ),
        pytest.param(
            '[track]\nmlflow = "mlflow.example.com"',
            "track.mlflow is 'mlflow.example.com'; give the URL of an MLflow tracking server, "
            "https://mlflow.example.com",
            id="a server without its scheme",
        ),
        pytest.param(
            '[track]\nmlflow = "https://me:secret@mlflow.example.com"',
            "track.mlflow is 'https://me:secret@mlflow.example.com'; it holds a password, which "
            "the ledger would keep; leave it out",
            id="a password in a server's address",
        ),
        pytest.param(
            '[track]\nmlflow = "arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/a"',
            "track.mlflow is 'arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/a'; "
            "SageMaker's MLflow servers and apps take requests signed with SigV4 only, which jobs "
            "do not do yet; give the http(s) URL of a tracking server",
            id="SageMaker's own MLflow",
        ),
        pytest.param(
            '[track]\nmetrics = ["validation loss"]',
            "track.metrics.0 is 'validation loss'; give what train.py prints before  =0.5 : "
            "letters, digits and _.:-/",
            id="a printed metric with a space",
        ),
        pytest.param(
            '[evaluate]\nthreshold = "best"',
            "evaluate.threshold is 'best'; give a number between 0 and 1, or one of f1, youden, "
            "accuracy, balanced_accuracy, mcc",
            id="a threshold by what is no metric of it",
        ),
        pytest.param(
            '[evaluate]\nthreshold = "costs"\nown = { cost = { better = "lower" } }',
            "evaluate.threshold is 'costs'; give a number between 0 and 1, or one of f1, youden, "
            "accuracy, balanced_accuracy, mcc, or one of evaluate.own (cost)",
            id="a threshold by what is no metric of its own",
        ),
        pytest.param(
            "[evaluate]\nthreshold = 1.5",
            "evaluate.threshold is 1.5; give a number between 0 and 1, or one of f1, youden, "
            "accuracy, balanced_accuracy, mcc",
            id="a threshold that no score reaches",
        ),
        pytest.param(
            "[evaluate]\nquantiles = [0.1, 0.9]",
            "evaluate.quantiles is [0.1, 0.9]; give several in rising order, 0.5 among them, "
            "e.g. [0.1, 0.5, 0.9]",
            id="quantiles without the median",
        ),
        pytest.param(
            "[evaluate]\nquantiles = [0.1, 0.5, 0.9]",
            "evaluate.quantiles is for problems of numbers; binary_classification is none: "
            "remove it",
            id="quantiles of a probability",
        ),
        pytest.param(
            "[monitor.data]\nthreshold = 1.5",
            "monitor.data.threshold is 1.5; give at most 1",
            id="a drift that cannot be",
        ),
        pytest.param(
            '[monitor]\nschedule = "rate(1 hours)"',
            "monitor.schedule is 'rate(1 hours)'; write e.g. rate(1 hour), rate(6 hours) or "
            "cron(0 6 * * ? *)",
            id="a schedule that AWS refuses",
        ),
        pytest.param(
            '[train]\ninstance = "m5.large"',
            "train.instance is 'm5.large'; give a SageMaker instance type, e.g. 'ml.m5.large'",
            id="an instance of another service",
        ),
        pytest.param(
            '[train]\nversion = "0.23-1"',
            "train.version is '0.23-1'; there are: 1.9-0, 1.4-2-py312",
            id="an image that is not there",
        ),
        pytest.param(
            "[train.hyperparameters]\ndepths = [1, 2]",
            "train.hyperparameters.depths is [1, 2]; a text, a finite number, true or false "
            "belongs here",
            id="a hyperparameter that script mode cannot pass on",
        ),
        pytest.param(
            "[train.hyperparameters]\nsagemaker_program = 'x.py'",
            "train.hyperparameters.sagemaker_program: sagemaker_… is SageMaker's own; rename it",
            id="a hyperparameter that is SageMaker's",
        ),
        pytest.param(
            '[deploy]\nserve = "real-time"',
            "deploy.serve is 'real-time'; no form of serving; did you mean 'realtime'?",
            id="a form of serving that is not there",
        ),
        pytest.param(
            "[[approve.freeze]]\nstart = 2026-12-20T00:00:00\nend = 2027-01-04T00:00:00Z",
            "approve.freeze.0.start is 2026-12-20T00:00:00; a time with a zone "
            "belongs here, e.g. 2026-12-20T00:00:00Z",
            id="a time without a zone",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_fix(section: str, line: str) -> None:
    assert refused(with_section(section)) == [f"model.toml: {line}"]


def test_a_freeze_that_ends_before_it_starts_is_refused() -> None:
    text = "[[approve.freeze]]\nstart = 2027-01-04T00:00:00Z\nend = 2026-12-20T00:00:00Z"
    (line,) = refused(with_section(text))
    assert "approve.freeze.0" in line
    assert "ends at 2026-12-20T00:00:00+00:00, not after its start" in line


def test_everything_wrong_is_said_at_once() -> None:
    lines = refused(
        """
        problem = "binary_classification"
        colour = "red"
        [data]
        target = "late"
        key = "late"
        quiet_minutes = -1
        columns = { late = "number", origin = "text" }
        [evaluate]
        metrics = { auc = { min = 2.0 }, recal = { min = 0.5 } }
        slices = ["orign"]
        [train]
        spot = "yes"
        [retrain]
        on = ["never"]
        """
    )
    assert [line.removeprefix("model.toml: ").split(" ")[0].rstrip(":") for line in lines] == [
        "data.quiet_minutes",
        "train.spot",
        "retrain.on.0",
        "colour",
        "evaluate.metrics.auc.min",
        "evaluate.metrics.recal",
        "data.target",
        "evaluate.slices",
    ]
    assert lines[-1].endswith("which data.columns lacks; did you mean 'origin'?")


def test_an_empty_file_lacks_problem_and_data() -> None:
    assert refused("") == [
        "model.toml: problem is missing; add it",
        "model.toml: data is missing; add it",
    ]


def test_broken_toml_is_refused_with_its_line() -> None:
    (line,) = refused('problem = "regression"\n[data\n')
    assert line.startswith("model.toml is no TOML: ")
    assert "line 2" in line


@pytest.mark.parametrize("name", ["a--b", "-a", "a_b", "x" * 33, "", "a/b", "flights-staging"])
def test_a_name_that_no_endpoint_can_have_is_refused(name: str) -> None:
    (line,) = refused(SHORT, name=name)
    assert repr(name) in line


def test_the_name_is_the_folders_and_no_key() -> None:
    (line,) = refused('name = "other"\n' + SHORT)
    assert line == "model.toml: name is not a key; the folder's name is the model's name"


def test_keys_of_another_problem_are_refused() -> None:
    text = """
    problem = "regression"
    data = { target = "price", classes = ["a", "b"], positive = "yes" }
    evaluate = { metrics = { pinball = { max = 1.0 } } }
    """
    assert refused(text) == [
        "model.toml: evaluate.metrics.pinball needs evaluate.quantiles; give them, "
        "e.g. [0.1, 0.5, 0.9]",
        "model.toml: data.classes is for problems of several classes; regression is none: "
        "remove it",
        "model.toml: data.positive is for problems of two classes; regression is none: remove it",
    ]


def test_own_metrics_are_metrics_like_any_other() -> None:
    text = """
    problem = "regression"
    [data]
    target = "price"
    [evaluate]
    own = { cost = { better = "lower" } }
    metrics = { cost = { max = 3.5 } }
    compare = { metric = "cost" }
    """
    spec = load_spec(text, name="m")
    assert spec.compare.metric == "cost"
    assert not spec.higher_is_better("cost")
    assert "metrics.py" in spec.scripts
    assert refused(text.replace("max", "min"), "m") == [
        "model.toml: evaluate.metrics.cost: lower is better, so give max and only max"
    ]
    assert refused(text.replace("own = { cost", "own = { rmse"), "m") == [
        "model.toml: evaluate.own.rmse is a metric of every regression; name it otherwise",
        "model.toml: evaluate.metrics.cost is no metric of regression; "
        "it has rmse, mae, r2, mape, smape, pinball, coverage_error",
        "model.toml: evaluate.compare.metric is 'cost', no metric of regression; "
        "it has rmse, mae, r2, mape, smape, pinball, coverage_error",
    ]


def test_classes_are_named_once_each() -> None:
    text = 'problem = "multiclass_classification"\n[data]\ntarget = "y"\nclasses = '
    assert load_spec(f'{text}["a", 1]', name="m").data.classes == ["a", 1]
    assert refused(f'{text}["a", "a"]', "m") == [
        "model.toml: data.classes is ['a', 'a']; a is there twice; name each class once"
    ]
    assert refused(f"{text}[1.5, 2]", "m") == [
        "model.toml: data.classes.0 is 1.5; the name of a class belongs here, a text or a whole "
        "number"
    ]


def test_the_source_is_named() -> None:
    with pytest.raises(BadInput, match=r"^flights/model\.toml: problem is missing"):
        load_spec("[data]\ntarget = 'a'", name="flights", source="flights/model.toml")


def test_every_problem_has_a_metric_that_is_its_usual_one() -> None:
    own = {
        "forecasting": 'timestamp = "t"\n[forecast]\nseries = ["s"]\nhorizon = 2',
        "ranking": 'key = "k"\n[rank]\nquery = "q"',
    }
    for problem, metrics in METRICS.items():
        more = own.get(problem, "")
        spec = load_spec(f'problem = "{problem}"\n[data]\ntarget = "y"\n{more}', name="any")
        assert spec.compare.metric == next(iter(metrics))


WORDS = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=5)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=3,
)


@given(place=st.sampled_from(PLACES), value=VALUES)
def test_any_value_anywhere_is_taken_or_refused_by_its_place(place: str, value: Any) -> None:
    text = toml(place, value)
    try:
        spec = load_spec(text, name="flights")
    except BadInput as error:
        assert place.rpartition(".")[0] in str(error)
        return
    # Only what was given: some keys may not be given beside others, whatever their default is.
    again = spec.model_dump_json(exclude_unset=True)
    assert ModelSpec.model_validate_json(again) == spec


@pytest.mark.parametrize("depth", [90, 300, 900, 3000])
@pytest.mark.parametrize(
    "deep",
    [
        pytest.param(lambda depth: "x = " + "[" * depth + "]" * depth, id="lists"),
        pytest.param(lambda depth: "x = " + "{a = " * depth + "1" + "}" * depth, id="tables"),
        pytest.param(lambda depth: "[" + ".".join("a" * depth) + "]", id="dotted"),
        pytest.param(lambda depth: "data.target." + ".".join("a" * depth) + " = 1", id="inside"),
    ],
)
def test_whatever_is_nested_too_deeply_is_refused(deep, depth) -> None:
    with pytest.raises(BadInput, match=r"model\.toml"):
        load_spec(f'problem = "regression"\n{deep(depth)}', name="prices")
