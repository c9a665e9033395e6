"""Resource types that watch: CloudWatch Logs and CloudWatch."""

from typing import Any

from everloop_localcloud.cloudformation.resources.kind import (
    Kind,
    Made,
    Site,
    document,
    picked,
    tag_changes,
    tag_map,
)


class LogGroup(Kind):
    type = "AWS::Logs::LogGroup"
    properties = frozenset({"LogGroupName", "RetentionInDays", "KmsKeyId", "LogGroupClass", "Tags"})
    rigid = frozenset({"LogGroupClass"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name = given.get("LogGroupName") or site.name(512)
        request = {
            "logGroupName": name,
            "kmsKeyId": given.get("KmsKeyId"),
            "logGroupClass": given.get("LogGroupClass"),
            "tags": tag_map(given.get("Tags")) or None,
        }
        site.call("logs", "CreateLogGroup", request)
        try:
            self._retain(site, name, {}, given)
        except Exception:
            site.gone("logs", "DeleteLogGroup", {"logGroupName": name})
            raise
        return self._made(site, name)

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        self._retain(site, ref, before, given)
        self._encrypt(site, ref, before, given)
        made = self._made(site, ref)
        arn = made.attributes["Arn"].removesuffix(":*")
        new, gone = tag_changes(before.get("Tags"), given.get("Tags"))
        if gone:
            site.call("logs", "UntagResource", {"resourceArn": arn, "tagKeys": gone})
        if new:
            site.call("logs", "TagResource", {"resourceArn": arn, "tags": new})
        return made

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("logs", "DeleteLogGroup", {"logGroupName": ref})

    @staticmethod
    def _encrypt(site: Site, name: str, before: dict[str, Any], given: dict[str, Any]) -> None:
        key = given.get("KmsKeyId")
        if before.get("KmsKeyId") == key:
            return
        if key is None:
            site.call("logs", "DisassociateKmsKey", {"logGroupName": name})
        else:
            site.call("logs", "AssociateKmsKey", {"logGroupName": name, "kmsKeyId": key})

    @staticmethod
    def _retain(site: Site, name: str, before: dict[str, Any], given: dict[str, Any]) -> None:
        days = given.get("RetentionInDays")
        if before.get("RetentionInDays") == days:
            return
        if days is None:
            site.gone("logs", "DeleteRetentionPolicy", {"logGroupName": name})
        else:
            request = {"logGroupName": name, "retentionInDays": days}
            site.call("logs", "PutRetentionPolicy", request)

    @staticmethod
    def _made(site: Site, name: str) -> Made:
        return Made(name, {"Arn": site.cloud.arn("logs", f"log-group:{name}:*")})


class _Alarm(Kind):
    """What the two kinds of alarms share: a name, an ARN, and being put whole."""

    _put: str
    _direct: tuple[str, ...]

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        return self._written(site, given.get("AlarmName") or site.name(255), {}, given)

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        return self._written(site, ref, before, given)

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("cloudwatch", "DeleteAlarms", {"AlarmNames": [ref]})

    def _written(
        self, site: Site, name: str, before: dict[str, Any], given: dict[str, Any]
    ) -> Made:
        request = {"AlarmName": name, **picked(given, self._direct)}
        arn = site.cloud.arn("cloudwatch", f"alarm:{name}")
        new, gone = tag_changes(before.get("Tags"), given.get("Tags"))
        tags = [{"Key": key, "Value": value} for key, value in new.items()]
        if tags and not before:
            request["Tags"] = tags
        site.call("cloudwatch", self._put, request)
        if gone:
            site.call("cloudwatch", "UntagResource", {"ResourceARN": arn, "TagKeys": gone})
        if tags and before:
            site.call("cloudwatch", "TagResource", {"ResourceARN": arn, "Tags": tags})
        return Made(name, {"Arn": arn})


class Alarm(_Alarm):
    type = "AWS::CloudWatch::Alarm"
    _put = "PutMetricAlarm"
    _direct = (
        "ActionsEnabled",
        "AlarmActions",
        "AlarmDescription",
        "ComparisonOperator",
        "DatapointsToAlarm",
        "Dimensions",
        "EvaluateLowSampleCountPercentile",
        "EvaluationPeriods",
        "ExtendedStatistic",
        "InsufficientDataActions",
        "MetricName",
        "Metrics",
        "Namespace",
        "OKActions",
        "Period",
        "Statistic",
        "Threshold",
        "ThresholdMetricId",
        "TreatMissingData",
        "Unit",
    )
    properties = frozenset({"AlarmName", "Tags", *_direct})
    required = frozenset({"ComparisonOperator", "EvaluationPeriods"})


class CompositeAlarm(_Alarm):
    type = "AWS::CloudWatch::CompositeAlarm"
    _put = "PutCompositeAlarm"
    _direct = (
        "ActionsEnabled",
        "ActionsSuppressor",
        "ActionsSuppressorExtensionPeriod",
        "ActionsSuppressorWaitPeriod",
        "AlarmActions",
        "AlarmDescription",
        "AlarmRule",
        "InsufficientDataActions",
        "OKActions",
    )
    properties = frozenset({"AlarmName", "Tags", *_direct})
    required = frozenset({"AlarmRule"})


class Dashboard(Kind):
    type = "AWS::CloudWatch::Dashboard"
    properties = frozenset({"DashboardName", "DashboardBody"})
    required = frozenset({"DashboardBody"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        return self._put(site, given.get("DashboardName") or site.name(255), given)

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        return self._put(site, ref, given)

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("cloudwatch", "DeleteDashboards", {"DashboardNames": [ref]})

    @staticmethod
    def _put(site: Site, name: str, given: dict[str, Any]) -> Made:
        request = {"DashboardName": name, "DashboardBody": document(given["DashboardBody"])}
        site.call("cloudwatch", "PutDashboard", request)
        return Made(name)


KINDS: tuple[Kind, ...] = (LogGroup(), Alarm(), CompositeAlarm(), Dashboard())
