"""What the template knows, read once from the environment. A missing name fails the cold start."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from everloop.facts import Home


@dataclass(frozen=True)
class Settings:
    """Names and ARNs of this stack. What a model's owner decides stands in the model's spec."""

    stack: str
    region: str
    ledger_table: str
    data_bucket: str
    artefact_bucket: str
    anchor_bucket: str  # heads of the ledger's chains
    event_bus: str
    notification_topic: str
    notification_topics: tuple[str, ...]  # others that a model may name
    machines: str
    sagemaker_role: str
    scheduler_role: str
    monitoring_function: str
    violation_function: str
    undelivered_queue: str
    kms_key: str | None
    masking_key: str  # makes tokens of personal values

    @property
    def home(self) -> Home:
        """The account and region that this stack is in."""
        region, account = self.machines.split(":")[3:5]
        return Home(account, region)

    @property
    def partition(self) -> str:
        """The part of AWS that the region is in: aws, aws-cn or aws-us-gov."""
        return self.machines.split(":")[1]


def read(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises KeyError naming the variable that is missing."""

    def need(name: str) -> str:
        value = environment.get(name)
        if not value:
            raise KeyError(f"environment variable {name} is missing; template.yaml sets it")
        return value

    return Settings(
        stack=need("STACK"),
        region=need("AWS_REGION"),
        ledger_table=need("LEDGER_TABLE"),
        data_bucket=need("DATA_BUCKET"),
        artefact_bucket=need("ARTEFACT_BUCKET"),
        anchor_bucket=need("ANCHOR_BUCKET"),
        event_bus=need("EVENT_BUS"),
        notification_topic=need("NOTIFICATION_TOPIC"),
        notification_topics=tuple(
            topic for topic in environment.get("NOTIFICATION_TOPICS", "").split(",") if topic
        ),
        machines=need("MACHINES"),
        sagemaker_role=need("SAGEMAKER_ROLE"),
        scheduler_role=need("SCHEDULER_ROLE"),
        monitoring_function=need("MONITORING_FUNCTION"),
        violation_function=need("VIOLATION_FUNCTION"),
        undelivered_queue=need("UNDELIVERED_QUEUE"),
        kms_key=environment.get("KMS_KEY") or None,
        masking_key=environment.get("MASKING_KEY", ""),
    )


def of_outputs(stack: str, region: str, outputs: Mapping[str, str]) -> Settings:
    """Return what the stack's outputs tell a program that is none of its functions.

    Roles, functions and queues are no outputs, and empty: nothing can be started with them.
    """
    return Settings(
        stack=stack,
        region=region,
        ledger_table=outputs.get("LedgerTable", ""),
        data_bucket=outputs.get("DataBucket", ""),
        artefact_bucket=outputs.get("ArtefactBucket", ""),
        anchor_bucket=outputs.get("AnchorBucket", ""),
        event_bus=outputs.get("EventBus", ""),
        notification_topic=outputs.get("NotificationTopic", ""),
        notification_topics=(),
        machines=outputs.get("TrainMachine", "").removesuffix("-train"),
        sagemaker_role="",
        scheduler_role="",
        monitoring_function="",
        violation_function="",
        undelivered_queue="",
        kms_key=None,
        masking_key=outputs.get("MaskingKey", ""),
    )


_chosen: Settings | None = None


def use(chosen: Settings | None) -> None:
    """Let these be the settings from here on; with None, the environment's again."""
    global _chosen
    _chosen = chosen
    settings.cache_clear()


@cache
def settings() -> Settings:
    return _chosen or read(os.environ)
