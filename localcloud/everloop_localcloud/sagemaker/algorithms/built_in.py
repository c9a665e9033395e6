"""Which of SageMaker's built-in algorithms run here, and what AWS knows of them beforehand."""

from pathlib import Path
from typing import Any, Final

from everloop_localcloud.kernel.errors import validation

Record = dict[str, Any]

_HERE: Final = Path(__file__).parent
XGBOOST: Final = "sagemaker-xgboost"
TRAIN: Final = _HERE / "xgboost_train.py"
SERVE: Final = _HERE / "xgboost_serving"
# The others, by their repositories: docs.aws.amazon.com, "Docker Registry Paths".
AWS_ONLY: Final = frozenset(
    (
        *("blazingtext", "factorization-machines", "forecasting-deepar", "image-classification"),
        *("ipinsights", "kmeans", "knn", "lda", "linear-learner", "ntm", "object-detection"),
        *("object2vec", "pca", "randomcutforest", "semantic-segmentation", "seq2seq"),
    )
)
_METRICS: Final = (
    *("accuracy", "auc", "aucpr", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "map"),
    *("ndcg", "precision", "r2", "recall", "error", "gamma-deviance", "gamma-nloglik", "logloss"),
    *("mae", "mape", "merror", "mlogloss", "mphe", "mse", "poisson-nloglik", "rmse", "rmsle"),
    *("tweedie-nloglik", "cox-nloglik", "aft-nloglik"),
)
_NUMBER: Final = r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?|nan"


def trains(image: str, parameters: Record) -> bool:
    """Whether a training job runs XGBoost as the built-in algorithm, with no script of its own."""
    return _is_xgboost(image) and not parameters.get("sagemaker_program")


def serves(image: str, environment: Record) -> bool:
    """Whether a container serves XGBoost as the built-in algorithm, with no script of its own."""
    return _is_xgboost(image) and not environment.get("SAGEMAKER_PROGRAM")


def _is_xgboost(image: str) -> bool:
    return image.rpartition("/")[2].partition(":")[0].partition("@")[0] == XGBOOST


def check_metrics(algorithm: Record) -> None:
    """Raise AwsError where metrics are given: AWS knows those of its algorithms."""
    if algorithm.get("MetricDefinitions"):
        raise validation(
            "You can't override the metric definitions for Amazon SageMaker algorithms. Please"
            " retry the request without specifying metric definitions."
        )


def metrics() -> list[Record]:
    """Return what AWS reads of what XGBoost prints."""
    return [
        {
            "Name": f"{channel}:{metric}",
            "Regex": rf".*\[[0-9]+\].*#011{channel}-{metric}:({_NUMBER}).*",
        }
        for channel in ("train", "validation")
        for metric in _METRICS
    ]
