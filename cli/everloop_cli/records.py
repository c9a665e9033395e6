"""The ledger as the command reads it: through everloop.aws, of the stack that is meant."""

from typing import Any

from everloop.aws import approvals, arrivals, incidents, journal, ledger, monitoring, objects
from everloop.aws import shortages as waits
from everloop.chain import Anchor, anchor_of, verify
from everloop.errors import BadInput
from everloop.moments import text
from everloop.records.approval import Approval
from everloop.records.incident import Incident
from everloop.records.object_state import ObjectState
from everloop.records.release import Release
from everloop.records.seal import Seal
from everloop.records.shortage import Shortage
from everloop_cli.site import Site
from everloop_cli.trouble import Trouble

_RELEASES = 1000  # more than anybody reads


def _headless(decisions: list[dict[str, Any]], head: dict[str, Any] | None) -> list[str]:
    if head is not None or not decisions:
        return []
    return [f"the chain's head is missing; the newest decision found is {decisions[-1]['seq']}"]


class Records:
    """Reads the ledger table of one stack; never writes."""

    def __init__(self, site: Site) -> None:
        self._site = site
        site.open_door()

    def models(self) -> list[str]:
        return ledger.models()

    def known(self, model: str) -> str:
        """Return the model's name. Raises Trouble naming the models there are."""
        models = self.models()
        if model not in models:
            there = ", ".join(models) or "none yet; push one: everloop push models/NAME"
            raise Trouble(f"no model {model!r} is installed here. Installed: {there}")
        return model

    def decisions(self, model: str, after: int = 0) -> list[dict[str, Any]]:
        """Return the decisions with a sequence number above `after`, oldest first."""
        return list(journal.decisions(model, after=after))

    def spec(self, model: str) -> dict[str, Any]:
        """Return the installed spec of a model, as the jobs read it."""
        try:
            return dict(ledger.installed(model).spec)
        except BadInput as error:
            raise Trouble(str(error)) from error

    def head(self, model: str) -> dict[str, Any] | None:
        """Return the chain's head; read it before the decisions, which it may not run ahead of."""
        found = journal.head(model)
        return {"seq": found.seq, "hash": found.hash} if found else None

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
            "anchors": [anchor.as_dict() for anchor in anchors],
            "problems": [*_headless(decisions, head), *verify(decisions, head, anchors)],
        }

    def releases(self, model: str) -> list[Release]:
        """Return the releases that ended, the newest first."""
        return ledger.releases(model, newest=_RELEASES)

    def seal(self, model: str, version: int) -> Seal | None:
        """Return what a version was when it was first seen; None where it was never sealed."""
        return ledger.seal(model, version)

    def approvals(self, model: str) -> dict[int, Approval]:
        """Return the last word on each version, as it was seen."""
        return approvals.all_of(model)

    def incidents(self, model: str) -> list[Incident]:
        """Return what people were told is wrong, and is not over."""
        return incidents.standing(model)

    def shortages(self, model: str) -> list[Shortage]:
        """Return what waits for something that AWS lacks."""
        return waits.of(model)

    def waiting(self, model: str) -> int:
        """Return how many objects have come that are in no dataset yet."""
        window = arrivals.find_window(model)
        return window.objects if window else 0

    def paused(self, model: str) -> str:
        """Return why nothing new starts for a model; empty where it may."""
        found = ledger.find_installed(model)
        return found.paused if found else ""

    def asked(self, model: str) -> str:
        """Return when a model's monitor was last asked to look; empty before the first time."""
        when = monitoring.last_asked(model)
        return text(when) if when else ""

    def objects(self, model: str) -> dict[str, ObjectState]:
        """Return what was withdrawn or set aside of a model's objects, or brought back, by id."""
        return objects.states(model)

    def arrivals(self, model: str) -> list[dict[str, Any]]:
        """Return every object version that came, with its window: of the newest, where several."""
        window = arrivals.find_window(model)
        came = arrivals.arrivals(model, range(1, (window.number if window else 1) + 1))
        found = {
            each.id: {
                "id": each.id,
                "key": each.key,
                "version_id": each.version_id,
                "arrived_at": text(each.arrived_at),
                "window": number,
            }
            for number, some in came.items()
            for each in some
        }
        return list(found.values())

    def has_data(self, model: str) -> bool:
        """Whether anything ever came for a model, installed or not."""
        return arrivals.find_window(model) is not None

    def newest_dataset(self, model: str) -> dict[str, Any] | None:
        """Return window, digest and place of the newest manifest; None before the first."""
        found = arrivals.last_frozen(model)
        if found is None:
            return None
        return {"window": found.number, "digest": found.digest, "uri": found.uri}
