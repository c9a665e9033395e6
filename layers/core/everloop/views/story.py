"""Why a version of a model is in production, or is not: all that an auditor asks."""

from dataclasses import dataclass

from everloop.views.chain import Chain
from everloop.views.endpoint import Endpoint
from everloop.views.version import Version
from everloop.views.withdrawn import TrainedOn


@dataclass(frozen=True)
class Story:
    """`version` is None where nothing serves yet, and no number was requested."""

    model: str
    serving: Endpoint | None
    version: Version | None
    trained_on_withdrawn: TrainedOn
    chain: Chain
