"""The ledger's record of what each endpoint config of ours was made of."""

from everloop.aws import table
from everloop.records import config as records
from everloop.records.config import ServingConfig


def put(model: str, made: ServingConfig) -> None:
    """Write down what is about to be made."""
    table.write(records.put(model, made))


def get(model: str, config_name: str) -> ServingConfig | None:
    item = table.get(records.key(model, config_name))
    return records.of(config_name, item) if item else None


def forget(model: str, config_name: str) -> None:
    """Forget a config that nobody will need again."""
    table.write(records.forget(model, config_name))
