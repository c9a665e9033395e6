"""Scaling: how many instances a load needs, and when that many may be asked for."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """How many instances there should be; None where they stay, `why` says for what."""

    count: int | None
    why: str


def wanted(target: Row, config: Row, now: int, loads: Sequence[float], *, out: bool) -> Change:
    """Return what a target's instances should be for these loads of each, the latest last.

    Instances are added for the latest minute, and taken away for the busiest of all.
    """
    suspended = "DynamicScalingOutSuspended" if out else "DynamicScalingInSuspended"
    if target["SuspendedState"].get(suspended):
        return Change(None, f"{suspended} is set")
    if not out and config.get("DisableScaleIn"):
        return Change(None, "DisableScaleIn is set")
    if not loads:
        return Change(None, "nothing was measured")
    load = loads[-1] if out else max(loads)
    needed = math.ceil(load * now / config["TargetValue"])
    count = min(max(needed, target["MinCapacity"]), target["MaxCapacity"])
    if (count <= now) if out else (count >= now):
        return Change(None, f"{now} instances stay")
    return Change(count, f"{load:g} invocations of each instance, {config['TargetValue']:g} wanted")


def rests(
    config: Row, activities: Sequence[Row], count: int, now: datetime, *, out: bool, usual: int
) -> bool:
    """Whether a cooldown forbids a change: `activities` are those that succeeded, the latest last.

    More instances than the last change asked for may come at once; fewer wait for any change.
    """
    if not activities:
        return False
    last = activities[-1]
    if out and (last["count"] < last["before"] or count > last["count"]):
        return False
    seconds = config.get("ScaleOutCooldown" if out else "ScaleInCooldown", usual)
    return bool(now - last["EndTime"] < timedelta(seconds=seconds))
