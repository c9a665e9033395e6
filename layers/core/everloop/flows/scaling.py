"""Scaling: AWS adds and takes away instances of what serves, but while a release is under way."""

from collections.abc import Iterator, Mapping

from everloop.aws import scaling
from everloop.aws.scaling import Scaled
from everloop.decisions.releases import Serving
from everloop.flows.report import logger
from everloop.records.installation import Installation
from everloop.spec import policy


def hold(installed: Installation) -> None:
    """Let nothing change the count of production's instances while a release changes them.

    AWS refuses another instance type of what it scales, and an update while it does.
    """
    if policy.deploy(installed.spec).scale is not None and scaling.release(installed.model):
        logger.info("held the scaling", model=installed.model)


def resume(installed: Installation, serving: Serving | None) -> None:
    """Have AWS scale what serves, as the spec says. No trouble undoes a release that ended."""
    wanted = policy.deploy(installed.spec).scale
    if wanted is None or serving is None or serving.status != "InService":
        return
    try:
        scaling.scale(installed.model, wanted)
    except Exception:  # reconcile does it again, and tells people where it cannot
        logger.exception("could not scale", model=installed.model)


def repair(installed: Installation, known: Mapping[str, Scaled], *, serves: bool) -> Iterator[str]:
    """Have AWS scale what it should and does not, and nothing else; yield what was done.

    `known` is what AWS scales for this stack, by endpoint.
    """
    model, wanted = installed.model, policy.deploy(installed.spec).scale
    has = known.get(model)
    if wanted is None:
        if has is not None and scaling.release(model):
            yield f"{model} was scaled, and its model.toml has no [deploy.scale]"
        return
    if serves and (has is None or not has.is_as(model, wanted)):
        scaling.scale(model, wanted)
        was = "not scaled" if has is None else "scaled by other bounds or another target"
        yield f"{model} was {was}: it has {wanted.least} to {wanted.most} instances"
