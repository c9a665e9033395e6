"""CloudWatch: what other parts use, and what brings its operations together."""

from collections.abc import Mapping
from typing import Any, ClassVar

from everloop_localcloud.cloudwatch.alarm_operations import AlarmOperations
from everloop_localcloud.cloudwatch.alarms import Alarms
from everloop_localcloud.cloudwatch.dashboards import DashboardOperations
from everloop_localcloud.cloudwatch.metric_operations import MetricOperations
from everloop_localcloud.cloudwatch.metrics import Metric, Metrics, Sample
from everloop_localcloud.cloudwatch.reads import READS
from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import Api, operation
from everloop_localcloud.kernel.errors import AwsError

Row = dict[str, Any]


class CloudWatch(Api):
    service = "cloudwatch"
    reads = READS
    partial: ClassVar[dict[str, str]] = {
        "PutMetricAlarm": "no anomaly detection, SEARCH or Metrics Insights; actions are SNS, "
        "Lambda and scaling policies; EvaluateLowSampleCountPercentile is stored and not applied",
        "PutCompositeAlarm": "no actions suppressor",
        "GetMetricData": "math: arithmetic, comparisons, SUM AVG MIN MAX FILL IF ABS CEIL FLOOR; "
        "SEARCH alone, its terms joined by AND",
        "ListMetrics": "RecentlyActive covers three hours; there are no linked accounts",
        "PutDashboard": "stored after a check that it is JSON",
    }

    def __init__(self, cloud: Account) -> None:
        self.metrics = Metrics(cloud)
        self.alarms = Alarms(cloud, self.metrics)
        self.dashboards = cloud.store.table("cloudwatch.dashboards")
        parts = (
            MetricOperations(self.metrics, self.alarms),
            AlarmOperations(self.alarms),
            DashboardOperations(cloud, self.dashboards),
        )
        super().__init__(cloud, parts)

    def start(self) -> None:
        self.alarms.start()

    def stop(self) -> None:
        self.alarms.stop()

    # For other parts of the cloud

    def put(
        self,
        namespace: str,
        name: str,
        value: float,
        dimensions: Mapping[str, str] | None = None,
        unit: str = "None",
    ) -> None:
        """Put one value, measured now; alarms on the metric are evaluated soon after."""
        metric = Metric(namespace, name, tuple(sorted((dimensions or {}).items())))
        sample = Sample()
        sample.add(float(value))
        self.metrics.add(metric, self.cloud.clock.now().timestamp(), unit, sample)
        self.alarms.heard(metric)

    def alarm_state(self, name: str) -> str:
        """Return OK, ALARM or INSUFFICIENT_DATA. Raises AwsError ResourceNotFound."""
        return str(self.alarms.get(name)["state"]["value"])

    # Tags

    def _tagged(self, arn: str) -> Row:
        for row in [*self.alarms.rows.values(), *self.dashboards.values()]:
            if row["arn"] == arn:
                return row
        raise AwsError("ResourceNotFoundException", f"Resource {arn} does not exist", 404)

    def _retag(self, row: Row, tags: dict[str, str]) -> None:
        changed = {**row, "tags": tags}
        if "kind" in row:
            self.alarms.save(changed)
        else:
            self.dashboards[row["name"]] = changed

    @operation
    def tag_resource(self, call: Call, request: Row) -> None:
        with self.alarms.lock:
            row = self._tagged(request["ResourceARN"])
            given = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
            self._retag(row, {**row["tags"], **given})

    @operation
    def untag_resource(self, call: Call, request: Row) -> None:
        with self.alarms.lock:
            row = self._tagged(request["ResourceARN"])
            left = {key: one for key, one in row["tags"].items() if key not in request["TagKeys"]}
            self._retag(row, left)

    @operation
    def list_tags_for_resource(self, call: Call, request: Row) -> Row:
        tags = self._tagged(request["ResourceARN"])["tags"]
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
