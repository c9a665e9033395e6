"""An endpoint's record in the state, and what DescribeEndpoint says of it."""

import math
from datetime import datetime
from typing import Any

from everloop_localcloud.sagemaker import serverless
from everloop_localcloud.sagemaker.listing import pick

Record = dict[str, Any]

_OWN = ("deployed", "pending")


def described(endpoint: Record) -> Record:
    """Return DescribeEndpoint's answer."""
    endpoint = dict(endpoint)  # its own thread may be changing it
    told = {key: value for key, value in endpoint.items() if key not in _OWN}
    deployed, pending = endpoint["deployed"], endpoint.get("pending") or {}
    changes = pending.get("variants", {})
    status = _status(pending) if changes else None
    creating = endpoint["EndpointStatus"] == "Creating"
    if creating:
        status = {"Status": "Creating", "StartTime": endpoint["CreationTime"]}
    up = 0.0 if creating or endpoint["EndpointStatus"] == "Failed" else 1.0
    told["ProductionVariants"] = [
        _summary(variant, changes.get(variant["VariantName"], {}), up, status)
        for variant in deployed["Variants"]
    ]
    capture = deployed.get("DataCaptureConfig")
    if capture:
        enabled = capture.get("EnableCapture", True)
        told["DataCaptureConfig"] = {
            "EnableCapture": enabled,
            "CaptureStatus": "Started" if enabled else "Stopped",
            "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
            "DestinationS3Uri": capture["DestinationS3Uri"],
            "KmsKeyId": capture.get("KmsKeyId", ""),
        }
    if "deployed" in pending:
        told["PendingDeploymentSummary"] = {
            "EndpointConfigName": pending["deployed"]["EndpointConfigName"],
            "StartTime": pending["StartTime"],
            "ProductionVariants": [
                _summary(variant, {}, pending["share"], _status(pending))
                for variant in pending["deployed"]["Variants"]
            ],
        }
    return told


def retained(fresh: Record, current: Record, excluded: set[str]) -> Record:
    """Return what to deploy with counts, weights and capture as they are now.

    `excluded` are the kinds that come from the new config all the same.
    """
    known = {variant["VariantName"]: variant for variant in current["Variants"]}
    members = {"DesiredInstanceCount": "Count", "DesiredWeight": "Weight"}
    kept = [member for kind, member in members.items() if kind not in excluded]
    variants = [
        {**variant, **pick(known.get(variant["VariantName"], {}), *kept)}
        for variant in fresh["Variants"]
    ]
    whole = {**fresh, "Variants": variants}
    if "DataCaptureConfig" not in excluded:
        whole["DataCaptureConfig"] = current.get("DataCaptureConfig")
    return whole


def move_pending(pending: Record, status: str, message: str, now: datetime) -> None:
    """Note how far an update is, in the words of a variant's status."""
    pending |= {"Status": status, "StatusMessage": message, "StatusTime": now}


def _status(pending: Record) -> Record:
    return {
        "Status": pending["Status"],
        "StatusMessage": pending["StatusMessage"],
        "StartTime": pending["StatusTime"],
    }


def _summary(variant: Record, change: Record, up: float, status: Record | None) -> Record:
    """Tell a variant; `up` is which share of its instances takes traffic."""
    image = variant["Container"]["Image"]
    told: Record = {
        "VariantName": variant["VariantName"],
        "DeployedImages": [
            {
                "SpecifiedImage": image,
                "ResolvedImage": image,
                "ResolutionTime": variant["ResolutionTime"],
            }
        ],
        "CurrentWeight": variant["Weight"],
        "DesiredWeight": change.get("Weight", variant["Weight"]),
    }
    if "Serverless" in variant:
        told |= serverless.described(variant)
    else:
        told["CurrentInstanceCount"] = math.ceil(variant["Count"] * up - 1e-9)
        told["DesiredInstanceCount"] = change.get("Count", variant["Count"])
    if "Pools" in variant:
        told["InstancePools"] = [
            {
                "InstanceType": instance,
                "CurrentInstanceCount": told["CurrentInstanceCount"]
                * (instance == variant["InstanceType"]),
            }
            for instance in variant["Pools"]
        ]
    if status is not None:
        told["VariantStatus"] = [status]
    return told
