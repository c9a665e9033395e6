"""What [deploy.scale] says: bounds of an endpoint's instances, and the load of one."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from everloop.pipelines.scaling import Scale
from everloop.spec import instances

Spec = Mapping[str, Any]

PREFERRED: Final = "ml.m5.large"  # of what is scaled, unless told: AWS scales no ml.t…


def read(spec: Spec) -> Scale | None:
    """Return how production is scaled; None where it is not, as in specs of before."""
    section = spec["deploy"].get("scale")
    if not section:
        return None
    return Scale(
        least=section["min"],
        most=section["max"],
        requests_per_minute=float(section["requests_per_minute"]),
        out_rest=round(section["rest_after_growing_minutes"] * 60),
        in_rest=round(section["rest_after_shrinking_minutes"] * 60),
    )


def with_defaults(given: dict[str, Any]) -> dict[str, Any]:
    """Return [deploy] with what its scaling implies: the count, and a type that AWS scales."""
    scale = given.get("scale")
    production = given.get("production", {})
    if not isinstance(scale, dict) or not isinstance(production, dict):
        return given
    implied = {"count": scale.get("min", 1), "instance": PREFERRED}
    return {**given, "production": {**implied, **production}}


def mistakes(spec: Spec) -> Iterator[str]:
    """Yield what does not go together."""
    section, production = spec["deploy"].get("scale"), spec["deploy"]["production"]
    if not section:
        return
    least, most, count = section["min"], section["max"], production["count"]
    if most <= least:
        yield (
            f"deploy.scale.max is {most} and deploy.scale.min is {least}; give a max above min, or "
            "leave out [deploy.scale]: deploy.production.count is enough"
        )
    elif not least <= count <= most:
        yield (
            f"deploy.production.count is {count}; the first release begins with it, so give "
            f"{least} to {most}, as deploy.scale has it, or leave it out"
        )
    for instance in instances.listed(production["instance"]):
        if instance.startswith("ml.t"):
            yield (
                f"deploy.production.instance has {instance!r}; AWS scales no burstable instances: "
                f"leave it out, or take e.g. {PREFERRED!r}"
            )
