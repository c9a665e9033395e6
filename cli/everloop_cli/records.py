"""The ledger as the command reads it: installed models and their chain of decisions."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from everloop.aws.items import plain_item
from everloop.chain import Anchor, anchor_of, verify
from everloop.moments import text
from everloop.records import approval, incident, release
from everloop.records.approval import Approval
from everloop.records.incident import Incident
from everloop.records.release import Release
from everloop_cli.site import Site
from everloop_cli.trouble import Trouble

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


_CLOSED = ("WINDOW#", "WINDOW#99999999")  # a model's closed windows


def _headless(decisions: list[dict[str, Any]], head: dict[str, Any] | None) -> list[str]:
    if head is not None or not decisions:
        return []
    return [f"the chain's head is missing; the newest decision found is {decisions[-1]['seq']}"]


class Records:
    """Reads the ledger table of one stack; never writes."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @cached_property
    def _dynamodb(self) -> "DynamoDBClient":
        client: DynamoDBClient = self._site.client("dynamodb")
        return client

    def models(self) -> list[str]:
        return [item["sk"] for item in self._query("MODELS")]

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
        found = self._query(f"MODEL#{model}", between=(first, last))
        return [{k: v for k, v in item.items() if k not in ("pk", "sk")} for item in found]

    def spec(self, model: str) -> dict[str, Any]:
        """Return the installed spec of a model, as the jobs read it."""
        found: dict[str, Any] = self._item(model, "SPEC")["spec"]
        return found

    def head(self, model: str) -> dict[str, Any] | None:
        """Return the chain's head; read it before the decisions, which it may not run ahead of."""
        found = self._item(model, "CHAIN")
        return {"seq": found["seq"], "hash": found["hash"]} if found else None

    def anchors(self, model: str) -> list[Anchor]:
        """Return the heads that were anchored, also those that a delete marker lies on.

        None where the stack has no bucket for them yet: an older template.
        """
        bucket = self._site.outputs.get("AnchorBucket")
        if bucket is None:
            return []
        pages = self._site.s3.get_paginator("list_object_versions").paginate(
            Bucket=bucket, Prefix=f"chains/{model}/"
        )
        found = {
            each["Key"]: anchor_of(each["Key"], text(each["LastModified"]))
            for page in pages
            for each in page.get("Versions", [])
        }
        return [anchor for anchor in found.values() if anchor is not None]

    def verified(self, model: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return all decisions, and what their verification against head and anchors says."""
        head = self.head(model)
        decisions = self.decisions(model)
        anchors = self.anchors(model)
        return decisions, {
            "decisions": len(decisions),
            "head": head,
            "anchors": [anchor.told() for anchor in anchors],
            "problems": [*_headless(decisions, head), *verify(decisions, head, anchors)],
        }

    def releases(self, model: str) -> list[Release]:
        """Return the releases that ended, the newest first."""
        found = self._query(f"MODEL#{model}", between=("RELEASE#", "RELEASE$"))
        return [release.of(item) for item in reversed(found)]

    def seal(self, model: str, version: int) -> dict[str, Any]:
        """Return what a version was when it was first seen; empty where it was never sealed."""
        return self._item(model, f"SEAL#{version:08d}")

    def approvals(self, model: str) -> dict[int, Approval]:
        """Return the last word on each version, as it was seen."""
        found = self._query(f"MODEL#{model}", between=("APPROVAL#", "APPROVAL$"))
        return {word.version: word for word in map(approval.of, found)}

    def incidents(self, model: str) -> list[Incident]:
        """Return what people were told is wrong, and is not over."""
        found = self._query(f"MODEL#{model}", between=("INCIDENT#", "INCIDENT$"))
        return [incident.of(item) for item in found]

    def shortages(self, model: str) -> list[dict[str, Any]]:
        """Return what waits for something that AWS lacks."""
        found = self._query(f"MODEL#{model}", between=("SHORTAGE#", "SHORTAGE$"))
        return [item for item in found if "ended_at" not in item]

    def waiting(self, model: str) -> int:
        """Return how many objects have come that are in no dataset yet."""
        return int(self._item(model, "WINDOW").get("objects") or 0)

    def paused(self, model: str) -> str:
        """Return why nothing new starts for a model; empty where it may."""
        return str(self._item(model, "SPEC").get("paused") or "")

    def asked(self, model: str) -> str:
        """Return when a model's monitor was last asked to look; empty before the first time."""
        return str(self._item(model, "MONITOR").get("asked") or "")

    def objects(self, model: str) -> dict[str, dict[str, Any]]:
        """Return what was withdrawn or set aside of a model's objects, or brought back, by id."""
        found = self._query(f"OBJECT#{model}")
        return {item["sk"]: {k: v for k, v in item.items() if k != "pk"} for item in found}

    def arrivals(self, model: str) -> list[dict[str, Any]]:
        """Return every object version that came, with its window: of the newest, where several."""
        number, found = int(self._item(model, "WINDOW").get("number") or 1), {}
        for window in range(1, number + 1):
            for item in self._query(f"ARRIVAL#{model}#{window}"):
                found[item["sk"]] = {**item, "id": item["sk"], "window": window}
        return list(found.values())

    def has_data(self, model: str) -> bool:
        """Whether anything ever came for a model, installed or not."""
        return bool(self._item(model, "WINDOW"))

    def newest_dataset(self, model: str) -> dict[str, Any] | None:
        """Return window, digest and place of the newest manifest; None before the first."""
        closed = [item for item in self._query(f"MODEL#{model}", between=_CLOSED)]
        frozen = [item for item in closed if item.get("digest")]
        if not frozen:
            return None
        last = frozen[-1]
        return {"window": last["number"], "digest": last["digest"], "uri": last["uri"]}

    def _item(self, model: str, sk: str) -> dict[str, Any]:
        found = self._dynamodb.get_item(
            TableName=self._site.output("LedgerTable"),
            Key={"pk": {"S": f"MODEL#{model}"}, "sk": {"S": sk}},
            ConsistentRead=True,
        ).get("Item", {})
        return plain_item(found)

    def _query(self, pk: str, between: tuple[str, str] | None = None) -> list[dict[str, Any]]:
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        if between is not None:
            condition += " AND sk BETWEEN :first AND :last"
            values |= {":first": {"S": between[0]}, ":last": {"S": between[1]}}
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._site.output("LedgerTable"),
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        return [plain_item(item) for page in pages for item in page["Items"]]
