"""The operations on dashboards."""

import json
from typing import Any

from everloop_localcloud.cloudwatch.pages import page
from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.store import Table

Row = dict[str, Any]


class DashboardOperations:
    def __init__(self, cloud: Account, dashboards: Table) -> None:
        self.cloud = cloud
        self.dashboards = dashboards

    @operation
    def put_dashboard(self, call: Call, request: Row) -> Row:
        try:
            body = json.loads(request["DashboardBody"])
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise AwsError(
                "DashboardInvalidInputError", "The field DashboardBody must be a valid JSON object"
            )
        name = request["DashboardName"]
        arn = f"arn:aws:cloudwatch::{self.cloud.account}:dashboard/{name}"
        tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}
        known = self.dashboards.get(name)
        self.dashboards[name] = {
            "name": name,
            "arn": arn,
            "body": request["DashboardBody"],
            "modified": call.time,
            "tags": known["tags"] if known else tags,
        }
        return {"DashboardValidationMessages": []}

    def _dashboard(self, name: str) -> Row:
        row = self.dashboards.get(name)
        if row is None:
            raise AwsError("DashboardNotFoundError", f"Dashboard {name} does not exist", 404)
        return row

    @operation
    def get_dashboard(self, call: Call, request: Row) -> Row:
        row = self._dashboard(request["DashboardName"])
        return {
            "DashboardArn": row["arn"],
            "DashboardBody": row["body"],
            "DashboardName": row["name"],
        }

    @operation
    def list_dashboards(self, call: Call, request: Row) -> Row:
        prefix = request.get("DashboardNamePrefix") or ""
        entries = [
            {
                "DashboardName": row["name"],
                "DashboardArn": row["arn"],
                "LastModified": row["modified"],
                "Size": len(row["body"].encode()),
            }
            for _, row in sorted(self.dashboards.items())
            if row["name"].startswith(prefix)
        ]
        return page(entries, request, "DashboardEntries", 1000)

    @operation
    def delete_dashboards(self, call: Call, request: Row) -> None:
        for name in request["DashboardNames"]:
            self._dashboard(name)
        for name in request["DashboardNames"]:
            del self.dashboards[name]
