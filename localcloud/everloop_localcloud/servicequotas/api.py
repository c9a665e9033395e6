"""The operations of Service Quotas: those of a new account, each with its source."""

import uuid
from typing import Any, ClassVar

from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import Api, operation
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.servicequotas.reads import READS

_PAGE = 100
_NAMES = {"sagemaker": "Amazon SageMaker", "lambda": "AWS Lambda"}


class ServiceQuotas(Api):
    service = "service-quotas"
    reads = READS
    partial: ClassVar[dict[str, str]] = {
        "ListServiceQuotas": "instances of SageMaker that the list of a new account names, and "
        "Lambda's concurrency",
        "RequestServiceQuotaIncrease": "is granted at once; AWS takes minutes to days",
    }
    without_effect: ClassVar[dict[str, str]] = {
        "SupportCaseAllowed": "nobody is asked: an increase is granted at once"
    }

    @operation
    def get_service_quota(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return {"Quota": self._shown(self._quota(request))}

    @operation
    def list_service_quotas(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        service, code = request["ServiceCode"], request.get("QuotaCode")
        mine = [each for each in self.cloud.quotas.known() if each["service"] == service]
        if not mine:
            raise _missing(service)
        found = [each for each in mine if code in (None, each["code"])]
        first = int(request.get("NextToken") or 0)
        last = first + int(request.get("MaxResults") or _PAGE)
        answer: dict[str, Any] = {"Quotas": [self._shown(each) for each in found[first:last]]}
        if last < len(found):
            answer["NextToken"] = str(last)
        return answer

    @operation
    def request_service_quota_increase(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        quota, wanted = self._quota(request), float(request["DesiredValue"])
        if wanted <= quota["value"]:
            raise AwsError(
                "IllegalArgumentException",
                f"You must provide a quota value greater than the current value {quota['value']}",
            )
        self.cloud.quotas.grant(quota["name"], wanted)
        return {
            "RequestedQuota": {
                "Id": uuid.uuid4().hex,
                "ServiceCode": quota["service"],
                "ServiceName": _NAMES[quota["service"]],
                "QuotaCode": quota["code"],
                "QuotaName": quota["name"],
                "DesiredValue": wanted,
                "Status": "APPROVED",
                "Created": call.time,
                "QuotaArn": self._arn(quota),
                "GlobalQuota": False,
                "Unit": "None",
            }
        }

    def _quota(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request["ServiceCode"], request["QuotaCode"]
        for each in self.cloud.quotas.known():
            if (each["service"], each["code"]) == wanted:
                return each
        raise _missing(request["QuotaCode"])

    def _shown(self, quota: dict[str, Any]) -> dict[str, Any]:
        return {
            "ServiceCode": quota["service"],
            "ServiceName": _NAMES[quota["service"]],
            "QuotaArn": self._arn(quota),
            "QuotaCode": quota["code"],
            "QuotaName": quota["name"],
            "Value": float(quota["value"]),
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }

    def _arn(self, quota: dict[str, Any]) -> str:
        return self.cloud.arn("servicequotas", f"{quota['service']}/{quota['code']}")


def _missing(what: str) -> AwsError:
    return AwsError("NoSuchResourceException", f"The request failed because {what} does not exist.")
