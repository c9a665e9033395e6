"""The ledger's record of what each endpoint config of ours was made of: names do not tell that."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from everloop.aws import table
from everloop.aws.table import model_key


@dataclass(frozen=True)
class Made:
    """An endpoint config and the one model that it serves, as both were asked for."""

    config_name: str
    config: Mapping[str, Any]
    sagemaker_model: str
    container: Mapping[str, Any]


def put(model: str, made: Made) -> None:
    """Write down what is about to be made."""
    table.put(
        {
            **model_key(model, f"CONFIG#{made.config_name}"),
            "config": dict(made.config),
            "sagemaker_model": made.sagemaker_model,
            "container": dict(made.container),
        }
    )


def get(model: str, config_name: str) -> Made | None:
    item = table.get(model_key(model, f"CONFIG#{config_name}"))
    if item is None:
        return None
    return Made(config_name, item["config"], item["sagemaker_model"], item["container"])


def forget(model: str, config_name: str) -> None:
    """Forget a config that nobody will need again."""
    table.delete(model_key(model, f"CONFIG#{config_name}"))
