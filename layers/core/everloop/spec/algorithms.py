"""SageMaker's built-in algorithms: what each takes, and what it must be told for a problem.

Each trains on rows of numbers, the label first, without a header, and serves rows of numbers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Algorithm:
    """`needed` are hyperparameters without a default; `objectives` the one of each problem."""

    needed: tuple[str, ...]
    objective: str
    objectives: Mapping[str, tuple[str, ...]]
    classes: str  # the hyperparameter with the number of classes
    tuned: Mapping[str, str]  # the metric by which each problem is tuned
    maximized: frozenset[str]  # those of its metrics of which more is better
    content_type: str  # of the channels that it is trained on
    accept: str  # in which form its container is asked to answer
    imported: bool = False  # whether a job can open its model: jobs/everloop_jobs/algorithms
    missing: bool = False  # whether it takes rows of which a value is missing
    validation: str = "validation"  # its name for that channel


ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    "xgboost": Algorithm(
        needed=("num_round",),
        objective="objective",
        objectives={
            "binary_classification": ("binary:logistic",),
            "multiclass_classification": ("multi:softprob",),
            "regression": (
                *("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:gamma"),
                *("reg:tweedie", "reg:squaredlogerror", "reg:linear", "count:poisson"),
            ),
        },
        classes="num_class",
        tuned={
            "binary_classification": "validation:auc",
            "multiclass_classification": "validation:mlogloss",
            "regression": "validation:rmse",
        },
        maximized=frozenset(
            (
                *("accuracy", "auc", "aucpr", "balanced_accuracy", "f1", "f1_binary", "f1_macro"),
                *("map", "ndcg", "precision", "r2", "recall"),
            )
        ),
        content_type="text/csv",
        accept="text/csv",
        imported=True,
        missing=True,
    ),
    # https://docs.aws.amazon.com/sagemaker/latest/dg/linear-learner.html
    "linear-learner": Algorithm(
        needed=(),
        objective="predictor_type",
        objectives={
            "binary_classification": ("binary_classifier",),
            "multiclass_classification": ("multiclass_classifier",),
            "regression": ("regressor",),
        },
        classes="num_classes",
        tuned={
            "binary_classification": "validation:objective_loss",
            "multiclass_classification": "validation:objective_loss",
            "regression": "validation:objective_loss",
        },
        maximized=frozenset(
            (
                *("binary_classification_accuracy", "binary_f_beta", "precision", "recall"),
                *("roc_auc_score", "macro_f_beta", "macro_precision", "macro_recall"),
                *("multiclass_accuracy", "multiclass_top_k_accuracy", "dcg"),
            )
        ),
        content_type="text/csv;label_size=1",
        accept="application/json",
    ),
    # https://docs.aws.amazon.com/sagemaker/latest/dg/k-nearest-neighbors.html
    "knn": Algorithm(
        needed=("k", "feature_dim", "sample_size"),
        objective="predictor_type",
        objectives={
            "binary_classification": ("classifier",),
            "multiclass_classification": ("classifier",),
            "regression": ("regressor",),
        },
        classes="",
        tuned={
            "binary_classification": "test:accuracy",
            "multiclass_classification": "test:accuracy",
            "regression": "test:mse",
        },
        maximized=frozenset(("accuracy",)),
        content_type="text/csv;label_size=1",
        accept="application/json",
        validation="test",
    ),
}


def hyperparameters(spec: Spec) -> dict[str, str]:
    """Return what the algorithm is told: plain words, and the problem's objective."""
    given, algorithm = spec["train"]["hyperparameters"], ALGORITHMS[spec["train"]["algorithm"]]
    made = {algorithm.objective: algorithm.objectives[spec["problem"]][0]}
    if spec["problem"] == "multiclass_classification" and algorithm.classes:
        made[algorithm.classes] = str(len(spec["data"]["classes"]))
    return made | {name: _plain(value) for name, value in sorted(given.items())}


def objective(spec: Spec) -> tuple[str, str] | None:
    """Return the metric that a problem is tuned by, and its goal; None for models of scripts."""
    algorithm = of(spec)
    metric = algorithm.tuned.get(spec["problem"]) if algorithm else None
    return (metric, goal(spec, metric) or "") if metric else None


def goal(spec: Spec, metric: str) -> str | None:
    """Return which way an algorithm's metric is better; None where that is not known."""
    algorithm = of(spec)
    if algorithm is None:
        return None
    return "maximize" if metric.partition(":")[2] in algorithm.maximized else "minimize"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def of(spec: Spec) -> Algorithm | None:
    """Return the built-in algorithm of a spec; None for models of scripts and of images."""
    return ALGORITHMS.get(spec["train"].get("algorithm") or "")


def mistakes(spec: Spec) -> Iterator[str]:
    """Yield what the algorithm cannot be trained with: a problem, or hyperparameters."""
    name = spec["train"].get("algorithm")
    algorithm = ALGORITHMS.get(name) if name else None
    if algorithm is None:
        return
    objectives, problem = algorithm.objectives.get(spec["problem"]), spec["problem"]
    given = spec["train"]["hyperparameters"]
    tuned = (spec.get("tune") or {}).get("ranges", {})
    if objectives is None:
        there = ", ".join(algorithm.objectives)
        yield f"problem is {problem!r}, which {name} does not do here; it does {there}"
        return
    for needed in algorithm.needed:
        if needed not in given and needed not in tuned:
            yield f"train.hyperparameters.{needed} is missing; {name} has no default for it"
    objective = given.get(algorithm.objective, objectives[0])
    if objective not in objectives:
        yield (
            f"train.hyperparameters.{algorithm.objective} is {objective!r}; for {problem} give "
            f"{' or '.join(objectives)}"
        )
    if spec["prepare"].get("channels"):
        yield f"prepare.channels is given, and {name} is trained on train and validation alone"
    if spec["evaluate"].get("quantiles"):
        yield f"evaluate.quantiles is given, and {name} answers one number a row; leave it out"
    if problem == "multiclass_classification" and not spec["data"].get("classes"):
        yield f"data.classes is empty; {name} must know all classes, so list them"
    if name == "linear-learner" and len(spec["data"].get("classes") or ()) == 2:
        yield (
            "data.classes names 2 classes, and linear-learner takes 3 or more as a "
            "multiclass_classification; two are a binary_classification with data.positive"
        )
