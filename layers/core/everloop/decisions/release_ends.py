"""How a release ended and why, whether AWS lacked something for it, and what it leaves behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from everloop.decisions.infrastructure import trouble, trouble_of
from everloop.decisions.releases import Serving
from everloop.errors import Tampered, message_of
from everloop.names import is_staging_config, version_of_config
from everloop.records.release import (
    ERROR,
    INTERRUPTED,
    RELEASED,
    ROLLED_BACK,
    TAMPERED,
    TESTS_FAILED,
    WITHDRAWN,
    Release,
)
from everloop.records.shortage import Trouble

# An endpoint that answers from the config that it names, whatever it moves to.
_ANSWERS = ("InService", "Updating", "SystemUpdating")
DELETED = "Deleted"  # what an endpoint that is gone is called


def outcome(
    version: int,
    serving: Serving | None,
    *,
    tests: Mapping[str, Any] | None,
    rollout: Mapping[str, Any] | None,
    error: Mapping[str, Any] | None,
) -> tuple[str, str]:
    """Say how a release ended and why, by what the deployment says of itself.

    That the endpoint serves something else does not show how it came to that: the deployment may
    have arrived and somebody changed the endpoint since. A rollback is what has a reason of the
    endpoint's own, or whose alarms the endpoint names as those of its last deployment.
    """
    now = "nothing serves" if serving is None else f"{serving.config} is {serving.status}"
    config = (rollout or {}).get("config")
    if serving is not None and serving.serves(version) and config in (None, serving.config):
        return RELEASED, f"version {version} serves: {now}"
    if arrived(rollout):
        since = "the endpoint was changed past the registry since"
        return RELEASED, f"version {version} came into service with {config}; {since}: {now}"
    never = _never_requested(tests, rollout, error)
    if never is not None:
        return never[0], f"{never[1]}; production is as it was: {now}"
    return _turned_back(version, serving, rollout or {}, now)


def _never_requested(
    tests: Mapping[str, Any] | None,
    rollout: Mapping[str, Any] | None,
    error: Mapping[str, Any] | None,
) -> tuple[str, str] | None:
    """Say why production never began to change to a version; None where it did."""
    if error is not None:
        kind = TAMPERED if error.get("Error") == Tampered.__name__ else ERROR
        return kind, f"{error.get('Error')}: {message_of(error)}"
    if tests is not None and not tests.get("passed"):
        return TESTS_FAILED, str(tests.get("reason"))
    if rollout is not None and not rollout.get("started"):
        return WITHDRAWN, str(rollout.get("reason"))
    return None


def _turned_back(
    version: int, serving: Serving | None, rollout: Mapping[str, Any], now: str
) -> tuple[str, str]:
    """Say why production began to change to a version, and serves something else."""
    if serving is None or rollout.get("status") == DELETED:
        return INTERRUPTED, f"the endpoint was deleted while version {version} came; {now}"
    config = rollout.get("config")
    why = rollout.get("reason") or serving.failure_reason
    if not why and any(str(config) in alarm for alarm in serving.last_alarms):
        why = "one of the rollout's alarms went off"
    if why:
        return ROLLED_BACK, f"{why}; production: {now}"
    return INTERRUPTED, (
        f"the deployment of {config} ended and gives no reason: somebody brought the endpoint to "
        f"something else, past the registry; {now}"
    )


def lacked(
    outcome: str, rollout: Mapping[str, Any] | None, error: Mapping[str, Any] | None
) -> Trouble | None:
    """Return what AWS lacked, where that is why a release did not arrive: no verdict on a version.

    An endpoint that could not be made, or went back, says why by itself.
    """
    if outcome == ERROR and error is not None:
        return trouble_of(error)
    if outcome in (ROLLED_BACK, INTERRUPTED) and rollout is not None:
        return trouble(str(rollout.get("reason") or ""))
    return None


def arrived(rollout: Mapping[str, Any] | None) -> bool:
    """Whether the endpoint itself was seen to answer from the config that a rollout brought."""
    if rollout is None or not rollout.get("started"):
        return False
    same = rollout.get("serving_config") == rollout.get("config") is not None
    return same and rollout.get("status") in _ANSWERS


@dataclass(frozen=True)
class Kept:
    """What a model's endpoints serve from, and the version they may be brought back to by hand."""

    configs: frozenset[str]
    versions: frozenset[int]
    before: int | None

    def is_before(self, config: str) -> bool:
        """Whether a config is one by which the version before could serve again."""
        return self.before is not None and (
            version_of_config(config) == self.before and not is_staging_config(config)
        )


def needed(serving: Serving | None, staging: Serving | None, ended: Sequence[Release]) -> Kept:
    """Return what stays: what serves, and the version that was released before it.

    `ended` are the releases that ended, the newest first.
    """
    used = [each for each in (serving, staging) if each is not None]
    now = serving.version if serving else None
    before = next((r.version for r in ended if r.outcome == RELEASED and r.version != now), None)
    versions = {each.version for each in used} | {before}
    return Kept(
        frozenset(each.config for each in used),
        frozenset(version for version in versions if version is not None),
        before,
    )
