"""The ledger as the command reads it: installed models and their chain of decisions."""

from functools import cached_property
from typing import Any

import boto3
from boto3.dynamodb.conditions import Key

from console.site import Site
from console.trouble import Trouble


class Records:
    """Reads the ledger table of one stack; never writes."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @cached_property
    def _table(self) -> Any:
        resource = boto3.resource(
            "dynamodb", region_name=self._site.client("dynamodb").meta.region_name
        )
        return resource.Table(self._site.output("LedgerTable"))

    def models(self) -> list[str]:
        return [item["sk"] for item in self._query(Key("pk").eq("MODELS"))]

    def known(self, model: str) -> str:
        """Return the model's name. Raises Trouble naming the models there are."""
        models = self.models()
        if model not in models:
            there = ", ".join(models) or "none yet; push one: everloop push models/NAME"
            raise Trouble(f"no model {model!r} is installed here. Installed: {there}")
        return model

    def decisions(self, model: str, after: int = 0) -> list[dict[str, Any]]:
        """Return the decisions with a sequence number above `after`, oldest first."""
        first, last = f"DECISION#{after + 1:010d}", "DECISION#9999999999"
        key = Key("pk").eq(f"MODEL#{model}") & Key("sk").between(first, last)
        return self._query(key)

    def items(self, model: str, prefix: str) -> list[dict[str, Any]]:
        """Return the model's items whose sort key begins with `prefix`."""
        return self._query(Key("pk").eq(f"MODEL#{model}") & Key("sk").begins_with(prefix))

    def _query(self, condition: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        more: dict[str, Any] = {}
        while True:
            page = self._table.query(KeyConditionExpression=condition, ConsistentRead=True, **more)
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return found
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
