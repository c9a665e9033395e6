"""All about one model on one page."""

from collections.abc import Sequence
from dataclasses import dataclass

from everloop.views.attention import Attention
from everloop.views.endpoint import Endpoint
from everloop.views.look import Look
from everloop.views.model import Model
from everloop.views.release import Release
from everloop.views.run import Run
from everloop.views.timeline import TimelineEntry
from everloop.views.version import Listed


@dataclass(frozen=True)
class Overview:
    """A model at a glance, what needs attention, and what was done: lists are the newest first,
    but decisions, which are in their order.
    """

    model: Model
    endpoints: Sequence[Endpoint]
    attention: Sequence[Attention]
    versions: Sequence[Listed]
    runs: Sequence[Run]
    releases: Sequence[Release]
    looks: Sequence[Look]
    decisions: Sequence[TimelineEntry]
