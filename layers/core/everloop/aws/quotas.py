"""Service Quotas: what this account may have, by the quota's name."""

from dataclasses import dataclass

from everloop.aws.clients import translated
from everloop.aws.outside import service_quotas


@dataclass(frozen=True)
class Quota:
    name: str
    code: str
    value: float


def of(service: str) -> dict[str, Quota]:
    """Return the quotas of a service by name, as they apply to this account and region."""
    with translated(f"quotas of {service}"):
        pages = service_quotas().get_paginator("list_service_quotas")
        return {
            each["QuotaName"]: Quota(each["QuotaName"], each["QuotaCode"], float(each["Value"]))
            for page in pages.paginate(ServiceCode=service)
            for each in page["Quotas"]
        }
